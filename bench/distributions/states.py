"""All values that a finite distribution can have."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Binomial, Distribution, Independent

from bench.problem import NotApplicable


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
