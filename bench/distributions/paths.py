"""Samples as smooth functions of noise that does not depend on θ, for those who make the noise themselves."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import torch
from torch import Size, Tensor
from torch.distributions import (
    Distribution,
    Exponential,
    HalfNormal,
    Independent,
    Laplace,
    LogNormal,
    MultivariateNormal,
    Normal,
    Weibull,
)

from bench.distributions.pushforward import Pushforward
from bench.problem import NotApplicable

Noise = Literal["normal", "uniform"]


@dataclass(frozen=True)
class Path:
    """x = g(ε; θ), with independent ε of one distribution, symmetric about its mean.

    Attributes:
        noise: whether ε is standard normal, or uniform in (0, 1).
        shape: of ε for one sample of each row, `[R, (B,) *event]` with the event of the noise.
        event_dim: how many of these axes belong to the event.
        like: a tensor of the type and on the device of ε.
        follow: g, `[N, *shape]` to samples, `[N, R, (B,) *event]`.
    """

    noise: Noise
    shape: Size
    event_dim: int
    like: Tensor
    follow: Callable[[Tensor], Tensor]


# Each g grows in ε: where ε is uniform it is the inverse of the cumulative distribution.
_PATHS: dict[type[Distribution], tuple[Noise, Callable[[Any, Tensor], Tensor]]] = {
    Normal: ("normal", lambda p, e: p.loc + p.scale * e),
    LogNormal: ("normal", lambda p, e: (p.loc + p.scale * e).exp()),
    MultivariateNormal: ("normal", lambda p, e: p.loc + (p.scale_tril @ e[..., None])[..., 0]),
    HalfNormal: ("uniform", lambda p, u: p.scale * math.sqrt(2) * u.erfinv()),
    Laplace: ("uniform", lambda p, u: p.loc - p.scale * (u - 0.5).sign() * (-2 * (u - 0.5).abs()).log1p()),
    Exponential: ("uniform", lambda p, u: -(-u).log1p() / p.rate),
    Weibull: ("uniform", lambda p, u: p.scale * (-(-u).log1p()) ** (1 / p.concentration)),
}


def path_of(p: Distribution) -> Path:
    """Return the path along which p's samples follow from noise.

    Raises:
        NotApplicable: if that is not known.
    """
    if isinstance(p, Independent):
        own = path_of(p.base_dist)
        return replace(own, event_dim=own.event_dim + p.reinterpreted_batch_ndims)
    if isinstance(p, Pushforward):
        own = path_of(p.noise)
        return replace(own, follow=lambda e: p.generate(own.follow(e)))
    for cls, (noise, follow) in _PATHS.items():
        if isinstance(p, cls):
            shape = p.batch_shape + p.event_shape
            return Path(noise, shape, len(p.event_shape), p.mean, partial(follow, p))
    raise NotApplicable(f"no inverse CDF of {type(p).__name__} is known")


def inside(u: Tensor) -> Tensor:
    """Uniform numbers as numbers in (0, 1) by their type, so that no inverse CDF is infinite."""
    resolution = torch.finfo(u.dtype).eps / 2
    return u.clamp(resolution / 2, 1 - resolution)
