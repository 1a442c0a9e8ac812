"""A given sample as a function of the parameters of its distribution, as if it had just been drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.distributions import (
    Distribution,
    Exponential,
    Gamma,
    HalfNormal,
    Independent,
    Laplace,
    LogNormal,
    Normal,
    Weibull,
)

from bench.distributions.implicit import implicit
from bench.distributions.mixture import NormalMixture
from bench.distributions.named_mixture import NamedMixture
from bench.problem import NotApplicable


def follow(p: Distribution, x: Tensor) -> Tensor:
    """Return x, which does not depend on the parameters of p, with the derivative of its path in them.

    Args:
        p: with batch shape `[R, (B)]`.
        x: `[N, R, (B,) *event]`.

    Raises:
        NotApplicable: if the path through a given sample is not known.
    """
    if isinstance(p, Independent):
        return follow(p.base_dist, x)
    for cls, path in _PATHS.items():
        if isinstance(p, cls):
            return path(p, x)
    raise NotApplicable(f"no path through a given sample of {type(p).__name__} is known")


def _standardized(p: Any, x: Tensor) -> Tensor:
    return p.loc + p.scale * ((x - p.loc) / p.scale).detach()  # type: ignore[no-any-return]


def _weibull(p: Any, x: Tensor) -> Tensor:
    # (x/λ)^k is Exp(1) whatever λ and k.
    noise = (x / p.scale).pow(p.concentration).detach()
    return p.scale * noise.pow(1 / p.concentration)  # type: ignore[no-any-return]


def _gamma(p: Any, x: Tensor) -> Tensor:
    standard = (x * p.rate).detach()
    return _GammaPath.apply(standard, p.concentration.expand_as(standard)) / p.rate  # type: ignore[no-any-return, no-untyped-call]


class _GammaPath(torch.autograd.Function):
    """A standard gamma variable, whose derivative in α is torch's own."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, concentration: Tensor) -> Tensor:
        ctx.save_for_backward(z, concentration)
        return z.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor]:
        z, concentration = ctx.saved_tensors
        return None, gradient * torch._standard_gamma_grad(concentration, z)


def _mixture(p: Any, z: Tensor) -> Tensor:
    parts = p.component_distribution.cdf(z[..., None])  # [..., K]
    return implicit(z, (p.mixture_distribution.probs * parts).sum(-1), p.log_prob(z).exp())


def _named_mixture(p: Any, z: Tensor) -> Tensor:
    if not p.has_rsample:
        raise NotApplicable("no path through a given sample of such a mixture is known")
    return p.follow(z)  # type: ignore[no-any-return]


_PATHS: dict[type[Distribution], Callable[[Any, Tensor], Tensor]] = {
    NormalMixture: _mixture,
    NamedMixture: _named_mixture,
    LogNormal: lambda p, x: _standardized(p.base_dist, x.log()).exp(),
    Normal: _standardized,
    Laplace: _standardized,
    HalfNormal: lambda p, x: p.scale * (x / p.scale).detach(),
    Exponential: lambda p, x: (x * p.rate).detach() / p.rate,
    Gamma: _gamma,
    Weibull: _weibull,
}
