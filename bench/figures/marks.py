"""Marks that charts share: bands, points, intervals with arrows at open ends, lanes of names."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from bench.analysis.rows import are_granted
from bench.figures.axes import Settings
from bench.text.size_words import EVALUATIONS

POINT: dict[str, Any] = {"filled": True, "size": 55}
HOLLOW: dict[str, Any] = {"filled": False, "size": 55, "strokeWidth": 1.6}  # one beneath it is seen
ARROW = 45  # the size of an arrow at the end of an interval
SLIM_ARROW, ARROW_AWAY = 110, 12  # the size of an arrow beside a point, and the pixels between them
_UP, _DOWN = "M0 1V-1M-.55 -.35L0 -1L.55 -.35", "M0 -1V1M-.55 .35L0 1L.55 .35"  # like no shape of a point
_IS_OPEN = "(datum.below || datum.above)"
DATA = "rows"  # the name of the data of every chart
ONCE = alt.sequence(1)  # data of a mark that is drawn once, whatever the rows are
BEHIND = "#8c8c8c"  # the color of marks that are not data
WIDTH, HEIGHT = 420, 280  # pixels of a chart that is not divided
NAMED_LANE = 24  # pixels of a lane with the name of its setting above the point
EXACT = ("sample_size", "replicates", "index", "count")  # whole numbers, of which all digits are shown


Mark = alt.Chart | alt.LayerSpec  # what can be a layer of a chart

# The scales of color, shape and dashes are put in later: an estimator has the same in every figure.
COLOR = alt.Color("estimator:N", title=None)
SHAPE = alt.Shape("estimator:N", title=None)
DASHES = alt.StrokeDash(
    "estimator:N", legend=alt.Legend(title=None, symbolType="stroke", symbolSize=900, labelExpr="''")
)
NAMED_COLOR = alt.Color("estimator:N", legend=None)  # where an axis names the estimators
NAMED_SHAPE = alt.Shape("estimator:N", legend=None)

ENDS = {"x": (alt.X, alt.X2), "y": (alt.Y, alt.Y2)}  # classes: for a text Altair searches in all of them

LEFT, RIGHT = alt.XValue(0), alt.XValue("width")  # type: ignore[no-untyped-call]
TO_THE_RIGHT = alt.X2Value("width")  # type: ignore[no-untyped-call]
TOP, ABOVE = alt.YValue(0), alt.YValue(-3)  # type: ignore[no-untyped-call]
"""Places within the frame of a chart, whatever its axes are."""

OWN_LINE = [alt.Detail("device:N"), alt.Detail("dtype:N")]  # they set apart lines of one estimator

LANE: dict[str, Any] = {
    "y": alt.Y("estimator:N", title=None, sort=None),
    "yOffset": alt.YOffset("setting:N", sort="ascending", scale=alt.Scale(paddingInner=0.15)),
}
"""Names of the estimators in the order of the scenario, with a lane for each setting."""


def tooltip(rows: pd.DataFrame, *names: str) -> list[alt.Tooltip]:
    """Return the cell and those of these columns that there are, with three digits, for hovering."""
    shown = dict.fromkeys(("estimator", "sample_size", "device", "dtype", *names))
    numbers = {name: "d" if name in EXACT else ".3~g" for name in rows.select_dtypes("number")}
    return [
        alt.Tooltip(f"{name}:Q", title=name.replace("_", " "), format=numbers[name])
        if name in numbers
        else alt.Tooltip(f"{name}:N", title=name.replace("_", " "))
        for name in shown
        if name in rows
    ]


def sharing(*marks: Mark, **encoding: Any) -> alt.LayerSpec:
    """Return marks over one another that share encodings.

    Plain parts of Altair's schema, here and below: its layers and facets copy all their marks whenever they
    are made or put into another chart, which took most of the time of a page.
    """
    return alt.LayerSpec(layer=list(marks), encoding=alt.SharedEncoding(**encoding))


def layers(
    *marks: Mark, width: float | alt.Step = WIDTH, height: float | alt.Step = HEIGHT, **encoding: Any
) -> alt.LayerSpec:
    """Return a chart of marks over one another that share encodings."""
    chart = sharing(*marks, **encoding)
    chart["width"], chart["height"] = width, height
    return chart


def band(rows: pd.DataFrame, value: str, *shown: str) -> list[alt.Chart]:
    """Return a line through points, in a band from the lower to the upper ends of their intervals.

    Where an interval is open the band has a gap, and an arrow stands beside the point.
    """
    y = alt.Y(f"{value}:Q")
    is_open = rows["below"].any() or rows["above"].any()
    return [
        _area()
        if is_open
        else alt.Chart().mark_area(fillOpacity=0.18).encode(alt.Y("lower:Q"), alt.Y2("upper:Q")),
        alt.Chart().mark_line(strokeWidth=1.5).encode(y, DASHES),
        alt.Chart().mark_point(**HOLLOW).encode(y, SHAPE, tooltip=tooltip(rows, value, *shown)),
        *(_stubs(rows, value) if is_open else []),
    ]


def _area() -> alt.Chart:
    """Return a band with a gap where an interval is open: it has no edge that neighbors could lead to."""
    area = alt.Chart().mark_area(fillOpacity=0.18, invalid="break-paths-filter-domains")
    closed = {f"closed_{end}": f"{_IS_OPEN} ? null : datum.{end}" for end in ("lower", "upper")}
    edges = alt.Y("closed_lower:Q"), alt.Y2("closed_upper:Q")
    band_with_gaps: alt.Chart = area.transform_calculate(**closed).encode(*edges)
    return band_with_gaps


def _stubs(rows: pd.DataFrame, value: str) -> list[alt.Chart]:
    """Return for each open interval a line from its closed end to the point, and an arrow beside it."""
    place = f"datum['{value}']"
    ends = {
        f"known_{end}": f"{_IS_OPEN} && !datum.{beyond} ? datum.{end} : {place}"
        for beyond, end in (("below", "lower"), ("above", "upper"))
    }
    rule = alt.Chart().mark_rule(strokeWidth=1.5).transform_calculate(**ends)
    beside = [
        alt.Chart()
        .mark_point(shape=shape, strokeWidth=1.6, yOffset=offset, aria=False)
        .encode(alt.Y(f"{value}:Q"), size=_size_where(beyond, SLIM_ARROW))
        for beyond, shape, offset in (("below", _DOWN, ARROW_AWAY), ("above", _UP, -ARROW_AWAY))
        if rows[beyond].any()
    ]
    return [rule.encode(alt.Y("known_lower:Q"), alt.Y2("known_upper:Q")), *beside]


def interval(rows: pd.DataFrame, value: str, channel: str, *shown: str, **point: Any) -> list[alt.Chart]:
    """Return points, with encodings of their own, on lines from the lower to the upper ends of intervals."""
    at, beyond = ENDS[channel]
    shown_values = tooltip(rows, value, *shown)
    return [
        alt.Chart().mark_rule(strokeWidth=1.5).encode(at("lower:Q"), beyond("upper:Q")),
        alt.Chart().mark_point(**POINT).encode(at(f"{value}:Q"), tooltip=shown_values, **point),
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
            size=_size_where(beyond, ARROW),
            **{channel: ENDS[channel][0](f"{end}:Q")},
        )
        for beyond, end, form in (("below", "lower", before), ("above", "upper", after))
        if rows[beyond].any()
    ]


def _size_where(beyond: str, size: int) -> Any:
    """Return the size of an arrow where a column says so, and none elsewhere."""
    return alt.when(f"datum.{beyond}").then(alt.value(size)).otherwise(alt.value(0))


def lanes(
    rows: pd.DataFrame,
    value: str,
    x: Settings,
    *shown: str,
    pixels: int,
    at: float | None = None,
    behind: tuple[alt.Chart, ...] = (),
    form: alt.Shape = NAMED_SHAPE,
) -> alt.LayerSpec:
    """Return points with their intervals along x, in a lane of some pixels for each estimator and setting.

    A dashed line stands `at` a value, other marks behind the points. While these have the form of their
    estimator, the settings are named where there are several.
    """
    points = sharing(*behind, *interval(rows, value, "x", *shown, shape=form), color=NAMED_COLOR)
    names = []
    settings = rows["setting"].nunique()
    if settings > 1 and form is NAMED_SHAPE:
        pixels = max(pixels, NAMED_LANE)
        words = alt.Chart().mark_text(dy=-9, fontSize=10.5, style="words")
        names = [words.encode(alt.X(f"{value}:Q"), alt.Text("setting:N"))]
    dashed = alt.Chart(ONCE).mark_rule(strokeDash=[4, 4], color=BEHIND)
    line = [] if at is None else [dashed.encode(alt.XDatum(at, type="quantitative"))]
    height = alt.Step(pixels * settings, **{"for": "position"})
    return layers(*line, sharing(points, *names, **LANE), height=height, x=alt.X(**x))


def size_label(rows: pd.DataFrame) -> str:
    """Return the label of a sample size, as an expression of Vega."""
    return f"datum.value + ' {EVALUATIONS}'" if are_granted(rows) else "'N = ' + datum.value"


def by_sample_size(
    chart: alt.LayerSpec, rows: pd.DataFrame, title: str = "", **properties: Any
) -> alt.FacetSpec:
    """Return a chart for each sample size of the rows, one below another, all above one title."""
    named: dict[str, Any] = {"labelOrient": "top", "labelAnchor": "start", "labelPadding": 4}
    header = alt.Header(labelExpr=size_label(rows), **named)
    below = alt.TitleParams(title, orient="bottom", anchor="middle", offset=8, fontWeight="normal")
    row = alt.FacetMapping(row=alt.Row("sample_size:O", title=None, header=header))
    properties |= {"title": below} if title else {}
    return alt.FacetSpec(facet=row, spec=chart, spacing=8, **properties)
