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

    A distribution of one's own may have a method `states(most)` that tells.

    Raises:
        NotApplicable: if there are infinitely many, or more than `most`.
    """
    if hasattr(p, "states"):
        own: Tensor = p.states(most)
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
    return product_of(values, math.prod(shape), most).reshape(-1, *shape, *values.shape[1:])


def product_of(values: Tensor, count: int, most: int) -> Tensor:
    """Return all ways to take one of some values so many times, `[K, *] -> [K^count, count, *]`.

    Raises:
        NotApplicable: if there are more than `most`.
    """
    K = len(values)
    if count * math.log(K) > math.log(most) + 1e-9:
        raise NotApplicable(f"x has {K}^{count} values, and at most {most} are enumerated")
    digits = torch.unravel_index(torch.arange(K**count, device=values.device), [K] * count)
    return torch.stack([values[digit] for digit in digits], 1)


def log_orders(multisets: Tensor) -> Tensor:
    """log K! / Π n_s!, the number of orders of sorted values, `[M, K] -> [M]`."""
    K = multisets.shape[1]
    earlier = (multisets[:, :, None] == multisets[:, None, :]).tril().sum(-1)  # 1, ..., n_s of each s
    return math.lgamma(K + 1) - earlier.to(torch.float64).log().sum(-1)
