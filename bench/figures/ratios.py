"""Ratios of every estimator to the control."""

from __future__ import annotations

import pandas as pd

from bench.figures.axes import logarithmic
from bench.figures.cells import with_setting
from bench.figures.definition import Chart, Figure
from bench.figures.marks import by_sample_size, lane_height, lanes, layers
from bench.text.labels import plain

COLUMNS = ("ratio", "low", "high")


def rows(ratios: pd.DataFrame) -> pd.DataFrame:
    """Return the ratio of each cell to that of the control with its interval, for each metric."""
    extra = [name for name in map(str, ratios) if name.startswith("equivalent_samples")]
    return with_setting(ratios.drop(columns=[*extra, "cell", "parameter", "level"]))


def chart(rows: pd.DataFrame) -> Chart:
    """Return a point with its interval for each estimator, a panel for each N, and a dashed line at 1."""
    controls = rows["control"].unique()
    title = f"ratio to {plain(controls[0])}" if len(controls) == 1 else "ratio to the control"
    return forest(rows, title, "control", "metric", *COLUMNS[1:], "mark", "paired")


def forest(rows: pd.DataFrame, title: str, *shown: str) -> Chart:
    """Return ratios on a logarithmic axis, in a panel for each sample size."""
    marks = lanes(rows, "ratio", logarithmic(title), *shown, at=1)
    return by_sample_size(layers(*marks).properties(height=lane_height(rows, 16)))


FIGURE = Figure(
    "ratios",
    "Ratios to the control: below 1 is better",
    "For each N and estimator the ratio to the control; all its intervals hold together with 95 %.",
    "ratios",
    rows,
    chart,
    COLUMNS,
    logarithmic=("x",),
    switched=("metric",),
    apart=(),
)
