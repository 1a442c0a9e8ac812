"""All sets of values that an estimator may draw, and the moments of what it makes of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.distributions import Distribution

from bench.exact import ExactMoments, SingleDraws
from bench.problem import NotApplicable
from estimators.without_replacement import Chosen, FiniteValues, set_probabilities

# Outcomes that are enumerated, and numbers of a part of them.
_OUTCOMES, _NUMBERS = 1 << 16, 1 << 18


def values_at_theta(draws: SingleDraws, least: int) -> FiniteValues:
    """The values of x at the point of a problem, of which there must be so many."""
    return FiniteValues(draws.problem.distribution(draws.problem.theta[None]), least)


def every_set(values: FiniteValues, k: int, outcomes: int) -> tuple[Chosen, Tensor, Tensor]:
    """All sets of k values, `[O, k]`, their probabilities, `[O]`, and the values outside, `[O, S − k]`.

    Args:
        values: of x, at one row of θ.
        k: the size of a set.
        outcomes: how many there are for each set.
    """
    S = len(values.states)
    if math.comb(S, k) * outcomes > _OUTCOMES:
        raise NotApplicable(f"there are more than {_OUTCOMES} sets of {k} values that it may draw")
    probs = values.probabilities(torch.arange(S)).flatten()  # [S]
    places = torch.combinations(torch.arange(S), k)  # [O, k]
    inside = torch.zeros(len(places), S, dtype=torch.bool).scatter(1, places, True)  # [O, S]
    rest = (~inside).to(probs.dtype) @ probs  # [O]
    # What cannot happen is drawn last.
    places = places.gather(1, probs[places].argsort(descending=True))
    possible = (probs[places] > 0).all(1) | (rest == 0)
    places, rest, inside = places[possible], rest[possible], inside[possible]
    weights = set_probabilities(probs[places], rest).whole
    others = torch.arange(S).expand_as(inside)[~inside].view(len(places), S - k)
    chosen = torch.where(probs[places] > 0, places, places[:, :1])
    return Chosen(chosen, probs[places], rest), weights / weights.sum(), others


def laid(each: Tensor, p: Distribution) -> Tensor:
    """Sets of outcomes, `[O, k]` or `[O]`, as one sample of as many rows, `[1, O, (1), ...]`."""
    return each.reshape(1, len(each), *[1] * (len(p.batch_shape) - 1), *each.shape[1:])


def moments_of(
    draws: SingleDraws, sample_size: int, weights: Tensor, estimate: Callable[[Tensor, slice], Tensor]
) -> ExactMoments:
    """The moments of a mean of N estimates, of which the outcomes have these probabilities, `[O]`."""
    theta = draws.problem.theta

    def outcomes() -> Iterator[tuple[Tensor, Tensor]]:
        rows = max(1, _NUMBERS // max(len(theta), draws.problem.width))
        for start in range(0, len(weights), rows):
            part = slice(start, start + rows)
            leaf = theta.expand(len(weights[part]), -1).requires_grad_()
            yield weights[part], estimate(leaf, part).detach()

    return draws.moments(outcomes, sample_size)
