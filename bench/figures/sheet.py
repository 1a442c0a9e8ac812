"""A chart on a sheet of its own: data, panels, legend, and if wanted title and caption."""

from __future__ import annotations

import copy
import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pandas as pd
from altair.utils.schemapi import debug_mode

from bench.figures.about import About
from bench.figures.definition import Figure
from bench.figures.looks import looks
from bench.figures.marks import DATA
from bench.text.labels import distinct, plain
from bench.text.numbers import grouped

Spec = dict[str, Any]

MOST_PANELS = 24
"""A figure with more panels than this is no longer read."""

MOST_SIZES = 12
"""Sample sizes, each with a chart of its own, that are drawn below one another."""

UNITS = {"metric", "currency", "cost"}
"""Columns whose values have different units: panels of different units have axes of their own."""

INK, SOFT, FAINT = "#1b1b1b", "#505050", "#e3e3e3"
FONT = "DejaVu Sans"
PANEL = (220, 170)
"""Width and height of a chart that stands beside others, in pixels."""

TITLE_SIZE, CAPTION_SIZE = 13, 10
CHARACTER = 0.62
"""The mean width of a character of the font, in its size."""


def specification(
    figure: Figure, rows: pd.DataFrame, about: About, notice: str = "", titled: bool = True
) -> Spec:
    """Return a figure as one Vega-Lite specification that needs nothing else.

    Args:
        figure: the definition.
        rows: that are drawn, see `on_the_sheet`.
        about: the words around it.
        notice: what a reader must know where only some rows are there.
        titled: whether it has a title and a caption, too; a paper has its own.
    """
    names = distinct(about.labels)
    rows = rows.assign(estimator=rows["estimator"].map(names))
    rows, thinned = _thinned(figure, rows)
    panels = _panels(figure, rows)
    shown = dict(list(panels.items())[:MOST_PANELS])
    body, width = _body(figure, rows, shown)
    datasets = {f"{DATA} {i}": records(part) for i, part in enumerate(shown.values())}
    width += int(6.5 * max(map(len, names.values()))) + 20  # beside the charts, or in the legend
    spec = _colored(body, {names[label]: look for label, look in looks(about.labels).items()}, rows)
    if titled:
        more = len(panels) - len(shown)
        cut = f"not drawn: {more} further panels" if more > 0 else ""
        facts = " · ".join(filter(None, (about.facts, thinned, notice)))
        caption = [figure.description, facts, *about.left_out(figure, rows), cut]
        spec = _titled(spec, about.heading, figure.title, caption, width)
    return {"$schema": alt.SCHEMA_URL, "config": _config(), "datasets": datasets, **spec}


def on_the_sheet(figure: Figure, rows: pd.DataFrame, about: About) -> pd.DataFrame:
    """Return the rows that have a place on the axes and are not folded; of ratios those to the control."""
    for name in figure.positive.values() if len(rows) else ():
        rows = rows[rows[name] > 0]
    if len(rows) and "control" in rows:
        controls = list(rows["control"].unique())
        rows = rows[rows["control"] == (about.control if about.control in controls else controls[0])]
    if len(rows) and "folded" in rows:
        rows = rows[~rows["folded"]]
    return rows


def chart_of(figure: Figure, rows: pd.DataFrame) -> Spec:
    """Return the chart of rows as a Vega-Lite specification, without its data."""
    with debug_mode(False):  # the tests check every chart against the schema, which takes most of the time
        spec = figure.chart(rows).to_dict(validate=False)
    for part in spec.get("hconcat", ()):
        part.pop("data", None)  # the data of the whole chart are those of its parts
    return {"data": {"name": DATA}} | {
        name: part for name, part in spec.items() if name not in ("$schema", "config")
    }


def records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Return rows as JSON has them: what is missing or not finite is null."""
    columns = {str(name): column(rows[name]) for name in rows}
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def column(values: pd.Series[Any]) -> list[Any]:
    """Return a column as JSON has it: numbers unchanged, what is missing or not finite as null."""
    if values.dtype.kind == "f":
        return [value if math.isfinite(value) else None for value in values.tolist()]
    missing = values.isna().tolist()
    return [None if gone else value for value, gone in zip(values.tolist(), missing, strict=True)]


def _thinned(figure: Figure, rows: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Return the rows of as many sample sizes as there is room for, where each has a chart of its own."""
    sizes = sorted(rows["sample_size"].unique()) if "sample_size" in rows else []
    if len(sizes) <= MOST_SIZES or not _is_divided(chart_of(figure, rows)):
        return rows, ""
    step = math.ceil(len(sizes) / MOST_SIZES)
    return rows[
        rows["sample_size"].isin(sizes[::step])
    ], f"one in {step} of {len(sizes)} sample sizes is drawn"


def _panels(figure: Figure, rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the rows of each panel by its title."""
    names = figure.panels(rows)
    if not names:
        return {"": rows}
    titles = [
        " · ".join(filter(None, map(_in_words, names, values)))
        for values in rows[names].itertuples(index=False, name=None)
    ]
    return {str(title): part for title, part in rows.groupby(pd.Series(titles, rows.index), sort=False)}


def _in_words(name: str, value: object) -> str:
    if name == "sample_size":
        return f"N = {grouped(float(str(value)))}"
    return plain(value).replace("_", " ") if name in UNITS else plain(value)


def _body(figure: Figure, rows: pd.DataFrame, panels: Mapping[str, pd.DataFrame]) -> tuple[Spec, int]:
    """Return the charts of all panels, and about how many pixels wide they are together."""
    own = bool(UNITS & set(figure.panels(rows)))
    charts = [
        {**chart_of(figure, part if own else rows), "data": {"name": f"{DATA} {i}"}}
        for i, part in enumerate(panels.values())
    ]
    if len(charts) == 1:
        return charts[0], _width(charts[0])
    divided = _is_divided(charts[0])
    charts = [_panel(chart, title) for chart, title in zip(charts, panels, strict=True)]
    across = min(len(charts), 2 if divided else 3)
    kind = "independent" if own or divided else "shared"
    body = {"concat": charts, "columns": across, "spacing": 18, "resolve": {"scale": {"x": kind, "y": kind}}}
    return body, across * (_width(charts[0]) + 18)


def _panel(chart: Spec, title: str) -> Spec:
    """Return a chart under a title, with a title below all its parts if it had one."""
    above = {"text": title, "anchor": "start", "fontSize": 11}
    if "title" in chart:
        return {"title": above, "hconcat": [chart]}
    if not _is_divided(chart):
        high = PANEL[1] if isinstance(chart.get("height"), int) else chart.get("height")
        chart = {**chart, "width": PANEL[0], "height": high}
    return {**chart, "title": above}


def _is_divided(spec: Spec) -> bool:
    return "facet" in spec


def _width(spec: Spec) -> int:
    inner = spec.get("hconcat", [spec])[0]
    inner = inner.get("spec", inner)
    width = inner.get("width", 300)
    return (width if isinstance(width, int) else 300) + 90


def _colored(spec: Spec, looked: Mapping[str, Any], rows: pd.DataFrame) -> Spec:
    """Give each estimator the same color, shape and dashes in every figure."""
    present = [label for label in looked if label in set(rows["estimator"])]
    ranges = {
        "color": [looked[label].color for label in present],
        "shape": [looked[label].shape for label in present],
        "strokeDash": [list(looked[label].dashes) or [1, 0] for label in present],
    }

    def walked(part: Any, key: str = "") -> Any:
        if isinstance(part, list):
            return [walked(each) for each in part]
        if not isinstance(part, dict):
            return part
        found = {name: walked(value, name) for name, value in part.items()}
        if key in ranges and part.get("field") == "estimator":
            found["scale"] = {"domain": present, "range": ranges[key]}
        if key in ("x", "y") and part.get("field") == "estimator":
            found["sort"] = present
        return found

    colored: Spec = walked(copy.copy(spec))
    return colored


def _titled(spec: Spec, heading: str, title: str, caption: Sequence[str], width: int) -> Spec:
    """Put a heading and a title above, and a caption below."""
    above, below = _wrapped([heading], width, TITLE_SIZE), _wrapped(caption, width, CAPTION_SIZE)
    left = {"anchor": "start", "frame": "bounds"}
    foot = {**left, "text": below, "orient": "bottom", "fontSize": CAPTION_SIZE, "color": SOFT, "offset": 10}
    head = {
        **left,
        "text": title,
        "fontSize": TITLE_SIZE,
        "subtitle": above,
        "subtitleFontSize": 11,
        "offset": 10,
    }
    # The legend belongs to the charts: of all it would stand beside the longest line of the words.
    own = {"resolve": {"scale": dict.fromkeys(("color", "shape", "strokeDash"), "independent")}}
    return {"title": head, **own, "vconcat": [{"title": foot, **own, "vconcat": [spec]}]}


def _wrapped(texts: Sequence[str], width: int, size: int) -> list[str]:
    across = max(60, int(width / (size * CHARACTER)))
    return [line for text in texts for line in textwrap.wrap(text, across)]


def _config() -> Spec:
    text = {"labelColor": INK, "titleColor": INK, "labelFontSize": 11, "titleFontSize": 12,
            "titleFontWeight": "normal"}  # fmt: skip
    return {
        "background": "white",
        "font": FONT,
        "view": {"stroke": FAINT},
        "axis": {**text, "gridColor": FAINT, "domainColor": INK, "tickColor": INK, "labelLimit": 260},
        "legend": {**text, "labelLimit": 300, "symbolOpacity": 1},
        "header": text,
        "title": {"color": INK, "subtitleColor": SOFT, "fontSize": 12, "fontWeight": "normal"},
        "style": {"ink": {"color": INK}, "words": {"color": INK}},
    }
