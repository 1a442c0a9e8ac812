"""An exact gradient as people give it: an array, arrays by name, or a function; flattened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.errors import invalid, shown
from bench.losses.weights import Weights, gradients

Given = Tensor | np.ndarray | Mapping[str, Any] | Callable[[], Any]
"""A gradient, `[P]` or by names of weights; or a function that returns one, or the exact objective."""


def exact_gradient_of(truth: Any, weights: Weights) -> Tensor:
    """The exact gradient, `[P]` in float64.

    Args:
        truth: numbers in the order of the weights, arrays by name, or a function of no arguments that returns
            either, or the objective itself, a scalar that is differentiated.
        weights: whose gradient it is.

    Raises:
        Invalid: if its shape or its names are not those of the weights, it is not finite, or its function
            draws.
    """
    if callable(truth) and not isinstance(truth, Tensor):
        first, second = (_flat(truth(), weights) for _ in range(2))
        if float((first - second).norm()) > 1e-5 * float(first.norm()):
            raise invalid(
                "truth: the function draws, since it gave two different gradients; name a loss as the truth, "
                "of which a long run is taken"
            )
        return first
    return _flat(truth, weights)


def _flat(truth: Any, weights: Weights) -> Tensor:
    if isinstance(truth, Tensor) and truth.requires_grad and truth.numel() == 1:
        return _differentiated(truth.reshape(()), weights)
    if isinstance(truth, Mapping):
        truth = _in_order(truth, weights)
    try:
        flat = torch.as_tensor(truth, dtype=torch.float64).detach().cpu().reshape(-1)
    except (TypeError, ValueError, RuntimeError):
        wanted = "the name of a loss, a gradient, or a function that returns one"
        raise invalid(f"truth: wanted {wanted}, got {shown(truth)}") from None
    size = sum(leaf.numel() for leaf in weights.tensors)
    if len(flat) != size:
        raise invalid(f"truth: wanted {size} numbers, one for each weight, got {len(flat)}")
    if not bool(flat.isfinite().all()):
        raise invalid("truth: wanted finite numbers, got some that are not")
    return flat.clone()


def _differentiated(value: Tensor, weights: Weights) -> Tensor:
    leaves = tuple(weights.tensors)
    found = gradients(value, leaves)
    parts = [
        torch.zeros_like(leaf) if each is None else each for each, leaf in zip(found, leaves, strict=True)
    ]
    return torch.cat([part.reshape(-1) for part in parts]).double().cpu()


def _in_order(truth: Mapping[str, Any], weights: Weights) -> Tensor:
    wanted = {name: tuple(leaf.shape) for name, leaf in weights.leaves.items()}
    if set(truth) != set(wanted):
        raise invalid(
            f"truth: wanted gradients by the names {', '.join(wanted)}, got {', '.join(map(str, truth))}"
        )
    parts = []
    for name, shape in wanted.items():
        part = torch.as_tensor(truth[name], dtype=torch.float64).detach().cpu()
        if tuple(part.shape) != shape:
            raise invalid(f"truth: {shown(name)}: wanted the shape {list(shape)}, got {list(part.shape)}")
        parts.append(part.reshape(-1))
    return torch.cat(parts)
