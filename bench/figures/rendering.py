"""Vega-Lite specifications as PNG, SVG and PDF, drawn with the font that is shipped."""

from __future__ import annotations

import functools
import re
from importlib.resources import as_file, files

import vl_convert

from bench.figures.composition import Spec

PIXELS = 2.0  # of a PNG file for each of the chart
VEGA_LITE = "6.4"  # the version that draws; that of the page is the same


def picture(spec: Spec, kind: str) -> bytes:
    """Return the content of a file of a Vega-Lite specification; see `bench.text.formats.FORMATS`."""
    _register_font()
    if kind == "png":
        return bytes(vl_convert.vegalite_to_png(spec, vl_version=VEGA_LITE, scale=PIXELS))
    if kind == "pdf":
        return _in_order(bytes(vl_convert.vegalite_to_pdf(spec, vl_version=VEGA_LITE)))
    if kind == "svg":
        return _renumbered(vl_convert.vegalite_to_svg(spec, vl_version=VEGA_LITE)).encode()
    raise ValueError(f"figures have no format {kind!r}")


def _in_order(pdf: bytes) -> bytes:
    """Return a PDF whose tables of resources are sorted: their order is random, and nothing depends on it."""
    table = re.compile(rb"(?:^ +/\w+ \d+ 0 R\n){2,}", re.MULTILINE)
    return table.sub(lambda found: b"".join(sorted(found[0].splitlines(keepends=True))), pdf)


def _renumbered(svg: str) -> str:
    """Return an SVG with its clips counted from 0: the converter counts on from one file to the next."""
    names: dict[str, str] = {}
    clip = re.compile(r'(?<=id=")clip\d+|(?<=url\(#)clip\d+')
    return clip.sub(lambda found: names.setdefault(found[0], f"clip{len(names)}"), svg)


@functools.cache
def _register_font() -> None:
    with as_file(files("bench.figures").joinpath("fonts")) as folder:
        vl_convert.register_font_directory(str(folder))
