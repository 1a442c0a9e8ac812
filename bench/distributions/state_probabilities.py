"""Probabilities of all values of a finite distribution."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Binomial, Distribution, Independent
from torch.nn.functional import one_hot

from bench.distributions.by_counter import Bernoulli, Categorical
from bench.distributions.masses import masses

# In the place of −∞, times which zero is not defined; its exponential is zero.
_LOG_ZERO = -1e4


def probabilities_of(p: Distribution) -> Callable[[Tensor], Tensor]:
    """Return a function from values of x, `[S, *event]`, to their probabilities, `[R, (B), S]`, in float64.

    They have no gradient. What cannot happen has the probability zero, and not that of a clamped logarithm.
    """
    single: Any = p
    while isinstance(single, Independent):
        single = single.base_dist
    if type(single) not in (Bernoulli, Binomial, Categorical):
        return lambda states: _by_density(p, states)
    with torch.no_grad():
        values = single.enumerate_support(expand=False).flatten()  # [K], 0 to K − 1
        of_each = masses(single, values).double()  # [R, (B), (D), K]
    if not p.event_shape:
        return lambda states: of_each[..., states.long()]
    K = len(values)
    logarithms = of_each.log().clamp_(min=_LOG_ZERO).flatten(len(p.batch_shape))  # [R, (B), D K]

    def by_numbers(states: Tensor) -> Tensor:
        taken = one_hot(states.long(), K).flatten(1).T  # [D K, S]
        return (logarithms @ taken.to(logarithms)).exp()

    return by_numbers


def _by_density(p: Distribution, states: Tensor) -> Tensor:
    axes = [1] * len(p.batch_shape)
    x = states.reshape(len(states), *axes, *p.event_shape)
    with torch.no_grad():
        log_prob = p.log_prob(x.expand(-1, *p.batch_shape, *p.event_shape))  # [S, R, (B)]
        return log_prob.double().exp().movedim(0, -1)
