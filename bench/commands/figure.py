"""What verbs that draw share: which files a figure may be, and how one gets there."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bench.commands.terminal import USAGE

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def kind_of(path: Path, option: str) -> str:
    """What kind of file is asked for; to be found out before anything is measured or printed.

    Raises:
        Invalid: if it is none that is drawn, or its folder is missing; the message names the option.
    """
    from bench.errors import invalid, shown
    from bench.text.formats import FORMATS

    kind = path.suffix.lower().lstrip(".")
    if kind not in FORMATS:
        raise invalid(f"{option} {shown(str(path))}: a name that ends in .png, .svg or .pdf is wanted")
    if not path.parent.is_dir():
        raise invalid(f"{option} {shown(str(path))}: there is no such folder")
    return kind


def write(figure: Figure, path: Path, kind: str) -> None:
    """Write a figure and say so on stderr; what cannot be written ends the program."""
    from bench.report.canvas import save

    _write(lambda: save(figure, path, kind), path)


def write_chart(spec: dict[str, Any], path: Path, kind: str) -> None:
    """Write a chart, given by its specification, in the same way."""
    from bench.figures.export import write

    _write(lambda: write(spec, path, kind), path)


def _write(save: Callable[[], None], path: Path) -> None:
    try:
        save()
    except OSError as error:
        click.echo(f"{path}: cannot be written: {error.strerror}", err=True)
        sys.exit(USAGE)
    click.echo(f"figure   {path}", err=True)
