"""Sample means against the values that they should have: when they refute them, and when they say nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from bench.statistics.moments import Moments
from bench.statistics.tails import normal_tail
from bench.statistics.unbiasedness import Difference, hall, least_p

LEVEL = 2 * normal_tail(4.5)
"""The probability that a right value is refuted by chance, over all comparisons of one truth."""
FEWEST = 30
"""Draws that must contribute to a mean for its standard error to count."""

# Values that differ by less than this part of their size are called constant: it is rounding.
_CONSTANT = 1e-12


@dataclass(frozen=True)
class Means:
    """Sample means of K quantities, `[K]` each, in float64.

    Attributes:
        mean: the means.
        variance: of each mean.
        skewness: of each mean, which falls as 1/√n.
        effective: the number of draws that contribute to the spread; 0 for a constant.
        count: n, the number of draws.
    """

    mean: Tensor
    variance: Tensor
    skewness: Tensor
    effective: Tensor
    count: int

    @property
    def speaks(self) -> Tensor:
        """Whether enough draws contribute for a standard error that counts, `[K]`."""
        known = self.mean.isfinite() & self.skewness.isfinite() & (self.variance > 0)
        return known & (self.effective >= FEWEST)


@dataclass(frozen=True)
class Disagreement:
    """The worst of the means that refute their values.

    Attributes:
        index: its place among the K quantities.
        mean: the sample mean, or a difference of two.
        claimed: the value that it should have.
        errors: the distance in standard errors.
        count: the number of draws.
    """

    index: int
    mean: float
    claimed: float
    errors: float
    count: int


def means_of(values: Tensor) -> Means:
    r"""The means of `[n, K]` independent values.

    :math:`(\sum |c|)^2 / \sum c^2` of the centered values c is the number that contributes:
    n of two values that are alike in size, and about 4 n p of an event of small probability p.
    """
    n = len(values)
    values = values.double()
    mean = values.mean(0)  # [K]
    centered = values - mean  # [n, K]
    square = centered.square().sum(0)  # [K]
    varies = square > n * (_CONSTANT * values.abs().amax(0)) ** 2
    third = (centered.square() * centered).sum(0) / square**1.5  # [K], g / √n
    effective = torch.where(varies, centered.abs().sum(0).square() / square, 0.0)  # [K]
    return Means(mean, square / (n * (n - 1)), third, effective, n)


def means_of_moments(moments: Moments) -> Means:
    """The means whose moments are known; by the kurtosis κ, 3 n / κ values contribute."""
    n = moments.count
    effective = (3 * n / moments.kurtosis).nan_to_num(0.0)  # [K]
    return Means(moments.mean, moments.variance / n, moments.skewness / math.sqrt(n), effective, n)


def with_spread(means: Means, variance: Tensor, skewness: Tensor) -> Means:
    """Take the variance and the skewness of one draw, `[K]`, where they are known to be larger.

    The rare draws that make a mean are missing in most samples, and with them their spread. What is 1 with a
    small probability p has the skewness 1/√p, so that 4 n / skewness² draws contribute to its mean.
    """
    known = variance / means.count  # [K]
    steeper = (skewness / math.sqrt(means.count)).nan_to_num(0.0)  # [K]
    contribute = (4 * means.count / skewness.square()).nan_to_num(math.inf)  # [K]
    larger = known > means.variance
    worse = steeper.abs() > means.skewness.abs().nan_to_num(0.0)
    return replace(
        means,
        variance=torch.where(larger, known, means.variance),
        skewness=torch.where(worse, steeper, means.skewness),
        effective=torch.minimum(means.effective, contribute),
    )


def less(first: Means, second: Means) -> Means:
    """The difference of two independent sets of means."""
    variance = first.variance + second.variance  # [K]
    third = first.skewness.nan_to_num(0.0) * first.variance**1.5  # [K]
    third = third - second.skewness.nan_to_num(0.0) * second.variance**1.5
    # A mean without spread takes part as a number: its draws need not contribute.
    own = torch.where(first.variance > 0, first.effective, torch.inf)
    other = torch.where(second.variance > 0, second.effective, torch.inf)
    effective = torch.minimum(own, other)  # [K]
    count = min(first.count, second.count)
    return Means(first.mean - second.mean, variance, third / variance**1.5, effective, count)


def p_values(means: Means, claimed: Tensor, slack: Tensor) -> Tensor:
    """p-values of the claimed values, two-sided, `[K]`; 1 where the means say nothing.

    Means to which too few draws contribute say nothing; those that are skewed say no more than their
    number allows.

    Args:
        means: the sample means.
        claimed: the values, `[K]`.
        slack: the errors of the values themselves, `[K]`.
    """
    difference = _difference(means, claimed, slack)
    p = torch.maximum(hall(difference), least_p(difference))  # [K]
    return torch.where(means.speaks, p, 1.0).nan_to_num(1.0)


def disagreement(
    means: Means, claimed: Tensor, slack: Tensor, comparisons: int, level: float = LEVEL
) -> Disagreement | None:
    """The worst of the means that refute their values; None if there is none.

    Args:
        means: the sample means.
        claimed: the values, `[K]`.
        slack: the errors of the values themselves, `[K]`.
        comparisons: the number of all comparisons that share the level (Bonferroni).
        level: the probability of a false refutation.
    """
    each = level / comparisons
    refuted = p_values(means, claimed, slack) < each  # [K]
    if not bool(refuted.any()):
        return None
    difference = _difference(means, claimed, slack)
    errors = (difference.value / difference.error).abs()  # [K]
    worst = int(torch.where(refuted, errors, -1.0).argmax())
    mean, value = float(means.mean[worst]), float(claimed[worst])
    return Disagreement(worst, mean, value, float(errors[worst]), means.count)


def _difference(means: Means, claimed: Tensor, slack: Tensor) -> Difference:
    """The means less the values, of which the slack is allowed."""
    away = means.mean - claimed  # [K]
    beyond = away.sign() * (away.abs() - slack).clamp(min=0)  # [K]
    n = means.count
    return Difference(beyond, means.variance, torch.zeros_like(beyond), means.skewness * math.sqrt(n), n)
