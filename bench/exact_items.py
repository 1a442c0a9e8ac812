"""Moments of an estimate that is a mean over independent items, from those of each item."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from bench.estimator import Estimator
from bench.exact import SingleDraws
from bench.problem import NotApplicable, Problem
from bench.statistics.known import ExactMoments

# For each of them, and each item, there is a gradient.
_MOST_STATES = 1 << 12


def item_draws(problem: Problem, blocks: Mapping[str, slice]) -> list[SingleDraws]:
    """All values of x for each item of a problem's data.

    Raises:
        NotApplicable: if x cannot be enumerated for an item alone.
    """
    p = problem.distribution(problem.theta[None])
    if len(p.batch_shape) != 2:
        raise NotApplicable("it has no items")
    found: list[SingleDraws] = []
    for b in range(p.batch_shape[1]):
        item = problem.item(b)
        points = item.points()
        if len(points.x) > _MOST_STATES:
            raise NotApplicable(
                f"x has {len(points.x)} values for each item, and at most {_MOST_STATES} serve"
            )
        found.append(SingleDraws(item, points, blocks))
    return found


def moments_of_items(estimator: Estimator, sample_size: int, items: Sequence[SingleDraws]) -> ExactMoments:
    r"""Return the moments of the mean of B independent estimates, of an item each.

    Cumulants of independent numbers add up: the variance is :math:`\sum_b \sigma_b^2 / B^2`, the third
    central moment :math:`\sum_b \mu_{3b} / B^3`. The kurtosis of many coordinates together is not told.

    Args:
        estimator: one that learned nothing of the items beforehand.
        sample_size: N.
        items: the values of x of each.

    Raises:
        NotApplicable: if they are not known.
    """
    each = [estimator.exact_moments(draws, sample_size) for draws in items]
    B = len(each)
    variance = _sum([one.variance for one in each]) / B**2  # [P]
    third = _sum([one.skewness * one.variance.clamp(min=0) ** 1.5 for one in each]) / B**3  # [P]
    skewness = torch.where(variance > 0, third / variance.clamp(min=0) ** 1.5, 0.0)
    kurtosis = dict.fromkeys(items[0].blocks, math.nan)
    return ExactMoments(_sum([one.mean for one in each]) / B, variance, skewness, kurtosis)


def _sum(parts: Sequence[Tensor]) -> Tensor:
    return torch.stack(list(parts)).sum(0)
