"""The von Mises distribution with an exact density and a path through its samples."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Size, Tensor

# Integrands below are analytic; with these nodes the error is below 1e-12 for all κ from 1e-6 to 1e6.
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(40)
_NEGLIGIBLE = 40.0  # e^−40 = 4e-18


class VonMises(torch.distributions.VonMises):
    r"""The von Mises distribution of an angle in [−π, π), as `torch.distributions.VonMises`.

    .. math:: \log p(z; \mu, \kappa) = \kappa \cos(z - \mu) - \log 2\pi I_0(\kappa)

    The normalizer is exact to rounding, where torch's is to 1e-7, and samples are
    differentiable in μ and κ by implicit reparameterization. An angle that leaves at π
    comes back at −π: the path is right for costs that are as large there as here.

    References:
        Figurnov, Mohamed & Mnih (2018), Implicit reparameterization gradients, §4.
    """

    has_rsample = True

    @property
    def mean(self) -> Tensor:
        """μ as an angle in [−π, π)."""
        return _wrapped(self.loc)

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        # log I₀ = log(e^−κ I₀) + κ; and cos − 1 = −2 sin²(·/2) keeps its digits.
        bell = -2 * self.concentration * ((value - self.loc) / 2).sin().square()
        density: Tensor = bell - math.log(2 * math.pi) - torch.special.i0e(self.concentration).log()
        return density

    def rsample(self, sample_shape: Any = Size()) -> Tensor:  # noqa: B008 (as torch has it)
        z = self.sample(sample_shape)  # type: ignore[no-untyped-call]
        path: Tensor = _Path.apply(z, self.loc, self.concentration)  # type: ignore[no-untyped-call]
        return path


class _Path(torch.autograd.Function):
    """The samples themselves; dz/dμ = 1, and dz/dκ as below."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, loc: Tensor, concentration: Tensor) -> Tensor:
        ctx.save_for_backward(z, loc, concentration)
        return z.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        z, loc, concentration = ctx.saved_tensors
        of_loc = of_concentration = None
        if ctx.needs_input_grad[1]:
            of_loc = gradient.sum_to_size(loc.shape)
        if ctx.needs_input_grad[2]:
            slope = slope_in_concentration(z - loc, concentration)
            of_concentration = (gradient * slope).sum_to_size(concentration.shape)
        return None, of_loc, of_concentration


def slope_in_concentration(angle: Tensor, concentration: Tensor) -> Tensor:
    r"""dz/dκ at an angle x from μ, such that F stays as it is.

    With A = I₁(κ)/I₀(κ), and because cos t − A integrates to zero under p over [0, π],

    .. math:: \frac{dz}{d\kappa} = -\frac{\partial_\kappa F}{p}
        = -\int_0^x (\cos t - A)\, e^{\kappa(\cos t - \cos x)} dt
        = \int_x^\pi (\cos t - A)\, e^{\kappa(\cos t - \cos x)} dt, \quad 0 \le x \le \pi,

    and odd in x. The first form is taken where cos x > A and the second elsewhere: the
    integrand then has one sign, and its exponent is at most ½. Gauss–Legendre, in float64.

    Args:
        angle: x, `[N, M]`, or what broadcasts with κ.
        concentration: κ.
    """
    kappa = concentration.detach().double()
    x = _wrapped(angle.detach().double())
    size = x.abs()
    above = 1 - torch.special.i1e(kappa) / torch.special.i0e(kappa)  # 1 − A
    rise = 2 * (size / 2).sin().square()  # 1 − cos x
    inner = rise < above
    # Beyond `end` the integrand of the second form has fallen by e^−40.
    end = 2 * ((rise + _NEGLIGIBLE / kappa) / 2).clamp(max=1).sqrt().asin()
    low, high = torch.where(inner, 0.0, size), torch.where(inner, size, end)
    middle, half = (low + high) / 2, (high - low) / 2
    total = torch.zeros_like(half)
    for node, weight in zip(_NODES, _WEIGHTS, strict=True):
        fall = 2 * ((middle + node * half) / 2).sin().square()  # 1 − cos t
        total += weight * (above - fall) * (kappa * (rise - fall)).exp()
    slope = torch.where(inner, -total, total) * half * x.sign()
    return slope.to(concentration.dtype)


def _wrapped(angle: Tensor) -> Tensor:
    return (angle + math.pi) % (2 * math.pi) - math.pi
