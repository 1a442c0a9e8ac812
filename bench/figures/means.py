"""Every estimator against the control, over all problems."""

from __future__ import annotations

import altair as alt
import pandas as pd

from bench.figures.axes import logarithmic
from bench.figures.definition import Chart, Figure
from bench.figures.marks import color, lane_height, lanes, layers, names
from bench.text.labels import plain

SHOWN = ("control", "metric", "scenarios", "cells", "low", "high", "least", "most")


def rows(means: pd.DataFrame) -> pd.DataFrame:
    """Return the geometric mean of the ratios of each estimator to each control, with its interval."""
    return means.assign(setting="")


def chart(rows: pd.DataFrame) -> Chart:
    """Return a point with its interval for each estimator, on a pale bar over the single scenarios."""
    controls = rows["control"].unique()
    named = plain(controls[0]) if len(controls) == 1 else "the control"
    x = logarithmic(f"geometric mean of the ratios to {named}")
    pale = alt.Chart().mark_rule(strokeWidth=6, opacity=0.25)
    single = pale.encode(alt.X("least:Q", **x), alt.X2("most:Q"), names(), color=color(named=True))
    return layers(single, *lanes(rows, "ratio", x, *SHOWN, at=1)).properties(height=lane_height(rows, 34))


FIGURE = Figure(
    "means",
    "Over all problems: ratios to the control, below 1 is better",
    "For each estimator the geometric mean over scenarios with its interval, on a pale bar from the "
    "scenario with the smallest ratio to that with the largest.",
    "means",
    rows,
    chart,
    ("ratio", "low", "high"),
    logarithmic=("x",),
    switched=("metric",),
    apart=(),
)
