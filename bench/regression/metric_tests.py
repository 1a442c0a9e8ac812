"""One metric of a cell held against the baseline: on the random numbers of the baseline, or on others."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from bench.engine.sample import Sample
from bench.regression.baseline import PAIRS, WINDOW, Entry
from bench.regression.rules import Rules
from bench.regression.verdicts import Stage, Test, Verdict
from bench.scenario.thresholds import Thresholds
from bench.statistics.contributions import contributions
from bench.statistics.gating import (
    AGREEMENT,
    PAIRED_LEVEL,
    Margin,
    Size,
    change,
    more_often,
    required_replicates,
)
from bench.statistics.ratio import PAIRED_FROM, paired_ratio
from bench.statistics.verdict import bias_interval, bias_p, excess_p

# Rounding moves a squared deviation by less than this, as a part of it and of their mean.
_ROUNDING = 1e-3
# A sample whose own kurtosis lets it see no less than so many times the threshold decides nothing.
_BLIND = 1.5


def passed(metrics: Iterable[str], stage: Stage, message: str) -> list[Test]:
    """Metrics that need no further test."""
    replicates = WINDOW if stage == "digest" else PAIRS
    return [Test(metric, "pass", stage, message, replicates=replicates) for metric in metrics]


def evaluations(sample: Sample, entry: Entry, stage: Stage) -> Test:
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


def paired(sample: Sample, entry: Entry, metrics: Iterable[str]) -> list[Test]:
    """Compare with the replicates that the baseline holds, one by one or as a variance."""
    old, new = entry.squares(), sample.evidence.scalars.deviation.numpy()
    if sample.nonfinite or not np.isfinite(old).all():
        return []
    if (np.abs(new - old) <= _ROUNDING * (old + old.mean())).all():
        return passed(metrics, "paired", f"each of {PAIRS} replicates agrees but for rounding")
    if PAIRS * min(entry.sample_size, 10) < PAIRED_FROM or "variance" not in metrics:
        return []
    # A baseline keeps float32, a sample float64.
    ratio = paired_ratio(contributions(old), contributions(new), PAIRED_LEVEL)
    if max(ratio.high, 1 / ratio.low if ratio.low > 0 else math.inf) >= 1 + AGREEMENT:
        return []
    message = f"within {_percent(AGREEMENT)} on the same random numbers"
    return [Test("variance", "pass", "paired", message, ratio.value, ratio.low, ratio.high, replicates=PAIRS)]


def tested(
    metric: str,
    sample: Sample,
    entry: Entry,
    thresholds: Thresholds,
    rules: Rules,
    stage: Stage,
    wanted: float,
) -> Test:
    """Test a metric on random numbers that the baseline does not share.

    Args:
        metric: which.
        sample: the cell as it is now.
        entry: the cell in the baseline.
        thresholds: the limits of its estimator.
        rules: those of all cells.
        stage: the one whose random numbers the sample is of.
        wanted: R that the test of every ratio needs for its power.
    """
    if metric == "evaluations":
        return evaluations(sample, entry, stage)
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
        message = f"it has grown by {interval_text(moved.ratio, low, high)}; {allowed}"
        return replace(test, verdict="regression", message=message)
    if moved.falls_below(margin.indifference, rules.level):
        message = (
            f"it is {moved.ratio:.3g} times the baseline; `bench baseline update` makes this the new baseline"
        )
        return replace(test, verdict="improved", message=message)
    if blind := _blindness(new, old, margin, moved.error, rules, wanted):
        return replace(test, verdict="inconclusive", message=blind)
    return test


def _blindness(new: Size, old: Size, margin: Margin, error: float, rules: Rules, wanted: float) -> str:
    """Return why the test could not have seen what it should, and what it would take; empty if it could."""
    if math.isinf(error):
        return "no noise was seen: what is rare did not show"
    seen = margin.detectable(error, rules.level)
    if wanted <= rules.max_replicates and seen <= _BLIND * margin.increase:
        return ""
    needed = max(
        wanted, stage_replicates(replace(old, kurtosis=max(new.kurtosis, old.kurtosis)), margin, rules.level)
    )
    remedy = "the baseline has too few replicates for any R"
    if math.isfinite(needed):
        remedy = f"R = {math.ceil(needed)} would do"
    why = f"only an increase of {100 * seen:.0f} % would be detected, not {_percent(margin.increase)}"
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


def stage_replicates(size: Size, margin: Margin, level: float) -> float:
    """R of the first stage that gives the test of a ratio its power."""
    return required_replicates(size.kurtosis, max(1, size.replicates), margin, level)


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def interval_text(ratio: float, low: float, high: float) -> str:
    """`12 % (9 to 15 %)`."""
    return f"{_percent(ratio - 1)} ({100 * (low - 1):.3g} to {100 * (high - 1):.3g} %)"
