"""Large-sample intervals for means and, on the log scale, for variances."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy import stats
from torch import Tensor

LEVEL = 0.95
"""The confidence level of every interval that is shown."""


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


def normal_interval(value: float, standard_error: float) -> Interval:
    """Value ± z standard errors."""
    half = float(stats.norm.ppf((1 + LEVEL) / 2)) * standard_error
    return Interval(value, value - half, value + half, standard_error)


def log_interval(value: float, contributions: Tensor) -> Interval:
    """An interval for a positive mean by the delta method on its logarithm.

    Args:
        value: the mean (or a variance).
        contributions: of the replicates, whose mean it is, `[R]`.
    """
    R = len(contributions)
    mean = float(contributions.mean()) if R else math.nan
    if R < 2 or not math.isfinite(mean):
        return Interval(value, math.nan, math.nan, math.nan)
    if mean == 0:
        return Interval(value, value, value, 0.0)
    error = float(contributions.std()) / mean / math.sqrt(R)
    factor = math.exp(float(stats.norm.ppf((1 + LEVEL) / 2)) * error)
    return Interval(value, value / factor, value * factor, error)
