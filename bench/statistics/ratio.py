"""Ratios of two variances, or of two mean squared errors, with an interval."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from bench.statistics.contributions import Contributions, WithoutOne, jackknife, variance_without_one
from bench.statistics.tails import t_quantile

LEVEL = 0.95

PAIRED_FROM = 10_000
"""R · min(N, 10) from which a paired interval is trusted: with fewer, it misses the tails it did not see."""


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


def paired_ratio(
    a: Contributions, b: Contributions, level: float = LEVEL, without_one: WithoutOne = variance_without_one
) -> Ratio:
    """mean(b) / mean(a) with the jackknife on its logarithm, replicate by replicate.

    What both owe to the same random numbers cancels: identical contributions give exactly 1
    and an interval without width. Without common random numbers it holds as well, and gains nothing.

    Args:
        a: contributions of the control: those of its variance or its squared errors.
        b: of the estimator, on the same replicates.
        level: of the interval.
        without_one: `variance_without_one`, or `mean_without_one` for squared errors.

    References:
        Miller (1974), The jackknife: a review.
    """
    if a.count != b.count:
        raise ValueError(f"a pair has as many replicates on either side, not {a.count} and {b.count}")
    if (known := _without_interval(a, b, level, paired=True)) is not None:
        return known
    center, error = jackknife(math.log(b.mean / a.mean), without_one(b) - without_one(a))
    return Ratio(b.mean / a.mean, center, error, a.groups - 1, level, paired=True)


def unpaired_ratio(
    a: Contributions, b: Contributions, level: float = LEVEL, without_one: WithoutOne = variance_without_one
) -> Ratio:
    """mean(b) / mean(a) for replicates that are independent: squared errors of the logarithms add.

    Under common random numbers it is too wide, as long as what both share raises both.

    Args:
        a: contributions of the control.
        b: of the estimator.
        level: of the interval.
        without_one: `variance_without_one`, or `mean_without_one` for squared errors.
    """
    if (known := _without_interval(a, b, level, paired=False)) is not None:
        return known
    below, below_error = jackknife(math.log(a.mean), without_one(a))
    above, above_error = jackknife(math.log(b.mean), without_one(b))
    error = math.hypot(below_error, above_error)
    return Ratio(b.mean / a.mean, above - below, error, min(a.groups, b.groups) - 1, level, paired=False)


def common_ratio(
    a: Contributions,
    b: Contributions,
    sample_size: int,
    level: float = LEVEL,
    without_one: WithoutOne = variance_without_one,
) -> Ratio:
    """The ratio under common random numbers: paired if there are replicates enough for their tails.

    Otherwise the unpaired one, no narrower than the paired one would have been.
    """
    pairs = paired_ratio(a, b, level, without_one)
    if a.count * min(sample_size, 10) >= PAIRED_FROM:
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


def _without_interval(a: Contributions, b: Contributions, level: float, paired: bool) -> Ratio | None:
    """The ratio where the jackknife has nothing to say: no noise on a side, or hardly a replicate."""
    fewest = min(a.count, b.count)
    if not fewest or not math.isfinite(a.total + b.total):
        return _unknown(math.nan, level, paired)
    below, above = a.mean, b.mean
    if below > 0 and above > 0:
        return _unknown(above / below, level, paired) if fewest < 3 else None
    value = 1.0 if above == below else math.inf if below == 0 else 0.0
    center = math.log(value) if value else -math.inf
    return Ratio(value, center, 0.0, max(fewest - 1, 1), level, paired)


def _unknown(value: float, level: float, paired: bool) -> Ratio:
    return Ratio(value, math.nan, math.nan, 1, level, paired)


def _exponential(x: float) -> float:
    return math.exp(x) if x < 709 or math.isnan(x) else math.inf
