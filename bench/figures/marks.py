"""Marks that charts share: bands, points, intervals with arrows at open ends, lanes of names."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

import altair as alt
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from bench.figures.axes import SAMPLES, Settings, logarithmic, powers

POINT: dict[str, Any] = {"filled": True, "size": 55}
HOLLOW: dict[str, Any] = {"filled": False, "size": 55, "strokeWidth": 1.6}
"""A point through which one beneath it is seen."""

ARROW = 45
"""The size of an arrow at the end of an interval."""

BEHIND = "#8c8c8c"
"""The color of marks that are not data."""

DATA = "rows"
"""The name of the data of every chart."""

ONCE = alt.sequence(1)
"""Data of a mark that is drawn once, whatever the rows are."""

WIDTH, HEIGHT = 420, 280
"""Pixels of a chart that is not divided."""

Layer = alt.Chart


def color(named: bool = False) -> alt.Color:
    """Return the color of the estimator; its scale is put in later, the same in every figure.

    Args:
        named: whether an axis names the estimators, so that no legend is needed.
    """
    return alt.Color("estimator:N", title=None, legend=None if named else alt.Undefined)


def shape(named: bool = False) -> alt.Shape:
    """Return the shape of the points of the estimator."""
    return alt.Shape("estimator:N", title=None, legend=None if named else alt.Undefined)


def dashes() -> alt.StrokeDash:
    """Return the dashes of the lines of the estimator."""
    return alt.StrokeDash("estimator:N", title=None)


def line_of_its_own() -> list[alt.Detail]:
    """Return the columns that set apart lines of one estimator."""
    return [alt.Detail("device:N"), alt.Detail("dtype:N")]


def tooltip(rows: pd.DataFrame, *names: str) -> list[alt.Tooltip]:
    """Return the cell and these columns, with three digits, to be shown on hovering."""
    shown = ("estimator", "sample_size", "device", "dtype", *names)
    return [_field(rows, name) for name in dict.fromkeys(shown) if name in rows]


def _field(rows: pd.DataFrame, name: str) -> alt.Tooltip:
    title = name.replace("_", " ")
    if is_numeric_dtype(rows[name]) and not is_bool_dtype(rows[name]):
        exact = name in ("sample_size", "replicates", "index", "count")
        return alt.Tooltip(f"{name}:Q", title=title, format="d" if exact else ".3~g")
    return alt.Tooltip(f"{name}:N", title=title)


def layers(*marks: Layer, **encoding: Any) -> alt.LayerChart:
    """Return marks over one another, which share encodings, with the data of the figure."""
    chart: alt.LayerChart = alt.layer(*marks, data=alt.NamedData(DATA)).encode(**encoding)
    return chart.properties(width=WIDTH, height=HEIGHT)


def band(rows: pd.DataFrame, value: str, y: Settings, *shown: str) -> list[Layer]:
    """Return a line through points, in a band from the lower to the upper ends of their intervals."""
    area = alt.Chart().mark_area(opacity=0.18).encode(alt.Y("lower:Q", **y), alt.Y2("upper:Q"))
    line = alt.Chart().mark_line(strokeWidth=1.5).encode(alt.Y(f"{value}:Q", **y), dashes())
    point = alt.Chart().mark_point(**HOLLOW)
    return [
        area,
        line,
        point.encode(alt.Y(f"{value}:Q", **y), shape(), tooltip=tooltip(rows, value, *shown)),
        *arrows(rows, "y", y),
    ]


def interval(
    rows: pd.DataFrame,
    value: str,
    channel: str,
    axis: Settings,
    *shown: str,
    point: Mapping[str, Any] = MappingProxyType({}),
    **place: Any,
) -> list[Layer]:
    """Return points on lines from the lower to the upper ends of their intervals.

    Args:
        rows: the rows that are drawn.
        value: the column of the points.
        channel: `x` or `y`, on which the values lie.
        axis: of that channel.
        shown: further columns to be shown on hovering.
        point: encodings of the points alone; their shape, if an axis does not name the estimators.
        place: encodings of points and lines.
    """
    first, second = {"x": (alt.X, alt.X2), "y": (alt.Y, alt.Y2)}[channel]
    rule = alt.Chart().mark_rule(strokeWidth=1.5).encode(first("lower:Q", **axis), second("upper:Q"), **place)
    own = {"shape": shape(named=True), "tooltip": tooltip(rows, value, *shown), **point}
    points = alt.Chart().mark_point(**POINT).encode(first(f"{value}:Q", **axis), **own, **place)
    return [rule, points, *arrows(rows, channel, axis, **place)]


def arrows(rows: pd.DataFrame, channel: str, axis: Settings, **encoding: Any) -> list[Layer]:
    """Return arrows at the ends of intervals that lie beyond the axis, if there are any."""
    position = {"x": alt.X, "y": alt.Y}[channel]
    shapes = {"x": ("triangle-left", "triangle-right"), "y": ("triangle-down", "triangle-up")}[channel]
    ends = zip(("below", "above"), ("lower", "upper"), shapes, strict=True)
    # Rows without an arrow have one of no size: of no rows at all the axis would have no ends.
    return [
        alt.Chart()
        .mark_point(filled=True, shape=form, aria=False)
        .encode(
            position(f"{end}:Q", **axis),
            size=alt.when(f"datum.{beyond}").then(alt.value(ARROW)).otherwise(alt.value(0)),
            **encoding,
        )
        for beyond, end, form in ends
        if beyond in rows and rows[beyond].any()
    ]


def lanes(
    rows: pd.DataFrame,
    value: str,
    x: Settings,
    *shown: str,
    at: float | None = None,
    form: alt.Shape | None = None,
) -> list[Layer]:
    """Return points with their intervals along x, in a lane for each estimator and setting.

    Args:
        rows: with a column `setting`, the device and the type of numbers where they vary.
        value: the column that is drawn.
        x: the axis.
        shown: further columns to be shown on hovering.
        at: where a dashed line is drawn.
        form: the shape of the points; None for that of the estimator.
    """
    place = {"y": names(), "yOffset": lane(), "color": color(named=True)}
    return [
        *line_at(at, x),
        *interval(rows, value, "x", x, *shown, point={"shape": form or shape(named=True)}, **place),
    ]


def line_at(value: float | None, x: Settings) -> list[Layer]:
    """Return a dashed line across the axis; none without a value."""
    if value is None:
        return []
    mark = alt.Chart(ONCE).mark_rule(strokeDash=[4, 4], color=BEHIND)
    return [mark.encode(alt.XDatum(value, type="quantitative", scale=x["scale"]))]


def names() -> alt.Y:
    """Return an axis of the names of the estimators, in the order of the scenario."""
    return alt.Y("estimator:N", title=None, sort=None)


def lane() -> alt.YOffset:
    """Return a lane for each setting within the place of an estimator."""
    return alt.YOffset("setting:N", sort="ascending", scale=alt.Scale(paddingInner=0.15))


def by_sample_size(
    chart: alt.LayerChart, title: str = "", x: Literal["shared", "independent"] = "shared"
) -> alt.FacetChart:
    """Return a chart for each sample size, one below another.

    Args:
        chart: of each.
        title: one title below all of them.
        x: whether their x-axes are `shared` or `independent`.
    """
    header = alt.Header(
        labelOrient="top", labelAnchor="start", labelExpr="'N = ' + datum.value", labelPadding=4
    )
    below = alt.TitleParams(title, orient="bottom", anchor="middle", offset=8, fontWeight="normal")
    faceted: alt.FacetChart = chart.facet(row=alt.Row("sample_size:O", title=None, header=header))
    faceted = faceted.resolve_scale(x=x)
    return faceted.properties(spacing=8, **({"title": below} if title else {}))


def curve(rows: pd.DataFrame, value: str, title: str, *behind: Layer) -> alt.LayerChart:
    """Return a line in a band for each estimator against N; of a single N, points by name.

    Args:
        rows: with the ends of intervals.
        value: the column that is drawn.
        title: of its axis.
        behind: further marks.
    """
    axis = powers(title, rows[value])
    if rows["sample_size"].nunique() < 2:
        return by_name(rows, value, axis)
    return against_samples(rows, *behind, *band(rows, value, axis))


def against_samples(rows: pd.DataFrame, *marks: Layer) -> alt.LayerChart:
    """Return marks above a logarithmic axis of sample sizes."""
    x = alt.X("sample_size:Q", **logarithmic(SAMPLES, rows["sample_size"]))
    return layers(*marks, x=x, color=color(), detail=line_of_its_own())


def by_name(rows: pd.DataFrame, value: str, x: Settings) -> alt.LayerChart:
    """Return points with their intervals by the names of the estimators, where there is a single N."""
    marks = lanes(rows, value, x, f"{value}_low", f"{value}_high")
    return layers(*marks).properties(height=lane_height(rows, 24))


def lane_height(rows: pd.DataFrame, pixels: int) -> alt.Step:
    """Return the height of an estimator, with a lane of so many pixels for each setting."""
    return alt.Step(pixels * max(1, rows["setting"].nunique()), **{"for": "position"})
