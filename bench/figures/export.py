"""Figures as files: PNG, SVG and PDF of the same specification, drawn with the font that is shipped."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterable, Sequence
from importlib.resources import as_file, files
from pathlib import Path

import vl_convert

from bench.figures import FIGURES, each
from bench.figures.captions import Caption
from bench.figures.composition import Spec, composed
from bench.figures.definition import Figure
from bench.figures.figure_tables import Tables

PIXELS = 2.0
"""Pixels of a PNG file for each of the chart."""

MOST_PROBLEMS = 6
"""Points of a sweep, each of which has a panel of its own; of more, curves along the option are drawn."""

VEGA_LITE = "6.4"
"""The version that draws; that of the page is the same."""


def save(picture: bytes, path: Path) -> None:
    """Write a file; at no time is there half a file of that name."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        temporary.write_bytes(picture)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def draw(
    folder: Path,
    tables: Tables,
    caption: Caption,
    formats: Sequence[str],
    titled: bool,
    names: Iterable[str] = tuple(FIGURES),
) -> tuple[list[Path], list[str]]:
    """Write the figures that apply to these tables into a folder.

    Args:
        folder: made if it is missing.
        tables: of a run, or of several.
        caption: the text around the figures.
        formats: of `bench.text.formats.FORMATS`.
        titled: whether figures have titles and captions.
        names: of `FIGURES`.

    Returns:
        The files, and a line for each figure that could not be drawn.
    """
    folder.mkdir(parents=True, exist_ok=True)
    chosen = [FIGURES[name] for name in names if FIGURES[name].table in tables]
    found, failed = each(chosen, functools.partial(_written, folder, tables, caption, formats, titled))
    return [path for paths in found for path in paths], failed


def _written(
    folder: Path, tables: Tables, caption: Caption, formats: Sequence[str], titled: bool, figure: Figure
) -> list[Path] | None:
    spec = None if _is_long(figure, tables) else composed(figure, tables, caption, titled)
    if spec is None:
        return None
    paths = [folder / f"{figure.name}.{kind}" for kind in formats]
    for path, kind in zip(paths, formats, strict=True):
        save(picture(spec, kind), path)
    return paths


def _is_long(figure: Figure, tables: Tables) -> bool:
    """Return whether there are too many panels of problems that curves along their option show, too."""
    rows = figure.drawn(tables)
    many = "problem" in rows and rows["problem"].nunique() > MOST_PROBLEMS
    return many and "along" in tables and not tables["along"].empty


def picture(spec: Spec, kind: str) -> bytes:
    """Return the content of a file of a Vega-Lite specification.

    Raises:
        ValueError: if the kind is none of `bench.text.formats.FORMATS`.
    """
    _register_font()
    if kind == "png":
        return bytes(vl_convert.vegalite_to_png(spec, vl_version=VEGA_LITE, scale=PIXELS))
    if kind == "pdf":
        return _in_order(bytes(vl_convert.vegalite_to_pdf(spec, vl_version=VEGA_LITE)))
    if kind == "svg":
        return vl_convert.vegalite_to_svg(spec, vl_version=VEGA_LITE).encode()
    raise ValueError(f"figures have no format {kind!r}")


def _in_order(pdf: bytes) -> bytes:
    """Return a PDF whose tables of resources are sorted: their order is random, and nothing depends on it."""
    table = re.compile(rb"(?:^ +/\w+ \d+ 0 R\n){2,}", re.MULTILINE)
    return table.sub(lambda found: b"".join(sorted(found[0].splitlines(keepends=True))), pdf)


@functools.cache
def _register_font() -> None:
    """Make the shipped font known, so that a machine without fonts draws the same."""
    with as_file(files("bench.figures").joinpath("fonts")) as folder:
        vl_convert.register_font_directory(str(folder))
