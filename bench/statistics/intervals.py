"""Intervals for means, variances and ratios that stay honest when estimates have heavy tails."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.statistics.contributions import Jackknifed
from bench.statistics.moments import Moments
from bench.statistics.tails import binomial_quantile, normal_quantile, normal_tail, t_quantile

LEVEL = 0.95
"""The confidence level of every interval that is shown."""


# By simulation (`make calibrate`): what makes intervals cover for heavy tails, and leaves normal ones alone.
_STRETCH, _HEAVY = 5.0, 1.2


@dataclass(frozen=True)
class Interval:
    """A value with its interval.

    Attributes:
        value: the estimate.
        low: the lower end at the level `LEVEL`.
        high: the upper end.
        standard_error: of the value, or of its logarithm if the interval was made there.
    """

    value: float
    low: float
    high: float
    standard_error: float

    def p_of_zero(self) -> float:
        """The two-sided p-value of the value being zero, by normality; 1 if nothing is known."""
        p = 2 * normal_tail(abs(self.value) / self.standard_error) if self.standard_error > 0 else 1.0
        return 1.0 if math.isnan(p) else p

    def through(self, function: Callable[[float], float]) -> Interval:
        """The interval of an increasing or decreasing function of the value."""
        ends = sorted((function(self.low), function(self.high)))
        return Interval(function(self.value), ends[0], ends[1], self.standard_error)


UNKNOWN = Interval(math.nan, math.nan, math.nan, math.nan)


def normal_interval(value: float, standard_error: float, level: float = LEVEL) -> Interval:
    """Value ± z standard errors."""
    half = normal_quantile((1 + level) / 2) * standard_error
    return Interval(value, value - half, value + half, standard_error)


def t_interval(value: float, standard_error: float, freedom: int, level: float = LEVEL) -> Interval:
    """Value ± t standard errors, by Student's distribution of so many degrees of freedom."""
    half = float(t_quantile((1 + level) / 2, freedom)) * standard_error
    return Interval(value, value - half, value + half, standard_error)


def variance_interval(
    u: Jackknifed,
    known_kurtosis: float = math.nan,
    value: float | None = None,
    normal_kurtosis: float = 3.0,
    exact_kurtosis: float = math.nan,
) -> Interval:
    r"""An interval for a variance, or the trace of a covariance: the jackknife on its logarithm.

    t quantile with R − 1 degrees of freedom. A sample that missed the tail reports too small a variance *and*
    too small an error; where the kurtosis κ is known from more data the error is at least
    :math:`\sqrt{(\kappa - 1 + 2/(R-1))/R}`. Unless κ is known exactly, the upper half is
    stretched by :math:`1 + 5 \sqrt{(\kappa - 1.2\,\kappa_{normal})_+ / R}` with the sample's κ: for
    estimates such as exp of a normal the jackknife alone covers 79 % at R = 100, and so stretched 93 %.

    Miller (1974), The jackknife: a review, §4; Bonett (2006) for the role of κ.

    Args:
        u: squared deviations from the mean, made unbiased, so that their mean is the variance.
        known_kurtosis: κ = E u² / (E u)², or NaN if nothing but the sample tells.
        value: the variance, if known better than from u.
        normal_kurtosis: κ of normal estimates with the same covariance.
        exact_kurtosis: κ where it is known without sampling, else NaN.
    """
    R, error, stretch = u.count, u.error, 1.0
    if R < 3 or not math.isfinite(u.mean):
        return Interval(math.nan if value is None else value, math.nan, math.nan, math.nan)
    value = u.mean if value is None else value
    if u.mean == 0:
        return Interval(value, value, value, 0.0)
    if math.isnan(exact_kurtosis):
        stretch += _STRETCH * math.sqrt(max(0.0, u.kurtosis - _HEAVY * normal_kurtosis) / R)
    for kurtosis in (known_kurtosis, exact_kurtosis):
        if not math.isnan(kurtosis):
            error = max(error, math.sqrt(max(0.0, kurtosis - 1 + 2 / (R - 1)) / R))
    return _on_log_scale(value, u.correction, error, u.groups, stretch)


def variance_intervals(moments: Moments) -> tuple[Tensor, Tensor]:
    r"""Intervals for the variance of every coordinate, from its fourth moment: low and high ends, `[P]`.

    No replicate is kept of single coordinates, so that the error of the logarithm is that of
    the delta method, :math:`\sqrt{(\kappa - 1 + 2/(R-1))/R}`; t quantile. With heavy tails it is
    somewhat shorter than the jackknife's.
    """
    R = moments.count
    if R < 3:
        unknown = torch.full_like(moments.m2, torch.nan)
        return unknown, unknown
    error = ((moments.kurtosis - 1 + 2 / (R - 1)) / R).sqrt().nan_to_num()  # zero where nothing varies
    factor = (float(t_quantile((1 + LEVEL) / 2, R - 1)) * error).exp()  # [P]
    return moments.variance / factor, moments.variance * factor


def mean_interval(u: Jackknifed) -> Interval:
    """An interval for a positive mean: the jackknife on its logarithm, t quantile."""
    if u.count < 3 or not math.isfinite(u.mean):
        return Interval(u.mean, math.nan, math.nan, math.nan)
    if u.mean == 0:
        return Interval(0.0, 0.0, 0.0, 0.0)
    return _on_log_scale(u.mean, u.correction, u.error, u.groups)


def wilson_interval(successes: int, trials: int) -> Interval:
    """An interval for a probability; Wilson (1927)."""
    if trials == 0:
        return UNKNOWN
    share, z = successes / trials, normal_quantile((1 + LEVEL) / 2)
    spread = share * (1 - share) / trials
    pull = z**2 / trials
    middle, half = share + pull / 2, z * math.sqrt(spread + pull / 4 / trials)
    # At the borders the ends are exact; rounding would move them.
    low = (middle - half) / (1 + pull) if successes else 0.0
    high = (middle + half) / (1 + pull) if successes < trials else 1.0
    return Interval(share, low, high, math.sqrt(spread))


def median_interval(values: Tensor) -> Interval:
    """The median between two order statistics, for any distribution; fewer than 6 give no ends."""
    count = len(values)
    if count == 0:
        return UNKNOWN
    ordered = values.sort().values
    middle = float(torch.quantile(ordered, 0.5))
    rank = binomial_quantile((1 - LEVEL) / 2, count, 0.5)
    if rank < 1:
        return Interval(middle, math.nan, math.nan, math.nan)
    low, high = float(ordered[rank - 1]), float(ordered[count - rank])
    width = 2 * normal_quantile((1 + LEVEL) / 2)
    error = math.log(high / low) / width if low > 0 else math.nan
    return Interval(middle, low, high, error)


def _on_log_scale(
    value: float, correction: float, error: float, groups: int, stretch: float = 1.0
) -> Interval:
    """Around the value freed of the logarithm's bias, but never without the value itself."""
    half = min(700.0, float(t_quantile((1 + LEVEL) / 2, groups - 1)) * error)
    low = value * math.exp(correction - half)
    high = value * math.exp(min(700.0, correction + stretch * half))
    return Interval(value, min(low, value), max(high, value), error)
