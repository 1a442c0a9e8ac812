"""One page from its views: text filled in, data and libraries put inside, nothing left to fetch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup

from bench.figures.composition import column
from bench.figures.estimator_style import styles
from bench.page.charts import PLACES, Chart
from bench.page.view import View

LIBRARIES = "libraries.min.js"
"""Vega, Vega-Lite and Vega-Embed, of the versions that draw the files, too."""

_SCRIPTS = ("state", "figures", "table", "controls", "start")


def page(views: Sequence[View]) -> str:
    """The page that shows these views, of which the first is seen at first."""
    return _template().render(
        title=views[0].title,
        views=views,
        data=_embedded(_data(views)),
        libraries=Markup(_asset(f"vendor/{LIBRARIES}")),
        css=Markup(_asset("page.css")),
        script=Markup("\n".join(_asset(f"script/{name}.js") for name in _SCRIPTS)),
    )


def _data(views: Sequence[View]) -> dict[str, Any]:
    labels = list(dict.fromkeys(label for view in views for label in view.labels))
    seen = styles(labels)
    return {
        "labels": labels,
        "colors": [seen[label].color for label in labels],
        "shapes": [seen[label].shape for label in labels],
        "dashes": [seen[label].dashes for label in labels],
        "views": [_view(view) for view in views],
    }


def _view(view: View) -> dict[str, Any]:
    compared = [chart.rows["control"] for chart in view.figures if "control" in chart.rows]
    controls = {label for column in compared for label in column}
    whole = {} if view.measurements is None else {"measurements": _columns(view.measurements)}
    return {
        "name": view.name,
        "title": view.title,
        "run": view.measurements is not None,
        "rough": list(view.rough),
        "controls": [label for label in view.labels if label in controls] or list(view.labels[:1]),
        "tables": whole,
        "columns": list(view.columns),
        "headline": view.headline,
        "figures": [_figure(chart) for chart in view.figures],
    }


def _figure(chart: Chart) -> dict[str, Any]:
    return {
        "name": chart.figure.name,
        "title": chart.figure.title,
        "place": chart.place,
        "metric": PLACES[chart.place][chart.figure.name] if chart.place else "",
        "rows": packed(chart.rows),
        "spec": chart.spec,
        "logarithmic": chart.figure.positive,
        "switched": chart.switched,
    }


def packed(frame: pd.DataFrame) -> dict[str, Any]:
    """Return a frame column by column; of a column with one value throughout that value alone."""
    columns = _columns(frame)
    alike = [name for name, each in columns.items() if len(each) > 1 and each.count(each[0]) == len(each)]
    if len(alike) == len(columns):
        return dict(columns)
    return {name: values[0] if name in alike else values for name, values in columns.items()}


def _columns(frame: pd.DataFrame) -> dict[str, list[Any]]:
    """Return a frame column by column: numbers unchanged, what is not finite as null."""
    return {str(name): column(frame[name]) for name in frame.columns}


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
