"""Variance against its cost, with the Pareto frontier."""

from __future__ import annotations

import altair as alt
import pandas as pd

from bench.figures.axes import powers
from bench.figures.definition import Chart, Figure
from bench.figures.marks import BEHIND, color, interval, layers, line_of_its_own, shape
from bench.figures.variance import TITLE

COSTS = {"seconds": "seconds per estimate", "evaluations": "evaluations of f (not of its gradient)"}


def rows(costs: pd.DataFrame) -> pd.DataFrame:
    """Return the variance of each cell with its interval, for each kind of cost."""
    return costs.drop(columns="cell")


def chart(rows: pd.DataFrame) -> Chart:
    """Return a line through the sample sizes of each estimator, and thick steps along the frontier."""
    title = " or ".join(COSTS[cost] for cost in dict.fromkeys(rows["cost"]))
    x = alt.X("value:Q", **powers(title, rows["value"]))
    y = powers(TITLE, rows["variance"])
    variance, own = alt.Y("variance:Q", **y), line_of_its_own()
    steps = alt.Chart().transform_filter("datum.front").mark_line(
        interpolate="step-after", strokeWidth=4, color=BEHIND, opacity=0.45
    )  # fmt: skip
    front = steps.encode(variance, order=alt.Order("value:Q"), detail=own)
    path = alt.Chart().mark_line(strokeWidth=1, opacity=0.4)
    line = path.encode(variance, color(), order=alt.Order("sample_size:Q"), detail=own)
    faint = alt.when("datum.front").then(alt.value(1)).otherwise(alt.value(0.35))
    shown = ("variance_low", "variance_high", "cost", "value", "front")
    look = {"shape": shape(), "opacity": faint}
    points = interval(rows, "variance", "y", y, *shown, point=look, color=color())
    return layers(front, line, *points, x=x)


FIGURE = Figure(
    "cost",
    "Variance against cost: nothing measured is better than the frontier",
    "For each estimator a line through its sample sizes, with 95 % intervals; to the left is cheaper, below "
    "is less noisy. The thick steps join the points that none of the run's estimators beats in both.",
    "costs",
    rows,
    chart,
    ("variance", "variance_low", "variance_high"),
    against="value",
    logarithmic=("x", "y"),
    switched=("cost",),
)
