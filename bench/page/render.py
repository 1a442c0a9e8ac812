"""One page from its views: text filled in, data and libraries put inside, nothing left to fetch."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import cache
from importlib.resources import files
from typing import Any

import jinja2
from markupsafe import Markup

from bench.page import tables
from bench.page.figures.figure import Figure
from bench.page.view import View
from bench.report.style import looks

LIBRARIES = ("vega.min.js", "vega-lite.min.js", "vega-embed.min.js")
_SCRIPTS = ("state", "figures", "table", "controls", "start")

_SHAPES = {
    "o": "circle", "s": "square", "^": "triangle-up", "D": "diamond", "v": "triangle-down", "P": "cross",
    "<": "triangle-left", "X": "stroke", ">": "triangle-right", "p": "wedge", "h": "arrow",
}  # fmt: skip


def page(views: Sequence[View]) -> str:
    """The page that shows these views, of which the first is seen at first."""
    return _template().render(
        title=views[0].title,
        views=views,
        data=_embedded(_data(views)),
        vendor=[Markup(_asset(f"vendor/{name}")) for name in LIBRARIES],
        css=Markup(_asset("page.css")),
        script=Markup("\n".join(_asset(f"script/{name}.js") for name in _SCRIPTS)),
    )


def _data(views: Sequence[View]) -> dict[str, Any]:
    labels = list(dict.fromkeys(label for view in views for label in view.labels))
    seen = looks(labels)
    return {
        "labels": labels,
        "colors": [seen[label].color for label in labels],
        "shapes": [_SHAPES[seen[label].marker] for label in labels],
        "dashes": [list(seen[label].dashes) or [1, 0] for label in labels],
        "views": [_view(view) for view in views],
    }


def _view(view: View) -> dict[str, Any]:
    controls = {label for frame in view.frames.values() if "control" in frame for label in frame["control"]}
    return {
        "name": view.name,
        "title": view.title,
        "run": view.run,
        "value": view.value,
        "rough": list(view.rough),
        "controls": [label for label in view.labels if label in controls] or list(view.labels[:1]),
        "tables": tables.as_data(view.frames),
        "figures": [{**asdict(figure), "fields": _fields(figure)} for figure in view.figures],
    }


def _fields(figure: Figure) -> dict[str, list[str]]:
    """The columns that the two axes of a figure show."""
    found: dict[str, list[str]] = {"x": [], "y": []}
    for channel, name in _channels(figure.spec):
        if name not in found[channel]:
            found[channel].append(name)
    return found


def _channels(part: Any) -> Iterator[tuple[str, str]]:
    if isinstance(part, dict):
        for key, value in part.items():
            if key in ("x", "y") and isinstance(value, dict) and "field" in value:
                yield key, value["field"]
            yield from _channels(value)
    elif isinstance(part, list):
        for each in part:
            yield from _channels(each)


def _embedded(data: Any) -> Markup:
    """JSON that no HTML parser takes for markup."""
    text = json.dumps(data, allow_nan=False, ensure_ascii=True, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


@cache
def _asset(name: str) -> str:
    return files("bench.page").joinpath(name).read_text(encoding="utf-8")


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(_asset("page.html"))
