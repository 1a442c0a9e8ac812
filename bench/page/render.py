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
from bench.page.charts import Chart
from bench.page.view import View

LIBRARIES = "libraries.min.js"
"""Vega, Vega-Lite and Vega-Embed, of the versions that draw the files, too."""

_SCRIPTS = ("state", "figures", "table", "controls", "start")


def page(views: Sequence[View]) -> str:
    """Return the page that shows these views, of which the first is seen at first."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    data = json.dumps(_data(views), allow_nan=False, separators=(",", ":"))
    return environment.from_string(_asset("page.html")).render(
        views=views,
        # No parser of HTML takes it for markup.
        data=Markup(data.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")),
        libraries=_asset(f"vendor/{LIBRARIES}"),
        css=_asset("page.css"),
        script=Markup("\n").join(_asset(f"script/{name}.js") for name in _SCRIPTS),
    )


def _data(views: Sequence[View]) -> dict[str, Any]:
    seen = styles(label for view in views for label in view.labels)
    return {
        "labels": list(seen),
        "colors": [style.color for style in seen.values()],
        "shapes": [style.shape for style in seen.values()],
        "dashes": [style.dashes for style in seen.values()],
        "views": [_view(view) for view in views],
    }


def _view(view: View) -> dict[str, Any]:
    controls = {label for chart in view.figures for label in chart.rows.get("control", ())}
    plain = {name: getattr(view, name) for name in ("name", "title", "headline", "rough", "columns")}
    return {
        **plain,
        "run": view.measurements is not None,
        "controls": [label for label in view.labels if label in controls] or list(view.labels[:1]),
        "tables": {} if view.measurements is None else {"measurements": _columns(view.measurements)},
        "figures": [_figure(chart) for chart in view.figures],
    }


def _figure(chart: Chart) -> dict[str, Any]:
    return {
        "name": chart.figure.name,
        "title": chart.figure.title,
        "place": chart.place,
        "rows": packed(chart.rows),
        "spec": chart.spec,
        "logarithmic": chart.figure.positive,
        "switched": chart.switched,
    }


def packed(frame: pd.DataFrame) -> dict[str, Any]:
    """Return a frame column by column; of a column with one value throughout that value alone."""
    columns = _columns(frame)
    alike = {name for name, each in columns.items() if len(each) > 1 and each.count(each[0]) == len(each)}
    if len(alike) == len(columns):
        return dict(columns)
    return {name: values[0] if name in alike else values for name, values in columns.items()}


def _columns(frame: pd.DataFrame) -> dict[str, list[Any]]:
    return {str(name): column(frame[name]) for name in frame}


@cache
def _asset(name: str) -> Markup:
    return Markup(files("bench.page").joinpath(name).read_text(encoding="utf-8"))
