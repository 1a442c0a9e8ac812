"""The mean squared error as variance and squared bias."""

from __future__ import annotations

import altair as alt
import pandas as pd

from bench.figures.axes import PLAIN
from bench.figures.cells import cells
from bench.figures.definition import Chart, Figure, interval_of
from bench.figures.marks import LANE, NAMED_COLOR, by_sample_size, layers, tooltip

LEAST_SHARE = 0.01
"""The share of the error from which a squared bias is told in words."""


def _rows(measurements: pd.DataFrame) -> pd.DataFrame:
    found = cells(measurements, *interval_of("mse"), "variance", "replicates").dropna(subset="variance")
    # The estimate of the error can fall below that of the variance: then no bias is left to be seen.
    whole = found["mse"].clip(lower=found["variance"])
    share = (1 - found["variance"] / whole.where(whole > 0)).fillna(0.0)
    told = [f"bias² {100 * each:.0f} %" if each >= LEAST_SHARE else "" for each in share]
    words = (found["setting"] + " " + pd.Series(told, found.index, dtype=str)).str.strip()
    return found.assign(whole=whole, bias_share=share, words=words)


def _chart(rows: pd.DataFrame) -> Chart:
    mark = alt.Chart()
    marks = [
        mark.mark_bar(opacity=0.75).encode(x="variance:Q", color=NAMED_COLOR),
        mark.mark_bar(style="ink").encode(x="variance:Q", x2="whole:Q"),
        mark.mark_rule(style="words").encode(x="lower:Q", x2="upper:Q"),
        mark.mark_text(align="left", dx=6, style="words")
        .encode(x="furthest:Q", text="words:N")
        .transform_calculate(furthest="max(datum.whole, datum.upper)"),
    ]
    axis = alt.Axis(tickCount=4, labelExpr=PLAIN, labelOverlap="greedy")
    shown = tooltip(rows, *interval_of("mse"), "variance", "bias_share")
    bars = layers(*marks, **LANE, x=alt.X(title=None, axis=axis), tooltip=shown)
    title = "mean squared error: variance + squared bias"
    return by_sample_size(bars.properties(height=alt.Step(18)), title, x="independent")


ERROR = Figure(
    "error",
    "Mean squared error: variance and squared bias",
    "For each N and estimator a bar of the variance, and on its end, in the color of the text, the "
    "squared bias; beside it its part of the sum, if that is 1 % or more. The thin line is the 95 % interval "
    "of the error. Each N has a scale of its own.",
    "measurements",
    _rows,
    _chart,
    interval_of("mse"),
)
