"""Probabilities of discrete values, differentiable in the parameters up to the edges of their space."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Binomial, Distribution, Poisson
from torch.nn.functional import logsigmoid

from bench.distributions.by_counter import Bernoulli, Categorical, Geometric

_HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


def masses(p: Distribution, values: Tensor) -> Tensor:
    """Return p(x) of a distribution of single numbers at values, `[S] -> [*batch, S]`.

    No logarithm is taken, nor anything clamped: a probability of 0 or 1 has the derivative that it has.
    """
    found: Tensor = _MASSES[type(p)](p, values)
    return found


def odds(p: Any) -> tuple[Tensor, Tensor]:
    """Return the probabilities of success and of failure, `[*batch, 1]` each, with all digits of both."""
    # The other is added, by a logarithm or an exponential, when somebody asks for it.
    if next(name for name in vars(p) if name in ("probs", "logits")) == "logits":
        # The derivative of `sigmoid` is y (1 − y), which has no digits where y is near 1.
        yes, no = logsigmoid(p.logits).exp(), logsigmoid(-p.logits).exp()
        return yes[..., None], no[..., None]
    return p.probs[..., None], 1 - p.probs[..., None]


def _bernoulli(p: Bernoulli, values: Tensor) -> Tensor:
    yes, no = odds(p)
    return torch.where(values == 1, yes, no)


def _binomial(p: Binomial, values: Tensor) -> Tensor:
    yes, no = odds(p)
    count = p.total_count.to(yes.dtype)[..., None]  # [*batch, 1]
    found: Tensor = _BinomialMass.apply(yes, no, count, values)  # type: ignore[no-untyped-call]
    return found


def _geometric(p: Geometric, values: Tensor) -> Tensor:
    yes, no = odds(p)
    # A small probability is kept to all digits by log(1 − p), a large one by the power.
    small = yes < 0.5
    by_logarithm = (values * (-torch.where(small, yes, 0.5)).log1p()).exp()
    return yes * torch.where(small, by_logarithm, torch.where(small, 0.5, no) ** values)


def _categorical(p: Categorical, values: Tensor) -> Tensor:
    return p.probs[..., values.long()]


def _poisson(p: Poisson, values: Tensor) -> Tensor:
    found: Tensor = _PoissonMass.apply(p.rate[..., None], values)  # type: ignore[no-untyped-call]
    return found


_MASSES: Mapping[type[Distribution], Callable[[Any, Tensor], Tensor]] = {
    Bernoulli: _bernoulli,
    Binomial: _binomial,
    Categorical: _categorical,
    Geometric: _geometric,
    Poisson: _poisson,
}


class _PoissonMass(torch.autograd.Function):
    r"""The mass m(k) of a Poisson variable, with :math:`\partial_\lambda m(k) = m(k - 1) - m(k)`."""

    @staticmethod
    def forward(ctx: Any, rate: Tensor, k: Tensor) -> Tensor:
        ctx.save_for_backward(rate, k)
        mass = (-_deviance(k, rate) - _stirling_error(k)).exp() / _root(k)
        return torch.where(k >= 0, mass, 0.0)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        rate, k = ctx.saved_tensors
        slope = _PoissonMass.apply(rate, k - 1) - _PoissonMass.apply(rate, k)  # type: ignore[no-untyped-call]
        return (gradient * slope).sum_to_size(rate.shape), None


class _BinomialMass(torch.autograd.Function):
    r"""The mass m(k; n) of a binomial variable as a function of p and of q = 1 − p, taken apart.

    .. math:: m = \binom{n}{k} p^k q^{n-k}, \quad
        \partial_p m(k; n) = n\, m(k - 1; n - 1), \quad \partial_q m(k; n) = n\, m(k; n - 1)
    """

    @staticmethod
    def forward(ctx: Any, p: Tensor, q: Tensor, n: Tensor, k: Tensor) -> Tensor:
        ctx.save_for_backward(p, q, n, k)
        inside = (k >= 0) & (k <= n)
        k, rest = k.clamp(min=0), (n - k).clamp(min=0)
        # Loader (2000), Fast and accurate computation of binomial probabilities.
        power = _stirling_error(n) - _stirling_error(k) - _stirling_error(rest)
        power = power - _deviance(k, n * p) - _deviance(rest, n * q) + (n * (p + q - 1))
        mass = power.exp() * _root(n) / (_root(k) * _root(rest))
        return torch.where(inside, mass, 0.0)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None, None]:
        p, q, n, k = ctx.saved_tensors
        of_p = n * _BinomialMass.apply(p, q, n - 1, k - 1)  # type: ignore[no-untyped-call]
        of_q = n * _BinomialMass.apply(p, q, n - 1, k)  # type: ignore[no-untyped-call]
        return (gradient * of_p).sum_to_size(p.shape), (gradient * of_q).sum_to_size(q.shape), None, None


def _root(k: Tensor) -> Tensor:
    """√(2πk), and 1 where k is 0: the part of k! beside k^k e^−k and what `_stirling_error` says."""
    return torch.where(k > 0, (2 * math.pi * k).sqrt(), 1.0)


def _deviance(k: Tensor, mean: Tensor) -> Tensor:
    """k log(k/m) + m − k, with all digits where k is near m; where k is 0, m."""
    above = torch.where(k > 0, k, 1.0)
    part = (mean - k) / above  # m/k − 1
    near = part.abs() < 0.5
    logarithm = torch.where(near, torch.where(near, part, 0.0).log1p(), mean.log() - above.log())
    return torch.where(k > 0, (mean - k) - k * logarithm, mean)


def _stirling_error(k: Tensor) -> Tensor:
    """log k! − ½ log(2πk) − k log k + k; where k is 0, 0."""
    large = k.clamp(min=16)
    square = large.square()
    series = (
        1 / 12 - (1 / 360 - (1 / 1260 - (1 / 1680 - 1 / 1188 / square) / square) / square) / square
    ) / large
    small = k.clamp(1, 16)
    exact = (small + 1).lgamma() - _HALF_LOG_2PI - (small + 0.5) * small.log() + small
    return torch.where(k == 0, 0.0, torch.where(k < 16, exact, series))
