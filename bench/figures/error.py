"""The mean squared error as variance and squared bias."""

from __future__ import annotations

import altair as alt
import pandas as pd

from bench.figures.axes import PLAIN, Settings
from bench.figures.cells import cells
from bench.figures.definition import Chart, Figure
from bench.figures.marks import by_sample_size, color, lane, layers, names, tooltip

COLUMNS = ("mse", "mse_low", "mse_high")
LEAST_SHARE = 0.01
"""The share of the error from which a squared bias is told in words."""


def rows(measurements: pd.DataFrame) -> pd.DataFrame:
    """Return the error of each cell with its interval, its variance, and the part of the squared bias."""
    found = cells(measurements, *COLUMNS, "variance", "replicates")
    found = found[found["variance"].notna()]
    # The estimate of the error can fall below that of the variance: then no bias is left to be seen.
    whole = found["mse"].clip(lower=found["variance"])
    share = (1 - found["variance"] / whole.where(whole > 0)).fillna(0.0)
    told = [f"bias² {each:.0%}".replace("%", " %") if each >= LEAST_SHARE else "" for each in share]
    words = [" ".join(filter(None, pair)) for pair in zip(found["setting"], told, strict=True)]
    return found.assign(whole=whole, bias_share=share, words=words)


def chart(rows: pd.DataFrame) -> Chart:
    """Return bars of variance with the squared bias on their ends, and the interval of the error."""
    x: Settings = {"title": None, "axis": alt.Axis(tickCount=4, labelExpr=PLAIN, labelOverlap="greedy")}
    place = {"y": names(), "yOffset": lane(), "tooltip": tooltip(rows, *COLUMNS, "variance", "bias_share")}
    mark = alt.Chart()
    noise = mark.mark_bar(opacity=0.75).encode(alt.X("variance:Q", **x), color(named=True), **place)
    bias = mark.mark_bar(style="ink").encode(alt.X("variance:Q", **x), alt.X2("whole:Q"), **place)
    ends = mark.mark_rule(style="words").encode(alt.X("lower:Q", **x), alt.X2("upper:Q"), **place)
    text = mark.mark_text(align="left", dx=6, style="words").encode(
        alt.X("furthest:Q", **x), alt.Text("words:N"), **place
    )
    text = text.transform_calculate(furthest="max(datum.whole, datum.upper)")
    bars = layers(noise, bias, ends, text).properties(height=alt.Step(18))
    return by_sample_size(bars, "mean squared error: variance + squared bias", x="independent")


FIGURE = Figure(
    "error",
    "Mean squared error: variance and squared bias",
    "For each N and estimator a bar of the variance, and on its end, in the color of the text, the "
    "squared bias; beside it its part of the sum, if that is 1 % or more. The thin line is the 95 % interval "
    "of the error. Each N has a scale of its own.",
    "measurements",
    rows,
    chart,
    COLUMNS,
    apart=(),
)
