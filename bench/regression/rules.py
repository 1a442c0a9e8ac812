"""The rules of a gate: which metrics count, with which error rates, and on which random numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bench.engine.plan import Cell
from bench.problem import Problem
from bench.regression.baseline import Entry
from bench.scenario.thresholds import RATIOS

UNCERTAIN = (*RATIOS, "bias", "nonfinite")
"""The metrics that are tested with a probability of error."""

METRICS = (*UNCERTAIN, "evaluations")
"""The metrics that are tested."""


@dataclass(frozen=True)
class Rules:
    """The rules by which all cells are judged.

    Attributes:
        level: of each of the two stages of each test.
        epoch: what the fresh random numbers are made of.
        same_numbers: whether the streams of the baseline hold the same numbers here.
        same_machine: whether arithmetic rounds here as it did there, so that digests can agree.
        max_replicates: the most that the first stage may take.
        metrics: those that count.
        shortcuts: whether what agrees with the baseline on its own random numbers needs no fresh ones.
    """

    level: float
    epoch: str
    same_numbers: bool
    same_machine: bool
    max_replicates: int
    metrics: tuple[str, ...] = METRICS
    shortcuts: bool = True


def metrics_of(cell: Cell, problem: Problem, entry: Entry, metrics: Iterable[str]) -> tuple[str, ...]:
    """Return the metrics that can be tested in a cell."""
    unbiased = cell.named.estimator.claim(problem) == "unbiased" and entry.bias is not None
    applies = {"bias": unbiased} | {metric: metric in entry.sizes() for metric in RATIOS}
    return tuple(metric for metric in metrics if applies.get(metric, True))
