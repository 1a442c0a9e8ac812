"""Ratios of two variances, or of two mean squared errors, with an interval."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from bench.statistics.tails import t_quantile

Numbers = npt.NDArray[np.float64]
WithoutOne = Callable[[Numbers], Numbers]
"""Contributions `[R]` -> logarithm of the quantity without each replicate in turn, `[R]`."""

LEVEL = 0.95

PAIRED_FROM = 10_000
"""R · min(N, 10) from which a paired interval is trusted: with fewer, it misses the tails it did not see."""

# What is left without a replicate, as a part of the whole: one that carries everything
# leaves zero, whose logarithm must stay finite; the interval is then as good as endless.
_LEAST = 1e-12


@dataclass(frozen=True)
class Ratio:
    """A ratio with its interval.

    Attributes:
        value: mean(b) / mean(a).
        log_center: the logarithm of the ratio, freed of its bias of order 1/R by the jackknife; the
            interval lies around it.
        log_error: its standard error; NaN if there is no interval.
        degrees: of freedom, of the t quantile.
        level: the confidence level of `low` and `high`.
        paired: whether replicates were compared one by one.
    """

    value: float
    log_center: float
    log_error: float
    degrees: float
    level: float
    paired: bool

    @property
    def low(self) -> float:
        """The lower end of the interval."""
        return _exponential(self.log_center - self._half)

    @property
    def high(self) -> float:
        """The upper end of the interval."""
        return _exponential(self.log_center + self._half)

    def at(self, level: float) -> Ratio:
        """Return this ratio with an interval of another level."""
        return replace(self, level=level)

    @property
    def _half(self) -> float:
        return float(t_quantile((1 + self.level) / 2, self.degrees)) * self.log_error


def variance_without_one(contributions: Numbers) -> Numbers:
    """The logarithm of the variance without each replicate in turn.

    Exactly so in one dimension, and to first order for the trace of a covariance: with u the
    squared deviations and S their sum, (S − u_i R/(R−1)) / (R−2).

    Args:
        contributions: u · R/(R−1), whose mean is the variance, `[R]`.
    """
    R = len(contributions)
    left = contributions.sum() * (R - 1) / R - contributions  # [R]
    return _logarithm(left / (R - 2), contributions.mean())


def mean_without_one(contributions: Numbers) -> Numbers:
    """The logarithm of the mean without each replicate in turn."""
    left = (contributions.sum() - contributions) / (len(contributions) - 1)  # [R]
    return _logarithm(left, contributions.mean())


def paired_ratio(
    a: Numbers, b: Numbers, level: float = LEVEL, without_one: WithoutOne = variance_without_one
) -> Ratio:
    """mean(b) / mean(a) with the jackknife on its logarithm, replicate by replicate.

    What both owe to the same random numbers cancels: identical contributions give exactly 1
    and an interval without width. Without common random numbers it holds as well, and gains nothing.

    Args:
        a: contributions of the control, `[R]`: those of its variance or its squared errors.
        b: of the estimator, on the same replicates, `[R]`.
        level: of the interval.
        without_one: `variance_without_one`, or `mean_without_one` for squared errors.

    References:
        Miller (1974), The jackknife: a review.
    """
    if len(a) != len(b):
        raise ValueError(f"a pair has as many replicates on either side, not {len(a)} and {len(b)}")
    if (known := _without_interval(a, b, level, paired=True)) is not None:
        return known
    center, error = _jackknife(math.log(b.mean() / a.mean()), without_one(b) - without_one(a))
    return Ratio(float(b.mean() / a.mean()), center, error, len(a) - 1, level, paired=True)


def unpaired_ratio(
    a: Numbers, b: Numbers, level: float = LEVEL, without_one: WithoutOne = variance_without_one
) -> Ratio:
    """mean(b) / mean(a) for replicates that are independent: squared errors of the logarithms add.

    Under common random numbers it is too wide, as long as what both share raises both.

    Args:
        a: contributions of the control, `[R]`.
        b: of the estimator, `[R']`.
        level: of the interval.
        without_one: `variance_without_one`, or `mean_without_one` for squared errors.
    """
    if (known := _without_interval(a, b, level, paired=False)) is not None:
        return known
    below, below_error = _jackknife(math.log(a.mean()), without_one(a))
    above, above_error = _jackknife(math.log(b.mean()), without_one(b))
    error = math.hypot(below_error, above_error)
    value = float(b.mean() / a.mean())
    return Ratio(value, above - below, error, min(len(a), len(b)) - 1, level, paired=False)


def common_ratio(
    a: Numbers,
    b: Numbers,
    sample_size: int,
    level: float = LEVEL,
    without_one: WithoutOne = variance_without_one,
) -> Ratio:
    """The ratio under common random numbers: paired if there are replicates enough for their tails.

    Otherwise the unpaired one, no narrower than the paired one would have been.
    """
    pairs = paired_ratio(a, b, level, without_one)
    if len(a) * min(sample_size, 10) >= PAIRED_FROM:
        return pairs
    apart = unpaired_ratio(a, b, level, without_one)
    return replace(apart, log_error=max(apart.log_error, pairs.log_error))


def times(interval: Ratio, log_seconds_error: float, seconds_ratio: float) -> Ratio:
    """The ratio of variance × seconds.

    Args:
        interval: the ratio of variances.
        log_seconds_error: standard error of the logarithm of the ratio of seconds, NaN if not known.
        seconds_ratio: the estimator's seconds over the control's.
    """
    if not seconds_ratio > 0:
        return _unknown(math.nan, interval.level, interval.paired)
    return replace(
        interval,
        value=interval.value * seconds_ratio,
        log_center=interval.log_center + math.log(seconds_ratio),
        log_error=math.hypot(interval.log_error, log_seconds_error),
    )


def _jackknife(whole: float, without_one: Numbers) -> tuple[float, float]:
    """A value freed of its bias of order 1/R, and its standard error."""
    R = len(without_one)
    mean = float(without_one.mean())
    squares = float(np.square(without_one - mean).sum())
    return R * whole - (R - 1) * mean, math.sqrt((R - 1) / R * squares)


def _without_interval(a: Numbers, b: Numbers, level: float, paired: bool) -> Ratio | None:
    """The ratio where the jackknife has nothing to say: no noise on a side, or hardly a replicate."""
    if not len(a) or not len(b) or not math.isfinite(a.sum() + b.sum()):
        return _unknown(math.nan, level, paired)
    below, above = float(a.mean()), float(b.mean())
    if below > 0 and above > 0:
        return _unknown(above / below, level, paired) if min(len(a), len(b)) < 3 else None
    value = 1.0 if above == below else math.inf if below == 0 else 0.0
    center = math.log(value) if value else -math.inf
    return Ratio(value, center, 0.0, max(min(len(a), len(b)) - 1, 1), level, paired)


def _unknown(value: float, level: float, paired: bool) -> Ratio:
    return Ratio(value, math.nan, math.nan, 1, level, paired)


def _logarithm(left: Numbers, whole: float) -> Numbers:
    return np.asarray(np.log(np.maximum(left, _LEAST * whole)))


def _exponential(x: float) -> float:
    return math.exp(x) if x < 709 or math.isnan(x) else math.inf
