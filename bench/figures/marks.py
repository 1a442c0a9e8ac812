"""Marks that charts share: bands, points, intervals with arrows at open ends, lanes of names."""

from __future__ import annotations

from typing import Any, Literal

import altair as alt
import pandas as pd

from bench.figures.axes import Settings

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

# The scales of color, shape and dashes are put in later: an estimator has the same in every figure.
COLOR = alt.Color("estimator:N", title=None)
SHAPE = alt.Shape("estimator:N", title=None)
DASHES = alt.StrokeDash(
    "estimator:N", legend=alt.Legend(title=None, symbolType="stroke", symbolSize=900, labelExpr="''")
)
NAMED_COLOR = alt.Color("estimator:N", legend=None)
NAMED_SHAPE = alt.Shape("estimator:N", legend=None)
"""Color and shape where an axis names the estimators, so that no legend is needed."""

OWN_LINE = [alt.Detail("device:N"), alt.Detail("dtype:N")]
"""The columns that set apart lines of one estimator."""

LANE_WITH_NAME = 24
"""Pixels of a lane with the name of its setting above the point."""

LANE: dict[str, Any] = {
    "y": alt.Y("estimator:N", title=None, sort=None),
    "yOffset": alt.YOffset("setting:N", sort="ascending", scale=alt.Scale(paddingInner=0.15)),
}
"""Names of the estimators in the order of the scenario, with a lane for each setting."""

EXACT = ("sample_size", "replicates", "index", "count")
"""Columns of whole numbers, of which all digits are shown."""


def tooltip(rows: pd.DataFrame, *names: str) -> list[alt.Tooltip]:
    """Return the cell and those of these columns that there are, with three digits, for hovering."""
    shown = dict.fromkeys(("estimator", "sample_size", "device", "dtype", *names))
    numbers = set(rows.select_dtypes("number"))
    return [_field(name, name in numbers) for name in shown if name in rows]


def _field(name: str, is_number: bool) -> alt.Tooltip:
    form = ("d" if name in EXACT else ".3~g") if is_number else alt.Undefined
    return alt.Tooltip(
        name, type="quantitative" if is_number else "nominal", title=name.replace("_", " "), format=form
    )


def layers(*marks: alt.Chart | alt.LayerChart, **encoding: Any) -> alt.LayerChart:
    """Return marks over one another, which share encodings, with the data of the figure."""
    chart: alt.LayerChart = alt.layer(*marks, data=alt.NamedData(DATA)).encode(**encoding)
    return chart.properties(width=WIDTH, height=HEIGHT)


def band(rows: pd.DataFrame, value: str, *shown: str) -> list[alt.Chart]:
    """Return a line through points, in a band from the lower to the upper ends of their intervals."""
    y = f"{value}:Q"
    return [
        alt.Chart().mark_area(opacity=0.18).encode(y="lower:Q", y2="upper:Q"),
        alt.Chart().mark_line(strokeWidth=1.5).encode(y=y, strokeDash=DASHES),
        alt.Chart().mark_point(**HOLLOW).encode(y=y, shape=SHAPE, tooltip=tooltip(rows, value, *shown)),
        *arrows(rows, "y"),
    ]


def interval(rows: pd.DataFrame, value: str, channel: str, *shown: str, **point: Any) -> list[alt.Chart]:
    """Return points, with encodings of their own, on lines from the lower to the upper ends of intervals."""
    ends = {channel: "lower:Q", f"{channel}2": "upper:Q"}
    point |= {channel: f"{value}:Q", "tooltip": tooltip(rows, value, *shown)}
    return [
        alt.Chart().mark_rule(strokeWidth=1.5).encode(**ends),
        alt.Chart().mark_point(**POINT).encode(**point),
        *arrows(rows, channel),
    ]


def arrows(rows: pd.DataFrame, channel: str) -> list[alt.Chart]:
    """Return arrows at the ends of intervals that lie beyond the axis, if there are any."""
    before, after = {"x": ("left", "right"), "y": ("down", "up")}[channel]
    # Rows without an arrow have one of no size: of no rows at all the axis would have no ends.
    return [
        alt.Chart()
        .mark_point(filled=True, shape=f"triangle-{form}", aria=False)
        .encode(
            size=alt.when(f"datum.{beyond}").then(alt.value(ARROW)).otherwise(alt.value(0)),
            **{channel: f"{end}:Q"},
        )
        for beyond, end, form in (("below", "lower", before), ("above", "upper", after))
        if rows[beyond].any()
    ]


def lanes(
    rows: pd.DataFrame,
    value: str,
    x: Settings,
    *shown: str,
    pixels: int,
    at: float | None = None,
    behind: tuple[alt.Chart, ...] = (),
    form: alt.Shape = NAMED_SHAPE,
) -> alt.LayerChart:
    """Return points with their intervals along x, in a lane for each estimator and setting.

    Args:
        rows: with a column `setting`, the device and the type of numbers where they vary.
        value: the column that is drawn.
        x: the axis.
        shown: further columns to be shown on hovering.
        pixels: the height of a lane.
        at: where a dashed line is drawn.
        behind: marks behind the points.
        form: their shape; while it is that of the estimator, each lane is named where there are several.
    """
    points = alt.layer(*behind, *interval(rows, value, "x", *shown, shape=form)).encode(color=NAMED_COLOR)
    names = []
    settings = rows["setting"].nunique()
    if settings > 1 and form is NAMED_SHAPE:
        pixels = max(pixels, LANE_WITH_NAME)
        words = alt.Chart().mark_text(dy=-9, fontSize=10.5, style="words")
        names = [words.encode(x=f"{value}:Q", text="setting:N")]
    dashed = alt.Chart(ONCE).mark_rule(strokeDash=[4, 4], color=BEHIND)
    line = [] if at is None else [dashed.encode(alt.XDatum(at, type="quantitative"))]
    chart = layers(*line, alt.layer(points, *names).encode(**LANE), x=alt.X(**x))
    return chart.properties(height=alt.Step(pixels * settings, **{"for": "position"}))


def by_sample_size(
    chart: alt.LayerChart, title: str = "", x: Literal["shared", "independent"] = "shared"
) -> alt.FacetChart:
    """Return a chart for each sample size, one below another, all above one title."""
    header = alt.Header(
        labelOrient="top", labelAnchor="start", labelExpr="'N = ' + datum.value", labelPadding=4
    )
    below = alt.TitleParams(title, orient="bottom", anchor="middle", offset=8, fontWeight="normal")
    faceted: alt.FacetChart = chart.facet(row=alt.Row("sample_size:O", title=None, header=header))
    faceted = faceted.resolve_scale(x=x)
    return faceted.properties(spacing=8, **({"title": below} if title else {}))
