"""Ratios of a later run to the first run of a scenario."""

from __future__ import annotations

import pandas as pd

from bench.figures import ratios
from bench.figures.definition import Chart, Figure


def rows(changes: pd.DataFrame) -> pd.DataFrame:
    """Return the ratio of each cell to the same cell of the first run, for each metric."""
    return ratios.rows(changes)


def chart(rows: pd.DataFrame) -> Chart:
    """Return a point with its interval for each estimator, a panel for each N, and a dashed line at 1."""
    return ratios.forest(rows, "ratio to the first run", "run", "against", "metric", "low", "high", "mark")


FIGURE = Figure(
    "changed",
    "Changes since the first run: below 1 is better now",
    "For each N and estimator the ratio to the same cell of the first run; all intervals hold together.",
    "changes",
    rows,
    chart,
    ratios.COLUMNS,
    logarithmic=("x",),
    switched=("run", "metric"),
    apart=(),
)
