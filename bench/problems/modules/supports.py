"""Supports of discrete distributions, enumerated where they are small."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent

from bench.problem import NotApplicable

_MOST = 1 << 10
_SLACK = 1e-9


def support_of(p: Distribution) -> Tensor:
    """All values of x, for each item and row, `[S, R, (B,) *event]`.

    Raises:
        NotApplicable: if they cannot be enumerated, or are more than 1024.
    """
    single = p.base_dist if isinstance(p, Independent) else p
    if not single.has_enumerate_support:
        raise NotApplicable("its expectation is not known without sampling")
    try:
        values = single.enumerate_support(expand=False)
    except NotImplementedError as error:
        raise NotApplicable(f"its support is not enumerated: {error}") from error
    values = values.reshape(len(values), *single.event_shape)  # [S, *event] of a single number or vector
    if isinstance(p, Independent):
        values = _products(values, p)  # [S^D, *event]
    if len(values) > _MOST:
        raise NotApplicable(f"x has {len(values)} values, more than are enumerated")
    shape = (len(values), *[1] * len(p.batch_shape), *p.event_shape)
    return values.reshape(shape).expand(len(values), *p.batch_shape, *p.event_shape)


def _products(values: Tensor, p: Distribution) -> Tensor:
    count = p.event_shape.numel()
    if values.dim() > 1 or len(values) ** count > _MOST:
        raise NotApplicable(
            f"x has too many values to be enumerated: {count} numbers of {len(values)} values each"
        )
    return torch.cartesian_prod(*[values] * count).reshape(-1, *p.event_shape)


def probabilities(p: Distribution, x: Tensor) -> Tensor:
    """The probability of each value, `[S, R, (B)]`.

    Raises:
        NotApplicable: if they do not sum to one, so that these are not all values.
    """
    found: Tensor = p.log_prob(x).exp()
    off = float((found.detach().sum(0) - 1).abs().max())
    if not off <= max(_SLACK, 100 * torch.finfo(found.dtype).eps):
        raise NotApplicable(f"the probabilities of its values sum to one only up to {off:.2g}")
    return found
