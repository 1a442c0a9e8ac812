"""The verdict on a bias, with its p-value and its interval: only equivalence makes a good one."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from bench.statistics.evidence import Evidence
from bench.statistics.intervals import UNKNOWN, Interval, normal_interval
from bench.statistics.moments import Moments
from bench.statistics.unbiasedness import (
    beyond_margin,
    hall,
    hall_interval,
    least_p,
    replicates_for_equivalence,
    squared_norm,
    whole_vector,
)

BIASED_BELOW = 0.01
"""The p-value below which a bias is called one, over all rows of a run together."""
EQUIVALENCE = 0.01
"""The bias, as a part of the gradient's norm, that is small enough to be called none."""

LEAST = 30
"""Replicates below which noise tells nothing of a bias: by simulation (`make calibrate`)."""

LEAST_FOR_EQUIVALENCE = 300
"""Replicates that show what happens in 1 % of estimates with probability 95 %: (1 − 0.01)^300 = 0.05."""

FEASIBLE = 1_000_000_000
"""Replicates beyond which it does not matter how many more are needed."""

# What float32 may round off a gradient, as a part of its norm, and what float64 may leave of a
# zero: an estimator without noise would be called biased for it. Of a gradient that is known not
# to be zero that is no more than a tenth of the margin, however small the gradient is.
ROUNDING = 1e-6
ZERO = 1e-12
_OF_TINY = 1e-3
_NOT_ZERO = 100.0  # errors of the truth that it must be away from zero
# A test of equivalence at 5 % is passed if the interval at 90 % lies within the margin.
_EQUIVALENCE_LEVEL = 0.90


def bias_p(evidence: Evidence) -> float:
    """The p-value of the test for bias; NaN if there is no truth, or nothing that can be compared with it.

    Hall's test of the worst coordinate (Bonferroni) and the F-type test at half the level each. A coordinate
    that does not vary while the cost does must be right to rounding; of one whose cost did not vary
    either nothing is known, and R below `LEAST` tells nothing of noise.
    """
    difference = evidence.difference
    if evidence.missed or bool((difference.value.isnan() | difference.variance.isnan()).any()):
        return math.nan
    rounding = _rounding(evidence)
    right = difference.value.abs() <= rounding  # [P]
    still = 100 * difference.variance.sqrt() <= rounding  # [P], without noise, but for rounding
    quiet = 100 * difference.error <= rounding  # [P], and with a truth that has none either
    # Such a coordinate that is wrong is a hundred errors off at least.
    if evidence.is_still and bool((~right & quiet).any()):
        return 0.0
    unseen = still & ~right & (not evidence.is_still)
    if evidence.replicates < LEAST or bool((unseen | right).all()):
        return 1.0 if bool(right.all()) else math.nan
    # One that never varied, against a reference that did: only the vector as a whole can tell.
    tested = difference.variance > 0 if len(right) > 1 else difference.error > 0
    tested = tested & ~quiet & ~unseen
    count = max(1, int(tested.sum()))
    # One that is right to rounding may well be many times its noise off.
    tested = tested & ~right
    p = torch.maximum(hall(difference), least_p(difference))[tested]
    worst = float(p.min()) * count if bool(tested.any()) else 1.0
    if len(difference.value) == 1:
        return min(1.0, worst)
    whole = math.nan if bool(unseen.any()) else whole_vector(difference, evidence.noise)
    return min(1.0, 2 * min(worst, whole if not math.isnan(whole) else 1.0))


def did_not_vary(moments: Moments, truth: Tensor) -> bool:
    """Whether some coordinate of the estimates did not vary, but for rounding; the truth is `[P]`."""
    error = (moments.variance / max(moments.count, 1)).sqrt()  # [P]
    return bool((100 * error <= ROUNDING * float(truth.norm()) + ZERO).any())


def excess_p(evidence: Evidence, margin: float) -> float:
    """The p-value of a bias whose norm is within a margin, which must be positive; NaN if noise is unseen."""
    difference = evidence.difference
    if evidence.missed or _nothing_seen(evidence):
        return math.nan
    if _is_certain(evidence):
        return float(float(difference.value.norm()) <= margin + zero_of(evidence))
    if len(difference.value) == 1:
        beyond = difference.value.sign() * (difference.value.abs() - margin).clamp(min=0)
        return float(hall(replace(difference, value=beyond))) if float(beyond) else 1.0
    return 1 - beyond_margin(difference, evidence.noise, margin)


def bias_interval(evidence: Evidence) -> Interval:
    """Return the interval of the bias, signed for one coordinate, else of its norm; open without noise."""
    difference = evidence.difference
    if bool((difference.value.isnan() | difference.variance.isnan()).any()):
        return UNKNOWN
    if len(difference.value) == 1:
        if float(difference.error) == 0:
            found = normal_interval(float(difference.value), 0.0)
        else:
            found = hall_interval(difference)
    else:
        square, error = squared_norm(difference, evidence.noise)
        of_square = normal_interval(square, error)
        found = of_square.through(lambda x: math.sqrt(max(0.0, x)) if not math.isnan(x) else x)
    if evidence.missed or _nothing_seen(evidence):
        return replace(UNKNOWN, value=found.value)
    return found


def verdict_of(evidence: Evidence) -> str:
    """Return the verdict in a row that is not called biased; that takes all rows of a run together."""
    difference = evidence.difference
    if bool((difference.value.isnan() | difference.variance.isnan()).any()):
        return "unknown"
    if evidence.missed:
        return "unresolved (the draws missed what is rare)"
    margin = EQUIVALENCE * float(evidence.truth.norm())
    if is_equivalent(evidence, margin):
        return f"within {EQUIVALENCE:.0%}".replace("%", " %")
    if _nothing_seen(evidence):
        return "unresolved (no noise was seen)"
    if evidence.replicates < LEAST:
        return "unresolved (R too small)"
    return f"unresolved ({needs(evidence, margin)})"


def is_equivalent(evidence: Evidence, margin: float) -> bool:
    """Whether the bias is shown to be within the margin, by a test of equivalence at 5 %."""
    difference = evidence.difference
    if evidence.missed or evidence.replicates < least_for_equivalence(evidence):
        return False
    if _is_certain(evidence):
        return float(difference.value.norm()) <= margin + zero_of(evidence)
    if _nothing_seen(evidence):
        return False
    if len(difference.value) == 1:
        interval = hall_interval(difference, _EQUIVALENCE_LEVEL)
        return -margin < interval.low and interval.high < margin
    p = beyond_margin(difference, evidence.noise, margin)
    # That test alone would pass one in twenty estimates of any noise, however wide: noise that
    # happens to be small tells nothing. As for one coordinate, both ends must lie within the margin.
    square = normal_interval(*squared_norm(difference, evidence.noise), level=_EQUIVALENCE_LEVEL)
    within = -margin * margin < square.low and square.high < margin * margin
    return within and p <= (1 - _EQUIVALENCE_LEVEL) / 2


def least_for_equivalence(evidence: Evidence) -> int:
    """The R below which no bias is said to be small: what is rare may not have shown."""
    return LEAST if evidence.believed is not None else LEAST_FOR_EQUIVALENCE


def _is_certain(evidence: Evidence) -> bool:
    """Whether nothing varies, and the truth is known, but for rounding."""
    return bool((100 * evidence.difference.error <= _rounding(evidence)).all())


def _nothing_seen(evidence: Evidence) -> bool:
    """Whether some coordinate is wrong and never varied, and the cost did not vary either."""
    difference, rounding = evidence.difference, _rounding(evidence)
    still = 100 * difference.variance.sqrt() <= rounding  # [P]
    return not evidence.is_still and bool((still & (difference.value.abs() > rounding)).any())


def _rounding(evidence: Evidence) -> float:
    return ROUNDING * float(evidence.truth.norm()) + zero_of(evidence) + evidence.rounding


def zero_of(evidence: Evidence) -> float:
    """Return what rounding may leave where the gradient is zero, or as good as zero."""
    size, error = float(evidence.truth.norm()), float(evidence.truth_error.norm())
    return min(ZERO, _OF_TINY * size) if size > _NOT_ZERO * error else ZERO


def needs(evidence: Evidence, margin: float) -> str:
    """Return the effort that resolves the bias: about how many replicates, or a better reference."""
    if margin <= 0:
        return "the gradient is zero"
    if 3.3 * float(evidence.truth_error.norm()) > margin:
        return "needs a better reference"
    if len(evidence.mean) == 1:
        root = replicates_for_equivalence(margin, math.sqrt(evidence.spread.trace))
        R = root * root
    else:
        R = replicates_for_equivalence(margin * margin, math.sqrt(2 * evidence.spread.square))
    R = max(R, evidence.replicates + 1, least_for_equivalence(evidence))
    if R > FEASIBLE:
        return f"needs R > {FEASIBLE:,}".replace(",", " ")
    digits = max(0, math.floor(math.log10(R)) - 1)
    rounded = math.ceil(R / 10**digits) * 10**digits
    return "needs R = " + (f"{rounded:,}".replace(",", " ") if rounded >= 10_000 else str(rounded))
