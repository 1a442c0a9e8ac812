"""Distributions as steps: of squared deviations of single estimates, and of ratios to the best."""

from __future__ import annotations

import altair as alt
import pandas as pd

from bench.figures.axes import PERCENT, logarithmic, powers
from bench.figures.definition import Chart, Figure, every
from bench.figures.marks import COLOR, DASHES, POINT, SHAPE, by_sample_size, layers, tooltip

MOST_FLAGS = 6
"""Heavy tails of one N that are told in words, below one another in the corner."""


def _chart(rows: pd.DataFrame) -> Chart:
    x = alt.X(**powers("squared deviation, in multiples of the variance", rows["low"]))
    y = alt.Y("share:Q", title=None, axis=alt.Axis(labelExpr=PERCENT, tickCount=3))
    steps = alt.Chart().mark_line(interpolate="step-after", strokeWidth=1.2)
    shares = steps.encode(
        y,
        x="low:Q",
        strokeDash=DASHES,
        detail="cell:N",
        tooltip=tooltip(rows, "low", "high", "count", "share"),
    )
    largest = alt.Chart().transform_filter("isValid(datum.largest)").mark_point(**POINT)
    points = largest.encode(
        x="largest:Q",
        y=alt.YDatum(0, type="quantitative"),
        shape=SHAPE,
        opacity=alt.when("datum.heavy").then(alt.value(1)).otherwise(alt.value(0.35)),
        tooltip=tooltip(rows, "largest", "kurtosis", "flag"),
    )
    heavy = alt.Chart().transform_filter(f"datum.heavy && datum.place < {MOST_FLAGS}")
    text = heavy.mark_text(
        align="left", baseline="top", fontSize=10.5, dx=4, dy=alt.expr("4 + 12 * datum.place")
    )
    flags = text.encode(text="flag:N", color=COLOR, x=alt.value(0), y=alt.value(0))
    return by_sample_size(layers(alt.layer(shares, points).encode(x, COLOR), flags).properties(height=90))


SPREAD = Figure(
    "spread",
    "Spread of single estimates: a long tail makes every variance uncertain",
    "For each N the share of the estimates whose squared deviation is so many times the variance. The "
    "points below are the largest deviations, in full where the tail is heavy: the variance has fewer "
    "than 50 effective degrees of freedom, or a single estimate carries more than 5 % of it.",
    "spread",
    every,
    _chart,
    ("share",),
    against="low",
)


# --- performance profile --------------------------------------------------------------------------


def _profile_chart(rows: pd.DataFrame) -> Chart:
    """Return a line of steps for each estimator; Dolan & Moré (2002), Benchmarking optimization software."""
    scale, axis = alt.Scale(domain=[0, 1]), alt.Axis(labelExpr=PERCENT)
    steps = alt.Chart().mark_line(interpolate="step-after", strokeWidth=1.8)
    line = steps.encode(
        alt.X("factor:Q", **logarithmic("within so many times the best")),
        alt.Y("share:Q", title="share of problems", scale=scale, axis=axis),
        COLOR,
        DASHES,
        order="factor:Q",
        tooltip=tooltip(rows, "factor", "share", "problems"),
    )
    return layers(line)


PROFILE = Figure(
    "profile",
    "Performance profile: on how many problems is an estimator nearly the best?",
    "For each estimator the share of problems on which it is within a factor of the best one: the higher "
    "a line, the more often; at factor 1, how often it is the best itself.",
    "profile",
    every,
    _profile_chart,
    ("share",),
    against="factor",
    logarithmic=("x",),
    switched=("metric",),
    several="estimator",
)
