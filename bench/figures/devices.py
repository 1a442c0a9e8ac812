"""Variance and time of cells on several devices, or with several types of numbers."""

from __future__ import annotations

import altair as alt
import pandas as pd

from bench.figures.axes import powers
from bench.figures.definition import Chart, Figure, every
from bench.figures.marks import by_sample_size, lane_height, lanes, layers

UNITS = {"seconds": "seconds of one estimate", "variance": "variance of one estimate"}


def chart(rows: pd.DataFrame) -> Chart:
    """Return a point with its interval for each device and type, in a lane of the estimator."""
    title = " or ".join(UNITS[metric] for metric in dict.fromkeys(rows["metric"]))
    legend = alt.Legend(title=None, orient="top", symbolFillColor="transparent", labelLimit=300)
    form = alt.Shape("setting:N", legend=legend)
    marks = lanes(rows, "value", powers(None, rows["value"]), "metric", "low", "high", form=form)
    return by_sample_size(layers(*marks).properties(height=lane_height(rows, 14)), title)


FIGURE = Figure(
    "devices",
    "Devices and types of numbers side by side",
    "For each N and estimator a point for each device and type, with its 95 % interval: "
    "the seconds, or the variance, of one estimate.",
    "settings",
    every,
    chart,
    ("value", "low", "high"),
    logarithmic=("x",),
    switched=("metric",),
    apart=(),
    several="setting",
)
