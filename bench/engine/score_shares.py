"""Moments of the share that one draw of x has in the gradient by the score, by sums over its values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from bench.exact import SingleDraws
from bench.statistics.agreement import FEWEST

Spread = tuple[Tensor, Tensor]
"""Variance and skewness of one draw of the cost and of its share in each coordinate, `[1 + P]` each."""

# Numbers of the shares of all values of x in all coordinates, beyond which none is formed.
_MOST_SHARES = 1 << 26


def spread_of(draws: SingleDraws | None, items: Sequence[SingleDraws]) -> Spread | None:
    """Return the spread of one draw of x, for all items together; None where it is not known.

    Args:
        draws: all values of x; None if there are too many, as of several items.
        items: all values of x for each item.
    """
    if draws is not None:
        return _of_values(draws)
    if not items or sum(len(each.x) for each in items) * len(items[0].problem.theta) > _MOST_SHARES:
        return None
    found = [_of_values(each) for each in items]
    # Items are independent: cumulants of their sum add up.
    variance = torch.stack([one for one, _ in found]).sum(0)  # [1 + P]
    third = torch.stack([skewness.nan_to_num(0.0) * one**1.5 for one, skewness in found]).sum(0)
    return variance / len(items) ** 2, third / variance**1.5


def rare_share(items: Sequence[SingleDraws], count: int) -> Tensor:
    """The size of what rare values of single numbers of x contribute to the gradient, `[P]`.

    Such a value is expected in fewer than `FEWEST` draws. An estimator that cancels the noise of the usual
    ones rests on those draws alone, however little they matter to the score.

    Args:
        items: all values of x, of the problem or of each item.
        count: of the draws.
    """
    found = []
    for draws in items:
        rare = torch.zeros(len(draws.weights), dtype=torch.bool)  # [S]
        support: Any = draws.problem.distribution(draws.problem.theta[None]).support
        if support.is_discrete:
            for numbers in draws.x.flatten(1).unbind(1):
                value = torch.unique(numbers, return_inverse=True)[1]  # [S]
                mass = torch.zeros(int(value.max()) + 1, dtype=draws.weights.dtype)
                rare |= mass.index_add(0, value, draws.weights)[value] * count < FEWEST
        found.append(draws.weights[rare] @ _shares(draws)[rare].abs())
    return torch.stack(found).mean(0)


def size_of(items: Sequence[SingleDraws]) -> float:
    """The root mean square of the cost times the score: what an estimate by differences of costs rounds.

    Args:
        items: all values of x, of the problem or of each item.
    """
    squares = [draws.weights @ (draws.cost.square() * draws.score.square().sum(1)) for draws in items]
    return float(torch.stack(squares).sqrt().mean())


def _shares(draws: SingleDraws) -> Tensor:
    """The share of each value of x in the gradient by the score, `[S, P]`."""
    return (draws.cost - draws.mean_cost)[:, None] * draws.score + draws.cost_gradient


def _of_values(draws: SingleDraws) -> Spread:
    """Variance and skewness of one draw of the cost and of its share by the score, `[1 + P]`, by sums."""
    share = _shares(draws)  # [S, P]
    both = torch.cat([draws.cost[:, None], share], 1)  # [S, 1 + P]
    centered = both - draws.expectation(both)
    variance = draws.expectation(centered.square())  # [1 + P]
    skewness = draws.expectation(centered**3) / variance**1.5  # [1 + P]
    return variance, skewness if draws.power > 2 else torch.zeros_like(skewness)
