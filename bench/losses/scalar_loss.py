"""The value of a loss: a scalar that can be differentiated, or an error that says what it is instead."""

from __future__ import annotations

from typing import Any

from torch import Tensor


class WrongLoss(Exception):
    """A loss that gives what cannot be differentiated, or does what spoils its measurement."""


def scalar_of(value: Any) -> Tensor:
    """The value of a loss as a scalar.

    Raises:
        WrongLoss: if it is none.
    """
    if not isinstance(value, Tensor):
        why = "; return the loss itself, it is differentiated here" if value is None else ""
        raise WrongLoss(f"it returned {_kind(value)}, wanted a scalar tensor{why}")
    if value.dim() and value.numel() != 1:
        raise WrongLoss(
            f"it returned a tensor of shape {list(value.shape)}, wanted a scalar; take its mean or sum"
        )
    if not value.is_floating_point():
        raise WrongLoss(f"it returned {str(value.dtype).removeprefix('torch.')}, wanted a real number")
    return value.reshape(())


def _kind(value: Any) -> str:
    return "None" if value is None else f"a {type(value).__name__}"
