"""The figures of the page as files, beside those of measurements alone: one kind a file, and their table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure

from bench.report.paper.about import About
from bench.report.paper.along import along, bias_along, signal_along
from bench.report.paper.blocks import blocks
from bench.report.paper.budget import budget_of_evaluations, budget_of_seconds
from bench.report.paper.devices import devices
from bench.report.paper.error import error
from bench.report.paper.means import means
from bench.report.paper.profile import profile
from bench.report.paper.rate import rate
from bench.report.paper.scatter import scatter
from bench.report.paper.spread import spread

Draw = Callable[[pd.DataFrame, About], Figure | None]


@dataclass(frozen=True)
class Drawing:
    """A figure, and whose rows it draws.

    Attributes:
        table: of `bench.analysis.frames.frames_of`, or of several runs.
        draw: a function of these rows; None if they have nothing to say.
    """

    table: str
    draw: Draw


OF_A_RUN: dict[str, Drawing] = {
    "rate": Drawing("rates", rate),
    "error": Drawing("measurements", error),
    "budget_of_seconds": Drawing("budget", budget_of_seconds),
    "budget_of_evaluations": Drawing("budget", budget_of_evaluations),
    "devices": Drawing("settings", devices),
    "spread": Drawing("spread", spread),
    "blocks": Drawing("measurements", blocks),
    "scatter": Drawing("coordinates", scatter),
    "along": Drawing("along", along),
    "bias_along": Drawing("along", bias_along),
    "signal_along": Drawing("along", signal_along),
}
"""Those of one run, in the order of the page."""

OF_SEVERAL: dict[str, Drawing] = {
    "means": Drawing("means", means),
    "profile": Drawing("profile", profile),
    "budget_of_seconds": Drawing("budget", budget_of_seconds),
    "budget_of_evaluations": Drawing("budget", budget_of_evaluations),
}
"""Those of several runs together."""
