"""A performance profile: the share of problems on which an estimator is nearly the best."""

from __future__ import annotations

import altair as alt
import pandas as pd

from bench.figures.axes import PERCENT, logarithmic
from bench.figures.definition import Chart, Figure, every
from bench.figures.marks import COLOR, DASHES, layers, tooltip


def _chart(rows: pd.DataFrame) -> Chart:
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
    _chart,
    ("share",),
    against="factor",
    logarithmic=("x",),
    switched=("metric",),
    apart=(),
    several="estimator",
)
