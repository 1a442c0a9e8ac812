"""Differences between a baseline and an older one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bench.regression.baseline import Baseline, Entry
from bench.regression.make import ALPHA
from bench.scenario.thresholds import RATIOS, Thresholds
from bench.statistics.gating import Change, change


@dataclass(frozen=True)
class Moved:
    """A metric of a cell of a baseline, and its ratio to the older value.

    Attributes:
        cell: the cell's id.
        entry: the cell as it is.
        metric: which of its metrics.
        moved: the ratio.
        worse: whether it is shown to be worse, beyond the indifference.
    """

    cell: str
    entry: Entry
    metric: str
    moved: Change
    worse: bool


def differences(
    old: Baseline, entries: Mapping[str, Entry], thresholds: Callable[[str], Thresholds], alpha: float = ALPHA
) -> list[Moved]:
    """Return the differences between cells and a baseline of them.

    Args:
        old: the baseline.
        entries: the cells as they are; those that the baseline lacks are left out.
        thresholds: label of an estimator -> what it must keep to.
        alpha: the probability of a false alarm, over all of them.
    """
    pairs = [
        (name, entry, metric)
        for name, entry in sorted(entries.items(), key=_order)
        for metric in RATIOS
        if name in old.cells and metric in entry.sizes() and metric in old.cells[name].sizes()
    ]
    found = []
    for name, entry, metric in pairs:
        moved = change(entry.sizes()[metric], old.cells[name].sizes()[metric])
        limit = thresholds(entry.estimator).ratios[metric].indifference
        found.append(Moved(name, entry, metric, moved, moved.exceeds(limit, alpha / len(pairs))))
    return found


def _order(item: tuple[str, Entry]) -> tuple[object, ...]:
    """The points of a sweep in the order of their values, and in each the estimators."""
    _, entry = item
    return (entry.place, entry.estimator, entry.sample_size)
