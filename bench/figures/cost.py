"""Variance against its cost, with the Pareto frontier."""

from __future__ import annotations

import altair as alt
import pandas as pd

from bench.figures.axes import powers
from bench.figures.definition import Chart, Figure
from bench.figures.marks import BEHIND, COLOR, OWN_LINE, SHAPE, interval, layers
from bench.figures.metrics import TITLE, interval_of

COSTS = {"seconds": "seconds per estimate", "evaluations": "evaluations of f (not of its gradient)"}


def _chart(rows: pd.DataFrame) -> Chart:
    title = " or ".join(COSTS[cost] for cost in rows["cost"].unique())
    x, y = alt.X("value:Q", **powers(title, rows["value"])), alt.Y(**powers(TITLE, rows["variance"]))
    steps = alt.Chart().mark_line(interpolate="step-after", strokeWidth=4)
    # Points beyond the frontier are on a line unseen: of no rows at all the axis would have no ends.
    seen = alt.when("datum.front").then(alt.value(0.45)).otherwise(alt.value(0))
    own = [*OWN_LINE, alt.Detail("front:N")]
    front = steps.encode(y="variance:Q", order="value:Q", detail=own, opacity=seen, color=alt.value(BEHIND))
    path = alt.Chart().mark_line(strokeWidth=1, opacity=0.4)
    line = path.encode(y="variance:Q", color=COLOR, order="sample_size:Q", detail=OWN_LINE)
    faint = alt.when("datum.front").then(alt.value(1)).otherwise(alt.value(0.35))
    shown = ("variance_low", "variance_high", "cost", "value", "front")
    points = interval(rows, "variance", "y", *shown, shape=SHAPE, opacity=faint)
    return layers(front, line, alt.layer(*points).encode(color=COLOR), x=x, y=y)


COST = Figure(
    "cost",
    "Variance against cost: nothing measured is better than the frontier",
    "For each estimator a line through its sample sizes, with 95 % intervals; to the left is cheaper, below "
    "is less noisy. The thick steps join the points that none of the run's estimators beats in both.",
    "costs",
    lambda costs: costs.drop(columns="cell"),
    _chart,
    interval_of("variance"),
    against="value",
    logarithmic=("x", "y"),
    switched=("cost",),
)
