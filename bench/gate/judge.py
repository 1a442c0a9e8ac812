"""How a cell is judged: by digest, on the same random numbers, on fresh ones, and on four times as many."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bench.engine.cell import CellSampler
from bench.engine.plan import Cell
from bench.engine.sample import Sample, sample_of
from bench.engine.truth import Truths
from bench.gate.baseline import PAIRS, WINDOW, WINDOWS, Entry
from bench.gate.epoch import key_of, window_of
from bench.gate.thresholds import RATIOS, Thresholds
from bench.gate.verdicts import Stage, Test, Verdict
from bench.statistics.gating import (
    AGREEMENT,
    CONFIRMATION,
    PAIRED_LEVEL,
    Margin,
    Size,
    change,
    more_often,
    required_replicates,
)
from bench.statistics.ratio import PAIRED_FROM, paired_ratio
from bench.statistics.verdict import bias_interval, bias_p, excess_p

UNCERTAIN = (*RATIOS, "bias", "nonfinite")
"""What is tested with a probability of error."""

METRICS = (*UNCERTAIN, "evaluations")
"""What is tested."""

# Rounding moves a squared deviation by less than this, as a part of it and of their mean.
_ROUNDING = 1e-3
# A sample whose own kurtosis lets it see no less than so many times the threshold decides nothing.
_BLIND = 1.5


@dataclass(frozen=True)
class Rules:
    """By what all cells are judged.

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


@dataclass(frozen=True)
class Judgement:
    """The tests of a cell, and the seconds that one estimate takes where enough were timed."""

    tests: tuple[Test, ...]
    seconds: float = math.nan


def metrics_of(cell: Cell, entry: Entry, metrics: Iterable[str]) -> tuple[str, ...]:
    """Which of the metrics can be tested in a cell."""
    unbiased = getattr(cell.named.estimator, "bias", None) == "unbiased" and entry.bias is not None
    applies = {"bias": unbiased} | {metric: metric in entry.sizes() for metric in RATIOS}
    return tuple(metric for metric in metrics if applies.get(metric, True))


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
    metrics = metrics_of(sampler.cell, entry, rules.metrics)
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
    found = [_test(metric, sample, entry, thresholds, rules, "screen", wanted) for metric in left]
    flagged = [t.metric for t in found if t.verdict == "regression" and t.metric in UNCERTAIN]
    if flagged:
        again = sample_of(sampler, f"gate confirm {key}", CONFIRMATION * R, truths())
        found = [test for test in found if test.metric not in flagged]
        found += [_test(metric, again, entry, thresholds, rules, "confirm", wanted) for metric in flagged]
    return Judgement((*known, *found), sample.seconds)


def _on_known_numbers(sampler: CellSampler, entry: Entry, metrics: Sequence[str], rules: Rules) -> list[Test]:
    """What can be decided on the baseline's own random numbers: by a digest, else replicate by replicate."""
    window = window_of(rules.epoch, WINDOWS)
    first = sample_of(sampler, window_role(window), WINDOW, None)
    counted = [_evaluations(first, entry, "digest") for metric in metrics if metric == "evaluations"]
    others = [metric for metric in metrics if metric != "evaluations"]
    if rules.same_machine and first.digest == entry.digests[window]:
        return [*counted, *_passed(others, "digest", "every bit of a window of replicates agrees")]
    return [*counted, *_paired(sample_of(sampler, PAIRS_ROLE, PAIRS, None), entry, others)]


PAIRS_ROLE = "gate pairs"
"""What the random numbers are for on which a baseline is compared replicate by replicate."""


def window_role(window: int) -> str:
    """What the random numbers of a window of replicates are for."""
    return f"gate window {window}"


def against_anchor(
    entry: Entry, anchor: Entry, accepted: Mapping[str, float], thresholds: Thresholds, level: float
) -> Iterable[Test]:
    """The baseline against the anchor: what has grown step by step. Nothing is estimated.

    Args:
        entry: the cell in the baseline.
        anchor: the cell in the anchor.
        accepted: metric -> by how much it was accepted to become worse since then.
        thresholds: what it must keep to.
        level: of the test.
    """
    for metric in RATIOS:
        new, old = entry.sizes().get(metric), anchor.sizes().get(metric)
        if new is None or old is None:
            continue
        allowed = math.log(max(1.0, accepted[metric]))
        moved = change(new, old)
        moved = replace(moved, log_ratio=moved.log_ratio - allowed)
        if moved.exceeds(thresholds.ratios[metric].indifference, level):
            low, high = moved.interval()
            message = f"since the anchor it has grown by {_range(moved.ratio, low, high)}, step by step"
            limit = 1 + thresholds.ratios[metric].indifference
            yield Test(metric, "regression", "anchor", message, moved.ratio, low, high, limit)


def _passed(metrics: Iterable[str], stage: Stage, message: str) -> list[Test]:
    replicates = WINDOW if stage == "digest" else PAIRS
    return [Test(metric, "pass", stage, message, replicates=replicates) for metric in metrics]


def _evaluations(sample: Sample, entry: Entry, stage: Stage) -> Test:
    """Evaluations of f and of its gradient are counted, and must be what they were."""
    now = (sample.evidence.evaluations, sample.gradient_evaluations)
    before = (entry.evaluations, entry.gradient_evaluations)
    were = f"{before[0]:g} and {before[1]:g} before"
    message = f"{now[0]:g} of f and {now[1]:g} of its gradient in one estimate, {were}"
    total, total_before = sum(now), sum(before)
    ratio = total / total_before if total_before else math.inf if total else 1.0
    if all(math.isclose(a, b, rel_tol=1e-9) for a, b in zip(now, before, strict=True)):
        return Test("evaluations", "pass", stage, "", 1.0, replicates=sample.replicates)
    worse = any(a > b * (1 + 1e-9) for a, b in zip(now, before, strict=True))
    verdict: Verdict = "regression" if worse else "improved"
    return Test("evaluations", verdict, stage, message, ratio, limit=1.0, replicates=sample.replicates)


def _paired(sample: Sample, entry: Entry, metrics: Iterable[str]) -> list[Test]:
    """What the replicates that the baseline holds let pass, one by one or as a variance."""
    old, new = entry.squares(), sample.evidence.deviation.numpy()
    if sample.nonfinite or not np.isfinite(old).all():
        return []
    if (np.abs(new - old) <= _ROUNDING * (old + old.mean())).all():
        return _passed(metrics, "paired", f"each of {PAIRS} replicates agrees but for rounding")
    if PAIRS * min(entry.sample_size, 10) < PAIRED_FROM or "variance" not in metrics:
        return []
    # A baseline keeps float32, a sample float64.
    ratio = paired_ratio(old, new, PAIRED_LEVEL)
    if max(ratio.high, 1 / ratio.low if ratio.low > 0 else math.inf) >= 1 + AGREEMENT:
        return []
    message = f"within {_percent(AGREEMENT)} on the same random numbers"
    return [Test("variance", "pass", "paired", message, ratio.value, ratio.low, ratio.high, replicates=PAIRS)]


def _wanted(metrics: Iterable[str], entry: Entry, thresholds: Thresholds, level: float) -> float:
    """R of the first stage, so that all ratios have their power."""
    sizes = entry.sizes()
    needs = [
        _needed(sizes[metric], thresholds.ratios[metric], level) for metric in metrics if metric in sizes
    ]
    return max(needs, default=_needed(Size(1.0, 1.0, entry.replicates), thresholds.ratios["variance"], level))


def _needed(size: Size, margin: Margin, level: float) -> float:
    return required_replicates(size.kurtosis, max(1, size.replicates), margin, level)


def _test(
    metric: str,
    sample: Sample,
    entry: Entry,
    thresholds: Thresholds,
    rules: Rules,
    stage: Stage,
    wanted: float,
) -> Test:
    if metric == "evaluations":
        return _evaluations(sample, entry, stage)
    if metric == "nonfinite":
        return _nonfinite(sample, entry, rules.level, stage)
    if sample.evidence.replicates < 3:
        few = f"{sample.evidence.replicates} of {sample.replicates} estimates are finite: too few to tell"
        return Test(metric, "inconclusive", stage, few, replicates=sample.replicates)
    if metric == "bias":
        return _bias(sample, thresholds.bias_margin, rules.level, stage)
    return _ratio(metric, sample, entry, thresholds.ratios[metric], rules, stage, wanted)


def _ratio(
    metric: str, sample: Sample, entry: Entry, margin: Margin, rules: Rules, stage: Stage, wanted: float
) -> Test:
    new = sample.size(metric)
    old = entry.sizes()[metric]
    moved = change(new, old)
    low, high = moved.interval()
    test = Test(metric, "pass", stage, "", moved.ratio, low, high, 1 + margin.indifference, sample.replicates)
    if moved.exceeds(margin.indifference, rules.level):
        allowed = f"up to {_percent(margin.indifference)} is allowed"
        message = f"it has grown by {_range(moved.ratio, low, high)}; {allowed}"
        return replace(test, verdict="regression", message=message)
    if moved.falls_below(margin.indifference, rules.level):
        message = f"it is {moved.ratio:.3g} times what it was: `bench baseline update` makes that the rule"
        return replace(test, verdict="improved", message=message)
    if blind := _blindness(new, old, margin, moved.error, rules, wanted):
        return replace(test, verdict="inconclusive", message=blind)
    return test


def _blindness(new: Size, old: Size, margin: Margin, error: float, rules: Rules, wanted: float) -> str:
    """Why the test could not have seen what it should, and what it would take; empty if it could."""
    if math.isinf(error):
        return "no noise was seen: what is rare did not show"
    seen = margin.detectable(error, rules.level)
    if wanted <= rules.max_replicates and seen <= _BLIND * margin.increase:
        return ""
    needed = max(wanted, _needed(replace(old, kurtosis=max(new.kurtosis, old.kurtosis)), margin, rules.level))
    remedy = "the baseline has too few replicates for any R"
    if math.isfinite(needed):
        remedy = f"R = {math.ceil(needed)} would do"
    why = f"only an increase of {100 * seen:.0f} % would surely be seen, not {_percent(margin.increase)}"
    if wanted > rules.max_replicates:
        remedy += f", and max_replicates is {rules.max_replicates}"
    return f"{why}; {remedy}"


def _bias(sample: Sample, margin: float, level: float, stage: Stage) -> Test:
    size = float(sample.evidence.truth.norm())
    p = excess_p(sample.evidence, margin * size) if margin > 0 and size > 0 else bias_p(sample.evidence)
    test = Test("bias", "pass", stage, replicates=sample.replicates)
    if math.isnan(p):
        return replace(test, verdict="inconclusive", message=_unknown_bias(sample))
    if p >= level:
        return test
    bias = bias_interval(sample.evidence)
    allowed = f"; up to {_percent(margin)} is allowed" if margin else ""
    message = (
        f"the bias is {bias.value:.3g} ({bias.low:.3g} to {bias.high:.3g}) of a gradient of {size:.3g}, "
        f"p = {p:.1e}{allowed}"
    )
    return replace(test, verdict="regression", message=message)


def _unknown_bias(sample: Sample) -> str:
    if sample.evidence.truth.isnan().any():
        return "there is no truth to compare with"
    return "no noise was seen: what is rare did not show"


def _nonfinite(sample: Sample, entry: Entry, level: float, stage: Stage) -> Test:
    test = Test("nonfinite", "pass", stage, replicates=sample.replicates)
    p = more_often(sample.nonfinite, sample.replicates, entry.nonfinite, entry.replicates)
    if p >= level:
        return test
    message = (
        f"{sample.nonfinite} of {sample.replicates} estimates are not finite, "
        f"{entry.nonfinite} of {entry.replicates} before"
    )
    return replace(test, verdict="regression", message=message)


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _range(ratio: float, low: float, high: float) -> str:
    """`12 % (9 to 15 %)`."""
    return f"{_percent(ratio - 1)} ({100 * (low - 1):.3g} to {100 * (high - 1):.3g} %)"
