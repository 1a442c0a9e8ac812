"""Powers, of which the square is the most frequent: its slope in one pass over memory."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def power(base: Tensor | float, exponent: Tensor | float) -> Tensor:
    """`torch.pow`, whose backward pass takes three passes over memory where the exponent is 2."""
    if isinstance(base, Tensor) and base.requires_grad and isinstance(exponent, float) and exponent == 2:
        square: Tensor = _Square.apply(base)  # type: ignore[no-untyped-call]
        return square
    raised: Tensor = torch.pow(base, exponent)  # type: ignore[arg-type]
    return raised


class _Square(torch.autograd.Function):
    """x², with the slope 2 x."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.square()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        x: Tensor
        (x,) = ctx.saved_tensors
        if gradient.numel() and not any(gradient.stride()):  # one number in memory, as that of a sum is
            return (2 * gradient[(0,) * gradient.dim()]) * x
        return 2 * gradient * x if torch.is_grad_enabled() else (gradient * x).mul_(2)
