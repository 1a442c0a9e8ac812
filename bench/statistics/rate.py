"""The rate at which a variance falls with N, and the limit of a consistent estimator's bias."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.statistics.intervals import LEVEL, UNKNOWN, Interval, normal_interval
from bench.statistics.tails import chi_square_tail, normal_quantile

FEWEST = 4
"""Sample sizes that a fit needs, so that it can be seen to fit badly."""
LACK_OF_FIT = 0.01
"""The p-value below which a straight line does not fit."""


@dataclass(frozen=True)
class Fit:
    """A straight line through points of known error.

    Attributes:
        slope: with its interval.
        intercept: with its interval.
        lack_of_fit: the p-value of the points being on a line, by χ² with two degrees of freedom fewer.
    """

    slope: Interval
    intercept: Interval
    lack_of_fit: float


def line(x: Sequence[float], y: Sequence[float], error: Sequence[float]) -> Fit:
    """Weighted least squares with the errors as given, not as the residuals tell.

    Args:
        x: where.
        y: the values.
        error: their standard errors, all positive.
    """
    xs, ys = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    w = 1 / np.asarray(error, dtype=float) ** 2
    center = (w * xs).sum() / w.sum()
    spread = (w * (xs - center) ** 2).sum()
    slope = (w * (xs - center) * ys).sum() / spread
    mean = (w * ys).sum() / w.sum()
    residual = (w * (ys - mean - slope * (xs - center)) ** 2).sum()
    return Fit(
        normal_interval(float(slope), float(spread**-0.5)),
        normal_interval(float(mean - slope * center), float((1 / w.sum() + center**2 / spread) ** 0.5)),
        chi_square_tail(residual, len(xs) - 2),
    )


def rate(sample_sizes: Sequence[float], variances: Sequence[float], log_errors: Sequence[float]) -> Fit:
    """The slope of log variance on log N; −1 for an average of independent terms.

    Cells of no variance, or of unknown error, are left out; with fewer than four left
    nothing is known.
    """
    cells = zip(sample_sizes, variances, log_errors, strict=True)
    known = [(n, v, e) for n, v, e in cells if v > 0 and e > 0 and math.isfinite(v * e)]
    if len(known) < FEWEST:
        return Fit(UNKNOWN, UNKNOWN, math.nan)
    N, variance, error = zip(*known, strict=True)
    return line([math.log(n) for n in N], [math.log(v) for v in variance], error)


def verdict(fit: Fit) -> str:
    """Says "1/N" if a line of slope −1 fits, otherwise what stands against it; empty if nothing is known."""
    if math.isnan(fit.slope.value):
        return ""
    if fit.lack_of_fit < LACK_OF_FIT:
        return "no power of N"
    return "1/N" if fit.slope.low <= -1 <= fit.slope.high else "not 1/N"


def limiting_bias(sample_sizes: Sequence[float], biases: Sequence[float], errors: Sequence[float]) -> Fit:
    r"""The fit :math:`b(N) = b_\infty + c/N`: its intercept is the bias that no sample size removes."""
    cells = zip(sample_sizes, biases, errors, strict=True)
    known = [(n, b, e) for n, b, e in cells if e > 0 and math.isfinite(b * e)]
    if len(known) < FEWEST:
        return Fit(UNKNOWN, UNKNOWN, math.nan)
    N, bias, error = zip(*known, strict=True)
    return line([1 / n for n in N], bias, error)


def standard_error(low: float, high: float, level: float = LEVEL) -> float:
    """The standard error that a normal interval of this level was made with."""
    return (high - low) / (2 * normal_quantile((1 + level) / 2))
