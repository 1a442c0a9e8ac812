"""The plots of a run, each a function of `measurements`, in the order in which they are shown."""

from __future__ import annotations

from typing import Protocol

import pandas as pd
from matplotlib.figure import Figure

from bench.analysis import rows
from bench.report.bias import bias
from bench.report.curves import Curve, draw
from bench.statistics.metric_table import LABELS

VARIANCE = LABELS["variance"]
SIZE = "samples per estimate, N"
SECONDS = LABELS["seconds"]


class Plot(Protocol):
    """A picture of measurements; None if it has nothing to say about them."""

    def __call__(self, measurements: pd.DataFrame, title: str | None = None) -> Figure | None: ...


AGAINST_N = Curve("sample_size", "variance", SIZE, VARIANCE, guide=True, exact="variance_exact")


def variance(measurements: pd.DataFrame, title: str | None = None) -> Figure:
    """How noisy: variance against N, with the slope -1 of an average of N independent terms."""
    return draw(rows.whole(measurements), AGAINST_N, title)


def work_normalized_variance(measurements: pd.DataFrame, title: str | None = None) -> Figure:
    """What precision costs: variance times seconds against N, level where time buys precision evenly."""
    label = LABELS["work_normalized_variance"]
    return draw(
        rows.whole(measurements), Curve("sample_size", "work_normalized_variance", SIZE, label), title
    )


def cost(measurements: pd.DataFrame, title: str | None = None) -> Figure:
    """What is had for which time: variance against seconds per estimate, each point one N."""
    return draw(rows.whole(measurements), Curve("seconds", "variance", SECONDS, VARIANCE, front=True), title)


def by_parameter(measurements: pd.DataFrame, title: str | None = None) -> Figure | None:
    """Where the noise is: variance against N, a panel for each block of parameters."""
    parts = rows.blocks(measurements)
    return None if parts.empty else draw(parts, AGAINST_N, title)


PLOTS: dict[str, Plot] = {
    "variance": variance,
    "bias": bias,
    "work_normalized_variance": work_normalized_variance,
    "cost": cost,
    "by_parameter": by_parameter,
}
