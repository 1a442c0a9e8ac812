"""Contributions of replicates to a mean of squares, and the mean without some of them: the jackknife."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from torch import Tensor

Numbers = npt.NDArray[np.float64]

MOST = 1 << 17
"""Contributions that are left out one by one. Of more, groups of consecutive ones are, to first order the
same: a single contribution that matters stands out of its group as well."""

# What is left without a group, as a part of the whole: one that carries everything
# leaves zero, whose logarithm must stay finite; the interval is then as good as endless.
_LEAST = 1e-12


@dataclass(frozen=True, eq=False)
class Contributions:
    """R numbers, none negative, whose mean is a variance or a mean squared error.

    Attributes:
        count: R.
        sums: over groups of consecutive ones, alone up to `MOST` of them, `[G]`.
        each: the size of a group; the last one may be smaller.
        total: the sum of all.
    """

    count: int
    sums: Numbers
    each: int
    total: float

    @property
    def groups(self) -> int:
        """G."""
        return len(self.sums)

    @property
    def sizes(self) -> Numbers:
        """The sizes of the groups, `[G]`."""
        sizes = np.full(self.groups, float(self.each))
        sizes[-1:] = self.count - self.each * (self.groups - 1)
        return sizes

    @property
    def mean(self) -> float:
        """The mean of all; NaN without any."""
        return self.total / self.count if self.count else math.nan


WithoutOne = Callable[[Contributions], Numbers]
"""Contributions -> logarithm of the quantity without each group of them in turn, `[G]`."""


def contributions(values: Numbers | Tensor) -> Contributions:
    """Return these numbers, `[R]` in float64, as contributions."""
    u = values.numpy() if isinstance(values, Tensor) else values
    each = max(1, -(-len(u) // MOST))
    sums = u if each == 1 else np.add.reduceat(u, np.arange(0, len(u), each))
    return Contributions(len(u), sums, each, float(u.sum()))


def variance_without_one(u: Contributions) -> Numbers:
    r"""Return the logarithm of a variance without each group in turn, `[G]`.

    With S the sum of squared deviations that are made unbiased, and S_j that of a group of g:
    :math:`(S (R - 1) / R - S_j) / (R - g - 1)`. Exactly so in one dimension for g = 1, and to first order
    for the trace of a covariance.

    Miller (1974), The jackknife: a review, §4; Busing, Meijer & van der Leeden (1999), Delete-m jackknife
    for unequal m.
    """
    return _logarithm((u.total - u.mean - u.sums) / (u.count - u.sizes - 1), u.mean)


def mean_without_one(u: Contributions) -> Numbers:
    """Return the logarithm of a mean without each group in turn, `[G]`."""
    return _logarithm((u.total - u.sums) / (u.count - u.sizes), u.mean)


def jackknife(whole: float, without_one: Numbers) -> tuple[float, float]:
    """Return a value freed of its bias of order 1/G, and its standard error.

    Args:
        whole: the value of all.
        without_one: the values without each group in turn, `[G]`.
    """
    G = len(without_one)
    mean = float(without_one.mean())
    squares = float(np.square(without_one - mean).sum())
    return G * whole - (G - 1) * mean, math.sqrt((G - 1) / G * squares)


@dataclass(frozen=True)
class Jackknifed:
    """A mean of R contributions, with what tells its error; none of them is kept.

    Attributes:
        count: R.
        mean: of all; NaN without any.
        groups: how many were left out in turn.
        correction: what frees the logarithm of the mean of its bias, to be added to it; NaN for fewer than
            three contributions, and where the mean is zero or not finite.
        error: the standard error of the logarithm; NaN like the correction.
        kurtosis: E u² / (E u)², at least 1; NaN where the mean is zero or not finite.
        largest_share: the share of the largest contribution in their sum; NaN like the kurtosis.
    """

    count: int
    mean: float
    groups: int
    correction: float
    error: float
    kurtosis: float
    largest_share: float


UNKNOWN = Jackknifed(0, math.nan, 0, math.nan, math.nan, math.nan, math.nan)
"""Without any contribution."""


def of_variance(squares: Numbers | Tensor) -> Jackknifed:
    """Return a variance, given squared deviations that are made unbiased, `[R]`."""
    return _jackknifed(squares, variance_without_one)


def of_mean(values: Numbers | Tensor) -> Jackknifed:
    """Return the mean of numbers of which none is negative, `[R]`."""
    return _jackknifed(values, mean_without_one)


def _jackknifed(values: Numbers | Tensor, without_one: WithoutOne) -> Jackknifed:
    u = contributions(values)
    if not (u.total > 0 and math.isfinite(u.total)):
        return Jackknifed(u.count, u.mean, u.groups, math.nan, math.nan, math.nan, math.nan)
    center = error = math.nan
    if u.count > 2:
        center, error = jackknife(math.log(u.mean), without_one(u))
    every = np.asarray(values)
    multiples = (every[i : i + MOST] / u.mean for i in range(0, u.count, MOST))
    kurtosis = sum(float(np.square(some).sum()) for some in multiples) / u.count
    largest = float(every.max()) / u.total
    return Jackknifed(u.count, u.mean, u.groups, center - math.log(u.mean), error, kurtosis, largest)


def _logarithm(left: Numbers, whole: float) -> Numbers:
    return np.asarray(np.log(np.maximum(left, _LEAST * whole)))
