"""The file of a figure: its name, checked in time, and its writing."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from bench.commands.terminal import USAGE


def kind_of(path: Path, option: str) -> str:
    """Return the kind of file that is asked for, before anything is measured or printed.

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


def write(picture: bytes, path: Path) -> None:
    """Write a picture and say so on stderr; what cannot be written ends the program."""
    from bench.results.files import atomic_write

    try:
        with atomic_write(path) as temporary:
            temporary.write_bytes(picture)
    except OSError as error:
        click.echo(f"{path}: cannot be written: {error.strerror}", err=True)
        sys.exit(USAGE)
    click.echo(f"figure   {path}", err=True)
