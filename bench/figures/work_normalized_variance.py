"""Variance times seconds against the number of samples."""

from __future__ import annotations

import pandas as pd

from bench.figures.cells import cells
from bench.figures.definition import Chart, Figure
from bench.figures.marks import curve

NAME, TITLE = "work_normalized_variance", "variance × seconds"
INTERVAL = (NAME, f"{NAME}_low", f"{NAME}_high")


def rows(measurements: pd.DataFrame) -> pd.DataFrame:
    """Return variance × seconds of each cell, with its interval."""
    return cells(measurements, *INTERVAL)


def chart(rows: pd.DataFrame) -> Chart:
    """Return a line for each estimator in its band."""
    return curve(rows, NAME, TITLE)


FIGURE = Figure(
    NAME,
    "Variance × time: the error that a fixed budget of time leaves",
    "A line for each estimator in its 95 % band; lower is better at any budget of time.",
    "measurements",
    rows,
    chart,
    INTERVAL,
    against="sample_size",
    logarithmic=("x", "y"),
)
