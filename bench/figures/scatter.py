"""Mean estimates against the truth, coordinate by coordinate."""

from __future__ import annotations

import altair as alt
import pandas as pd

from bench.figures.axes import plain
from bench.figures.definition import Chart, Figure
from bench.figures.marks import BEHIND, COLOR, arrows, layers, tooltip


def _chart(rows: pd.DataFrame) -> Chart:
    diagonal = alt.Chart().mark_line(color=BEHIND, strokeWidth=1, strokeDash=[3, 3]).encode(y="truth:Q")
    error = alt.Chart().mark_rule(opacity=0.4).encode(y="lower:Q", y2="upper:Q")
    point = alt.Chart().mark_point(filled=True, size=18, opacity=0.5)
    shown = tooltip(rows, "parameter", "index", "truth", "mean", "low", "high", "variance")
    points = [error, point.encode(y="mean:Q", tooltip=shown), *arrows(rows, "y")]
    x, y = alt.X("truth:Q", **plain("truth")), alt.Y(**plain("mean ± standard error"))
    return layers(diagonal, alt.layer(*points).encode(color=COLOR), x=x, y=y)


SCATTER = Figure(
    "scatter",
    "Mean estimate against truth, coordinate by coordinate",
    "A point for each coordinate of the gradient at the largest N, with a line of one standard error "
    "to either side; on the dashed line the mean is right.",
    "coordinates",
    lambda coordinates: coordinates.drop(columns="cell"),
    _chart,
    ("mean", "low", "high"),
    against="truth",
    apart=("estimator", "device", "dtype"),
    several="truth",
)
