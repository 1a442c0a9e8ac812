"""Metrics against the number of samples: a figure for each that has an interval and no other figure."""

from __future__ import annotations

from functools import partial

import pandas as pd

from bench.figures.axes import Settings, plain, powers
from bench.figures.cells import cells
from bench.figures.definition import Chart, Figure
from bench.figures.marks import against_samples, band, by_name
from bench.statistics.metric_table import LABELS

TITLES = {
    "mse": "Mean squared error against the number of samples",
    "snr": "Signal to noise against the number of samples",
    "cosine": "Cosine to the truth against the number of samples",
    "seconds": "Time of one estimate against the number of samples",
    "work_normalized_variance": "Variance × time: the error that a fixed budget of time leaves",
}
"""Column of measurements -> the title of its figure."""


def rows(name: str, measurements: pd.DataFrame) -> pd.DataFrame:
    """Return a metric of each cell with its interval."""
    return cells(measurements, name, f"{name}_low", f"{name}_high")


def chart(name: str, rows: pd.DataFrame) -> Chart:
    """Return a line for each estimator in its band."""
    y = _axis(name)
    if rows["sample_size"].nunique() < 2:
        return by_name(rows, name, y)
    return against_samples(rows, *band(rows, name, y, "lower", "upper"))


def _axis(name: str) -> Settings:
    title = LABELS[name].split("\n")
    return plain(title) if name == "cosine" else powers(title)


FIGURES = [
    Figure(
        name,
        title,
        "A line for each estimator in its 95 % band.",
        "measurements",
        partial(rows, name),
        partial(chart, name),
        (name, f"{name}_low", f"{name}_high"),
        against="sample_size",
        logarithmic=("x",) if name == "cosine" else ("x", "y"),
    )
    for name, title in TITLES.items()
]
