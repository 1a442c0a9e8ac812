"""The power of N with which the variance falls."""

from __future__ import annotations

import altair as alt
import pandas as pd

from bench.figures.axes import plain
from bench.figures.definition import Chart, Figure, every
from bench.figures.marks import lane, lane_height, lanes, layers, names


def chart(rows: pd.DataFrame) -> Chart:
    """Return a point with its interval for each estimator and setting, and a dashed line at −1."""
    x = plain("power of N")
    marks = lanes(rows, "slope", x, "low", "high", "verdict", "lack_of_fit", at=-1)
    if rows["setting"].nunique() > 1:
        words = alt.Chart().mark_text(dy=-9, fontSize=10.5, style="words")
        marks.append(words.encode(alt.X("slope:Q", **x), names(), yOffset=lane(), text="setting:N"))
    return layers(*marks).properties(height=lane_height(rows, 26))


FIGURE = Figure(
    "rate",
    "How fast the variance falls: as 1/N on the dashed line",
    "For each estimator the fitted slope of log variance against log N, with its 95 % interval; "
    "an average of independent terms has −1.",
    "rates",
    every,
    chart,
    ("slope", "low", "high"),
    apart=(),
)
