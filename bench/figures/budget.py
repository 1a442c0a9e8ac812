"""The least error that each estimator reaches with a budget of time or of evaluations."""

from __future__ import annotations

import altair as alt
import pandas as pd

from bench.figures.axes import powers
from bench.figures.definition import Chart, Figure
from bench.figures.marks import band, color, layers

UNITS = {"seconds": "seconds", "evaluations": "evaluations"}


def rows(reached: pd.DataFrame) -> pd.DataFrame:
    """Return the error of each estimator at each budget, with its interval."""
    return reached.drop(columns="scenario")


def chart(rows: pd.DataFrame) -> Chart:
    """Return a line for each estimator in its band."""
    title = "budget, in " + " or ".join(UNITS[currency] for currency in dict.fromkeys(rows["currency"]))
    x, y = alt.X("budget:Q", **powers(title, rows["budget"])), powers("least error", rows["error"])
    return layers(
        *band(rows, "error", y, "low", "high", "budget", "currency", "best", "tied"), x=x, color=color()
    )


FIGURE = Figure(
    "budget",
    "Which estimator when: the least error that a budget buys",
    "For each estimator a line through the squared error of a mean of as many estimates, of the best N, as "
    "the budget allows, in its 95 % band. Evaluations are those of f and of its gradient.",
    "budget",
    rows,
    chart,
    ("error", "low", "high"),
    against="budget",
    logarithmic=("x", "y"),
    switched=("run", "currency", "device", "dtype"),
    several="budget",
)
