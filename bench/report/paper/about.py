"""What every figure of a run says besides its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bench.analysis import rows
from bench.report import canvas
from bench.report.curves import caption_of
from bench.report.style import Look, looks


@dataclass(frozen=True)
class About:
    """What every figure of a run says besides its numbers.

    Attributes:
        title: the scenario's name, and what was asked.
        labels: of all estimators, in the order of the scenario, which decides how they look.
        facts: the number of replicates, the device and the type of numbers.
        notice: what a reader must know where only some rows are drawn; empty where all are.
    """

    title: str
    labels: Sequence[str]
    facts: str
    notice: str = ""

    def looks(self, frame: pd.DataFrame) -> dict[str, Look]:
        """How those estimators look that are in a frame, in the order of the scenario."""
        present = set(frame["estimator"])
        return {label: look for label, look in looks(self.labels).items() if label in present}

    def caption(self, *more: str) -> list[str]:
        """The paragraphs below a figure."""
        return [text for text in (" · ".join(filter(None, [self.facts, *more])), self.notice) if text]


def about(measurements: pd.DataFrame, scenario: Mapping[str, Any]) -> About:
    """What is said of a run.

    Args:
        measurements: one row per cell and block of parameters.
        scenario: as the record of the run has it.
    """
    whole = rows.whole(measurements)
    title = canvas.heading(list(whole["scenario"].unique()), scenario.get("question"))
    return About(
        title,
        list(dict.fromkeys(measurements["estimator"].astype(str))),
        caption_of(whole[whole["status"] == "ok"]),
    )


def of_several(measurements: pd.DataFrame) -> About:
    """What is said of several runs: their names only, as each has facts of its own."""
    scenarios = list(dict.fromkeys(measurements["scenario"].astype(str)))
    runs = measurements["run"].nunique()
    labels = list(dict.fromkeys(measurements["estimator"].astype(str)))
    return About(canvas.heading(scenarios, f"{runs} runs together"), labels, "")
