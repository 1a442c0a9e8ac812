"""The distribution of the squared deviations of single estimates."""

from __future__ import annotations

import altair as alt
import pandas as pd

from bench.figures.axes import PERCENT, powers
from bench.figures.definition import Chart, Figure, every
from bench.figures.marks import POINT, Layer, by_sample_size, color, dashes, layers, shape, tooltip

MOST_FLAGS = 6
"""Heavy tails of one N that are told in words."""

TITLE = "squared deviation, in multiples of the variance"


def chart(rows: pd.DataFrame) -> Chart:
    """Return a histogram for each cell, its largest deviation, and words about heavy tails."""
    y = alt.Y("share:Q", title=None, axis=alt.Axis(labelExpr=PERCENT, tickCount=3))
    line = alt.Chart().mark_line(interpolate="step-after", strokeWidth=1.2)
    steps = line.encode(
        alt.X("low:Q", **powers(TITLE, rows["low"])),
        y,
        color(),
        dashes(),
        detail=alt.Detail("cell:N"),
        tooltip=tooltip(rows, "low", "high", "count", "share"),
    )
    return by_sample_size(layers(steps, _largest(rows), _flags()).properties(height=90))


def _largest(rows: pd.DataFrame) -> Layer:
    """Return the largest squared deviation of each cell, on the axis."""
    known = alt.Chart().transform_filter("isValid(datum.largest)")
    strong = alt.when("datum.heavy").then(alt.value(1)).otherwise(alt.value(0.35))
    points: Layer = known.mark_point(**POINT).encode(
        alt.X("largest:Q", **powers(TITLE, rows["low"])),
        alt.YDatum(0, type="quantitative"),
        color(),
        shape(),
        opacity=strong,
        tooltip=tooltip(rows, "largest", "kurtosis", "flag"),
    )
    return points


def _flags() -> Layer:
    """Return the words about heavy tails, below one another in the corner."""
    heavy = alt.Chart().transform_filter(f"datum.heavy && datum.place < {MOST_FLAGS}")
    text = heavy.mark_text(
        align="left", baseline="top", fontSize=10.5, dx=4, dy=alt.expr("4 + 12 * datum.place")
    )
    words: Layer = text.encode(alt.Text("flag:N"), color(), x=alt.value(0), y=alt.value(0))
    return words


FIGURE = Figure(
    "spread",
    "Spread of single estimates: a long tail makes every variance uncertain",
    "For each N the share of the estimates whose squared deviation is so many times the variance. The "
    "points below are the largest deviations, in full where the tail is heavy: the variance has fewer "
    "than 50 effective degrees of freedom, or a single estimate carries more than 5 % of it.",
    "spread",
    every,
    chart,
    ("share",),
    against="low",
    apart=(),
)
