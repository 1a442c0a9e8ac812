"""What is said of a bias: its p-value, its interval, and a verdict that only equivalence makes good."""

from __future__ import annotations

import math
from dataclasses import replace

from bench.statistics.evidence import Evidence
from bench.statistics.intervals import UNKNOWN, Interval, normal_interval
from bench.statistics.unbiasedness import (
    beyond_margin,
    hall,
    hall_interval,
    replicates_for_equivalence,
    squared_norm,
    too_skewed,
    whole_vector,
)

BIASED_BELOW = 0.01
"""The p-value below which a bias is called one."""
EQUIVALENCE = 0.01
"""The bias, as a part of the gradient's norm, that is small enough to be called none."""

FEASIBLE = 1_000_000_000
"""Replicates beyond which it does not matter how many more are needed."""

# What float32 may round off a gradient, as a part of its norm, and what float64 may leave of a
# zero: an estimator without noise would be called biased for it.
ROUNDING = 1e-6
ZERO = 1e-12
# A test of equivalence at 5 % is passed if the interval at 90 % lies within the margin.
_EQUIVALENCE_LEVEL = 0.90


def bias_p(evidence: Evidence, level: float = BIASED_BELOW) -> float:
    """The p-value of no bias; NaN if there is no truth, or nothing to compare with it.

    Hall's test and the F-type test at half the level each; a coordinate that does not vary must
    be right to rounding, and one that is too skewed for R at that level cannot be called biased
    by itself.
    """
    difference = evidence.difference
    if bool((difference.value.isnan() | difference.variance.isnan()).any()):
        return math.nan
    rounding = _rounding(evidence)
    right = difference.value.abs() <= rounding  # [P]
    quiet = 100 * difference.error <= rounding  # [P], without noise, but for rounding
    # Such a coordinate that is wrong is a hundred errors off at least.
    if bool((~right & quiet).any()):
        return 0.0
    live = difference.variance > 0
    # One that never varied, against a reference that did: only the vector as a whole can tell.
    tested = live if len(live) > 1 else difference.error > 0
    if bool(right.all()) or not bool((difference.error > 0).any()):
        return 1.0
    # One that is right to rounding may well be many times its noise off.
    tested = tested & ~quiet
    count = max(1, int(tested.sum()))
    tested = tested & ~too_skewed(difference, level / 2 / count)
    worst = float(hall(difference)[tested].min()) * count if bool(tested.any()) else 1.0
    if len(difference.value) == 1:
        return min(1.0, worst)
    whole = whole_vector(difference, evidence.variance, evidence.trace_of_square)
    return min(1.0, 2 * min(worst, whole if not math.isnan(whole) else 1.0))


def excess_p(evidence: Evidence, margin: float) -> float:
    """The p-value of a bias whose norm is within a margin, which must be positive."""
    difference = evidence.difference
    if _is_certain(evidence):
        return float(float(difference.value.norm()) <= margin + ZERO)
    if len(difference.value) == 1:
        beyond = difference.value.sign() * (difference.value.abs() - margin).clamp(min=0)
        return float(hall(replace(difference, value=beyond))) if float(beyond) else 1.0
    return 1 - beyond_margin(difference, evidence.variance, evidence.trace_of_square, margin)


def bias_interval(evidence: Evidence) -> Interval:
    """Of the bias of one coordinate, signed; of several that of its norm."""
    difference = evidence.difference
    if bool((difference.value.isnan() | difference.variance.isnan()).any()):
        return UNKNOWN
    if len(difference.value) == 1:
        if float(difference.error) == 0:
            return normal_interval(float(difference.value), 0.0)
        return hall_interval(difference)
    square, error = squared_norm(difference, evidence.variance, evidence.trace_of_square)
    of_square = normal_interval(square, error)
    return of_square.through(lambda x: math.sqrt(max(0.0, x)) if not math.isnan(x) else x)


def verdict_of(evidence: Evidence, p: float) -> str:
    """The verdict in words, given the p-value of no bias."""
    if math.isnan(p):
        return "unknown"
    if p < BIASED_BELOW:
        return "biased"
    margin = EQUIVALENCE * float(evidence.truth.norm())
    if is_equivalent(evidence, margin):
        return f"within {EQUIVALENCE:.0%}".replace("%", " %")
    return f"unresolved ({needs(evidence, margin)})"


def is_equivalent(evidence: Evidence, margin: float) -> bool:
    """Whether the bias is shown to be within the margin, by a test of equivalence at 5 %."""
    difference = evidence.difference
    if _is_certain(evidence):
        return float(difference.value.norm()) <= margin + ZERO
    if len(difference.value) == 1:
        interval = hall_interval(difference, _EQUIVALENCE_LEVEL)
        return -margin < interval.low and interval.high < margin
    p = beyond_margin(difference, evidence.variance, evidence.trace_of_square, margin)
    # That test alone would pass one in twenty estimates of any noise, however wide: noise that
    # happens to be small tells nothing. As for one coordinate, both ends must lie within the margin.
    square = normal_interval(
        *squared_norm(difference, evidence.variance, evidence.trace_of_square), level=_EQUIVALENCE_LEVEL
    )
    within = -(margin**2) < square.low and square.high < margin**2
    return within and p <= (1 - _EQUIVALENCE_LEVEL) / 2


def _is_certain(evidence: Evidence) -> bool:
    """Whether nothing varies, and the truth is known, but for rounding."""
    return bool((100 * evidence.difference.error <= _rounding(evidence)).all())


def _rounding(evidence: Evidence) -> float:
    return ROUNDING * float(evidence.truth.norm()) + ZERO


def needs(evidence: Evidence, margin: float) -> str:
    """What it takes to resolve the bias: about how many replicates, or a better reference."""
    if margin <= 0:
        return "the gradient is zero"
    if 3.3 * float(evidence.truth_error.norm()) > margin:
        return "needs a better reference"
    if len(evidence.mean) == 1:
        R = replicates_for_equivalence(margin, math.sqrt(evidence.variance)) ** 2
    else:
        R = replicates_for_equivalence(margin**2, math.sqrt(2 * evidence.trace_of_square))
    R = max(R, evidence.replicates + 1)
    if R > FEASIBLE:
        return f"needs R > {FEASIBLE:,}".replace(",", " ")
    digits = max(0, math.floor(math.log10(R)) - 1)
    rounded = math.ceil(R / 10**digits) * 10**digits
    return "needs R = " + (f"{rounded:,}".replace(",", " ") if rounded >= 10_000 else str(rounded))
