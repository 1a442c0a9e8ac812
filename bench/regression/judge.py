"""The judgment of a cell: by digest, on the same random numbers, on fresh ones, and on four times as many."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.engine.cell import CellSampler
from bench.engine.sample import sample_of
from bench.engine.truth import Truths
from bench.regression.baseline import PAIRS, WINDOW, WINDOWS, Entry
from bench.regression.epoch import key_of, window_of
from bench.regression.metric_tests import evaluations, paired, passed, stage_replicates, tested
from bench.regression.rules import UNCERTAIN, Rules, metrics_of
from bench.regression.verdicts import Test
from bench.scenario.thresholds import Thresholds
from bench.statistics.gating import CONFIRMATION, Size


@dataclass(frozen=True)
class Judgement:
    """The tests of a cell, and the seconds that one estimate takes where enough were timed."""

    tests: tuple[Test, ...]
    seconds: float = math.nan


def judge(
    sampler: CellSampler, entry: Entry, thresholds: Thresholds, rules: Rules, truths: Truths
) -> Judgement:
    """Judge a cell against its entry in the baseline.

    Args:
        sampler: the cell.
        entry: what it was like.
        thresholds: what it must keep to.
        rules: by what all are judged.
        truths: gives the true gradient where it is needed.
    """
    metrics = metrics_of(sampler.cell, sampler.experiment.problem, entry, rules.metrics)
    known = (
        _on_known_numbers(sampler, entry, metrics, rules) if rules.shortcuts and rules.same_numbers else []
    )
    decided = {test.metric for test in known}
    left = [metric for metric in metrics if metric not in decided]
    if not left:
        return Judgement(tuple(known))
    wanted = _wanted(left, entry, thresholds, rules.level)
    R, key = math.ceil(min(wanted, rules.max_replicates)), key_of(rules.epoch)
    sample = sample_of(sampler, f"gate screen {key}", R, truths())
    found = [tested(metric, sample, entry, thresholds, rules, "screen", wanted) for metric in left]
    flagged = [t.metric for t in found if t.verdict == "regression" and t.metric in UNCERTAIN]
    if flagged:
        again = sample_of(sampler, f"gate confirm {key}", CONFIRMATION * R, truths())
        found = [test for test in found if test.metric not in flagged]
        found += [tested(metric, again, entry, thresholds, rules, "confirm", wanted) for metric in flagged]
    return Judgement((*known, *found), sample.seconds)


def _on_known_numbers(sampler: CellSampler, entry: Entry, metrics: Sequence[str], rules: Rules) -> list[Test]:
    """Decide as far as the baseline's own random numbers allow: by a digest, else replicate by replicate."""
    window = window_of(rules.epoch, WINDOWS)
    first = sample_of(sampler, window_role(window), WINDOW, None)
    counted = [evaluations(first, entry, "digest") for metric in metrics if metric == "evaluations"]
    others = [metric for metric in metrics if metric != "evaluations"]
    if rules.same_machine and first.digest == entry.digests[window]:
        return [*counted, *passed(others, "digest", "every bit of a window of replicates agrees")]
    return [*counted, *paired(sample_of(sampler, PAIRS_ROLE, PAIRS, None), entry, others)]


PAIRS_ROLE = "gate pairs"
"""The purpose of the random numbers on which a baseline is compared replicate by replicate."""


def window_role(window: int) -> str:
    """Return the purpose of the random numbers of a window of replicates."""
    return f"gate window {window}"


def _wanted(metrics: Iterable[str], entry: Entry, thresholds: Thresholds, level: float) -> float:
    """R of the first stage, so that all ratios have their power."""
    sizes = entry.sizes()
    needs = [
        stage_replicates(sizes[metric], thresholds.ratios[metric], level)
        for metric in metrics
        if metric in sizes
    ]
    return max(
        needs,
        default=stage_replicates(Size(1.0, 1.0, entry.replicates), thresholds.ratios["variance"], level),
    )
