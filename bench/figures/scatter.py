"""Scatter plots: variance against its cost, mean estimates against the truth."""

from __future__ import annotations

import altair as alt
import pandas as pd

from bench.figures.axes import plain, powers
from bench.figures.definition import Chart, Figure, interval_of
from bench.figures.marks import BEHIND, COLOR, OWN_LINE, SHAPE, arrows, interval, layers, sharing, tooltip
from bench.figures.metrics import TITLE

COSTS = {"seconds": "seconds per estimate", "evaluations": "evaluations of f (not of its gradient)"}


def _chart(rows: pd.DataFrame) -> Chart:
    title = " or ".join(COSTS[cost] for cost in rows["cost"].unique())
    x, y = alt.X("value:Q", **powers(title, rows["value"])), alt.Y(**powers(TITLE, rows["variance"]))
    steps = alt.Chart().mark_line(interpolate="step-after", strokeWidth=4)
    # Points beyond the frontier are on a line unseen: of no rows at all the axis would have no ends.
    seen = alt.when("datum.front").then(alt.value(0.45)).otherwise(alt.value(0))
    own = [*OWN_LINE, alt.Detail("front:N")]
    gray = steps.encode(alt.Y("variance:Q"), alt.Order("value:Q"), alt.ColorValue(BEHIND))
    front = gray.encode(detail=own, strokeOpacity=seen)
    path = alt.Chart().mark_line(strokeWidth=1, strokeOpacity=0.4)
    line = path.encode(alt.Y("variance:Q"), COLOR, alt.Order("sample_size:Q"), detail=OWN_LINE)
    faint = alt.when("datum.front").then(alt.value(1)).otherwise(alt.value(0.35))
    shown = ("variance_low", "variance_high", "cost", "value", "front")
    points = interval(rows, "variance", "y", *shown, shape=SHAPE, opacity=faint)
    return layers(front, line, sharing(*points, color=COLOR), x=x, y=y)


COST = Figure(
    "cost",
    "Variance against cost: nothing measured is better than the frontier",
    "For each estimator a line through its sample sizes, with 95 % intervals; to the left is cheaper, below "
    "is less noisy. The thick steps join the points that none of the run's estimators beats in both.",
    "costs",
    _chart,
    interval_of("variance"),
    rows=lambda costs: costs.drop(columns="cell"),
    against="value",
    logarithmic=("x", "y"),
    switched=("cost",),
    apart=("device", "dtype"),
)


def _scatter_chart(rows: pd.DataFrame) -> Chart:
    diagonal = alt.Chart().mark_line(color=BEHIND, strokeWidth=1, strokeDash=[3, 3]).encode(alt.Y("truth:Q"))
    error = alt.Chart().mark_rule(strokeOpacity=0.4).encode(alt.Y("lower:Q"), alt.Y2("upper:Q"))
    point = alt.Chart().mark_point(filled=True, size=18, opacity=0.5)
    shown = tooltip(rows, "parameter", "index", "truth", "mean", "low", "high", "variance")
    points = [error, point.encode(alt.Y("mean:Q"), tooltip=shown), *arrows(rows, "y")]
    x, y = alt.X("truth:Q", **plain("truth")), alt.Y(**plain("mean ± standard error"))
    return layers(diagonal, sharing(*points, color=COLOR), x=x, y=y)


SCATTER = Figure(
    "scatter",
    "Mean estimate against truth, coordinate by coordinate",
    "A point for each coordinate of the gradient at the largest N, with a line of one standard error "
    "to either side; on the dashed line the mean is right.",
    "coordinates",
    _scatter_chart,
    ("mean", "low", "high"),
    rows=lambda coordinates: coordinates.drop(columns="cell"),
    against="truth",
    apart=("estimator", "device", "dtype"),
    several="truth",
)
