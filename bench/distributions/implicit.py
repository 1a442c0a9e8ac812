"""Samples that are differentiable in the parameters though they are no transform of noise."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def implicit(z: Tensor, cumulative: Tensor, density: Tensor) -> Tensor:
    r"""The samples z of a one-dimensional distribution, with the derivative in θ that keeps F(z; θ) as it is.

    .. math:: \frac{dz}{d\theta} = -\frac{\partial_\theta F(z; \theta)}{p(z; \theta)}

    Args:
        z: samples, without a gradient.
        cumulative: F(z; θ), a differentiable function of θ, of the shape of z.
        density: p(z; θ), of the shape of z.

    References:
        Figurnov, Mohamed & Mnih (2018), Implicit reparameterization gradients, §3.
    """
    path: Tensor = _Implicit.apply(z, cumulative, density.detach())  # type: ignore[no-untyped-call]
    return path


class _Implicit(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, z: Tensor, _: Tensor, density: Tensor) -> Tensor:
        ctx.save_for_backward(density)
        return z.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        (density,) = ctx.saved_tensors
        return None, -gradient / density, None
