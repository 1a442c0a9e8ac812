"""Bias along an option, such as the steps of a training."""

from __future__ import annotations

import pandas as pd

from bench.figures import bias, variance_by_option
from bench.figures.definition import Chart, Figure
from bench.figures.marks import band


def rows(moved: pd.DataFrame) -> pd.DataFrame:
    """Return the bias of each cell along the option as a share of the gradient's norm, with its interval."""
    return bias.in_shares(variance_by_option.rows(moved))


def chart(rows: pd.DataFrame) -> Chart:
    """Return a line for each estimator in its band, and the margin."""
    y = bias.share_axis(rows)
    marks = band(rows, "share", y, *bias.COLUMNS, "value")
    return variance_by_option.against_option(rows, *bias.margin(rows, y), *marks)


FIGURE = Figure(
    "bias_by_option",
    "Bias along an option",
    "A line for each estimator in its 95 % band; the gray band is 1 % of the norm of the gradient, within "
    "which the axis is nearly linear.",
    "along",
    rows,
    chart,
    bias.SHARES,
    against="value",
    switched=variance_by_option.SWITCHED,
    several="value",
)
