"""Tests of whether a quantity got worse since a baseline, in two stages, whose false alarms are counted.

Both stages compare fresh estimates with the same baseline: the first looks at all cells, the
second only at those that the first flags, with four times the replicates. A false alarm must
pass both, so that each stage may use the square root of its share of the whole level; tails
need to be right to one in a thousand only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from bench.statistics.tails import binomial_tail, normal_quantile

POWER = 0.99
"""The probability of finding a worsening as large as the threshold."""

CONFIRMATION = 4
"""The factor by which the second stage takes more replicates."""

BASELINE = 10
"""The factor by which a baseline has more replicates. All later runs are compared with the same numbers: with
as many as theirs, a baseline that came out low by chance would raise an alarm in every twentieth."""

LEAST = 4096
"""Replicates in a stage, whatever the kurtosis says: below, normal quantiles of logarithms are too short."""

PAIRED_LEVEL = 0.999
"""The level of the paired interval that must lie within the agreement."""

AGREEMENT = 0.01
"""The distance that a ratio may have from 1, on the same random numbers, to count as the same quantity."""


@dataclass(frozen=True)
class Size:
    """A positive mean, of squares, with what its error depends on.

    Attributes:
        value: a variance, or a mean squared error.
        kurtosis: E u² / (E u)² of the squares u whose mean it is; 1 where nothing varies. A value of zero
            with a larger one is not known to be zero: what it is made of did not show.
        replicates: R.
    """

    value: float
    kurtosis: float
    replicates: int


@dataclass(frozen=True)
class Change:
    """The logarithm of a ratio, new over old, with its standard error."""

    log_ratio: float
    error: float

    @property
    def ratio(self) -> float:
        """New over old."""
        return _exponential(self.log_ratio)

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Return the interval of the ratio, by the normal distribution of its logarithm."""
        half = normal_quantile((1 + level) / 2) * self.error
        if math.isinf(half):
            return 0.0, math.inf
        return _exponential(self.log_ratio - half), _exponential(self.log_ratio + half)

    def exceeds(self, increase: float, level: float) -> bool:
        """Whether the ratio is above 1 + increase, by a one-sided test."""
        return self.log_ratio - math.log1p(increase) > upper_quantile(level) * self.error

    def falls_below(self, decrease: float, level: float) -> bool:
        """Whether the ratio is below 1 / (1 + decrease), by a one-sided test."""
        return -self.log_ratio - math.log1p(decrease) > upper_quantile(level) * self.error


@dataclass(frozen=True)
class Margin:
    """The limits of a worsening, and of no change.

    Attributes:
        increase: the relative increase that is to be found with probability `POWER`.
        indifference: the relative increase up to which no alarm is raised, but for the false ones.
    """

    increase: float
    indifference: float

    def target(self, level: float) -> float:
        """The standard error of a log ratio that gives the tests of this level their power."""
        reach = math.log1p(self.increase) - math.log1p(self.indifference)
        return reach / (upper_quantile(level) + normal_quantile((1 + POWER) / 2))

    def detectable(self, error: float, level: float) -> float:
        """The relative increase that is found with probability `POWER` when the error is this."""
        reach = error * (upper_quantile(level) + normal_quantile((1 + POWER) / 2))
        return (1 + self.indifference) * _exponential(reach) - 1


def stage_level(alpha: float, tests: int) -> float:
    """The level of each of two stages of each of M tests, so that all of them together keep α: √(α/M)."""
    return math.sqrt(alpha / max(1, tests))


def upper_quantile(level: float) -> float:
    """The normal quantile that is exceeded with probability `level`."""
    return -normal_quantile(level)


def change(new: Size, old: Size) -> Change:
    r"""The log ratio of two independent means, new over old.

    .. math:: SE^2 = \frac{\max(\kappa_{new}, \kappa_{old}) - 1}{R} + \frac{\kappa_{old} - 1}{R_0}

    A sample that missed its tail has too small a mean *and* too small a kurtosis; that of the
    larger baseline is the guard against it.
    """
    if any(size.value <= 0 and size.kurtosis > 1 for size in (new, old)):
        return Change(0.0, math.inf)
    if new.value == old.value == 0:
        return Change(0.0, 0.0)
    if old.value <= 0 or new.value <= 0:
        return Change(math.inf if new.value > old.value else -math.inf, 0.0)
    kurtosis = max(new.kurtosis, old.kurtosis)
    error = math.hypot(log_error(kurtosis, new.replicates), log_error(old.kurtosis, old.replicates))
    return Change(math.log(new.value / old.value), error)


def log_error(kurtosis: float, replicates: int) -> float:
    """The standard error of the logarithm of a mean of squares, √((κ − 1 + 2/(R − 1))/R)."""
    if replicates < 2:
        return math.inf
    return math.sqrt(max(0.0, kurtosis - 1 + 2 / (replicates - 1)) / replicates)


def required_replicates(kurtosis: float, baseline: float, margin: Margin, level: float) -> float:
    """The R of the first stage that gives the tests their power against a baseline of R₀ replicates.

    Infinite if the baseline is too small for any.
    """
    left = margin.target(level) ** 2 - max(0.0, kurtosis - 1) / baseline
    return max(LEAST, max(0.0, kurtosis - 1) / left) if left > 0 else math.inf


def planned_replicates(kurtosis: float, margin: Margin, level: float) -> float:
    """Return the replicates for a baseline that is yet to be made, `BASELINE` times as large."""
    return max(LEAST, (1 + 1 / BASELINE) * max(0.0, kurtosis - 1) / margin.target(level) ** 2)


def more_often(count: int, replicates: int, old_count: int, old_replicates: int) -> float:
    """The p-value of an event that is no more frequent than it was, by the exact conditional test.

    Given the number of events in both, that in the new ones is binomial; Przyborowski &
    Wilenski (1940). Where there was none in the baseline, one is too many: p is 0.
    """
    if count == 0:
        return 1.0
    if old_count == 0:
        return 0.0
    share = replicates / (replicates + old_replicates)
    return binomial_tail(count - 1, count + old_count, share)


def _exponential(x: float) -> float:
    return math.exp(x) if x < 709 else math.inf
