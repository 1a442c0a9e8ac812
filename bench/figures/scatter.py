"""Mean estimates against the truth, coordinate by coordinate."""

from __future__ import annotations

import altair as alt
import pandas as pd

from bench.figures.axes import plain
from bench.figures.definition import Chart, Figure
from bench.figures.marks import BEHIND, arrows, color, layers, tooltip

TITLE = "mean ± standard error"


def rows(coordinates: pd.DataFrame) -> pd.DataFrame:
    """Return the mean of each coordinate at the largest N, with a standard error to either side."""
    return coordinates.drop(columns="cell")


def chart(rows: pd.DataFrame) -> Chart:
    """Return a point with its standard error for each coordinate, and a dashed diagonal."""
    x, y = alt.X("truth:Q", **plain("truth")), plain(TITLE)
    dashed = alt.Chart().mark_line(color=BEHIND, strokeWidth=1, strokeDash=[3, 3])
    diagonal = dashed.encode(x, alt.Y("truth:Q", **y))
    error = alt.Chart().mark_rule(opacity=0.4).encode(x, alt.Y("lower:Q", **y), alt.Y2("upper:Q"), color())
    point = alt.Chart().mark_point(filled=True, size=18, opacity=0.5)
    shown = tooltip(rows, "parameter", "index", "truth", "mean", "low", "high", "variance")
    points = point.encode(x, alt.Y("mean:Q", **y), color(), tooltip=shown)
    return layers(diagonal, error, points, *arrows(rows, "y", y, x=x, color=color()))


FIGURE = Figure(
    "scatter",
    "Mean estimate against truth, coordinate by coordinate",
    "A point for each coordinate of the gradient at the largest N, with a line of one standard error "
    "to either side; on the dashed line the mean is right.",
    "coordinates",
    rows,
    chart,
    ("mean", "low", "high"),
    against="truth",
    apart=("estimator", "device", "dtype"),
    several="truth",
)
