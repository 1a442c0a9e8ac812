"""All values that a finite distribution can have, and their probabilities."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Binomial, Distribution, Independent
from torch.nn.functional import one_hot

from bench.distributions.by_counter import Bernoulli, Categorical
from bench.distributions.families import component
from bench.distributions.masses import masses
from bench.problem import NotApplicable

# In the place of −∞, times which zero is not defined; its exponential is zero.
_LOG_ZERO = -1e4


def states_of(p: Distribution, most: int) -> Tensor:
    """Return the values that x can have, `[S, *event]`, in the order of a nested loop over its numbers.

    A distribution of one's own may have a method `states` that tells.

    Raises:
        NotApplicable: if there are infinitely many, or more than `most`.
    """
    if hasattr(p, "states"):
        own: Tensor = p.states()
        if len(own) > most:
            raise NotApplicable(f"x has {len(own)} values, and at most {most} are enumerated")
        return own
    law: Any = p
    while isinstance(law, Independent):
        law = law.base_dist
    if not law.has_enumerate_support:
        raise NotApplicable("x has no finite number of values")
    if isinstance(law, Binomial) and bool((law.total_count != law.total_count.flatten()[0]).any()):
        raise NotApplicable("the numbers of x have different numbers of values")
    single = law.enumerate_support(expand=False)  # [K, *1s, *own event]
    own_dim = len(law.event_shape)
    values = single.reshape(len(single), *single.shape[single.dim() - own_dim :])  # [K, *own event]
    shape = p.event_shape[: len(p.event_shape) - own_dim]
    count = math.prod(shape)
    if count * math.log(len(values)) > math.log(most) + 1e-9:
        raise NotApplicable(f"x has {len(values)}^{count} values, and at most {most} are enumerated")
    places = torch.arange(len(values) ** count, device=values.device)
    digits = torch.unravel_index(places, [len(values)] * count) if count else (places,)
    chosen = torch.stack([values[digit] for digit in digits], 1) if count else values[places, None]
    return chosen.reshape(-1, *shape, *values.shape[1:])


def probabilities_of(p: Distribution) -> Callable[[Tensor], Tensor]:
    """Return a function from values of x, `[S, *event]`, to their probabilities, `[R, (B), S]`, in float64.

    They have no gradient. What cannot happen has the probability zero, and not that of a clamped logarithm.
    """
    single: Any = component(p)
    if type(single) not in (Bernoulli, Binomial, Categorical):
        return lambda states: _by_density(p, states)
    with torch.no_grad():
        values = single.enumerate_support(expand=False).flatten()  # [K], 0 to K − 1
        of_each = masses(single, values).double()  # [R, (B), (D), K]

    if not p.event_shape:
        return lambda states: of_each[..., states.long()]
    K = len(values)
    logarithms = of_each.log().clamp_(min=_LOG_ZERO).flatten(-2)  # [R, (B), D K]

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
