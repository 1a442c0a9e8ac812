"""The parameters of somebody's model: by name, flattened, and as they were."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.autograd.graph import _engine_run_backward

from bench.errors import invalid, shown
from bench.parameter_blocks import blocks_by_name

Model = nn.Module | Mapping[str, Tensor] | Sequence[Tensor] | Tensor
"""A module, or leaves that require gradients: by name, in a list, or a single one."""


@dataclass(frozen=True)
class Weights:
    """The leaves in which gradients are wanted, by name; those that are shared stand there once.

    Attributes:
        leaves: by name; all of one type, on one device.
    """

    leaves: Mapping[str, Tensor]

    @property
    def tensors(self) -> list[Tensor]:
        """The leaves, in order."""
        return list(self.leaves.values())

    @property
    def theta(self) -> Tensor:
        """A copy of all of them in a row, `[P]`."""
        return torch.cat([leaf.detach().reshape(-1) for leaf in self.tensors])

    @property
    def blocks(self) -> dict[str, slice]:
        """The places of the leaves in θ, and of those whose names begin alike."""
        return blocks_by_name({name: leaf.numel() for name, leaf in self.leaves.items()})


def gradients(value: Tensor, leaves: tuple[Tensor, ...]) -> tuple[Tensor | None, ...]:
    """The gradients of a scalar in some leaves; None where there is none.

    `torch.autograd.grad` compares shapes first, which takes as long as the backward pass of a small loss.
    """
    seed = torch.ones_like(value)
    found: tuple[Tensor | None, ...] = _engine_run_backward(
        (value,), (seed,), False, False, leaves, True, accumulate_grad=False
    )
    return found


def weights_of(model: Model) -> Weights:
    """The parameters of a model that require gradients.

    Raises:
        Invalid: if it has none, or they are of several types or on several devices.
    """
    leaves = dict(_leaves(model))
    wanted = {name: leaf for name, leaf in leaves.items() if leaf.requires_grad}
    if not wanted:
        had = f"{len(leaves)} of them, none of which requires gradients" if leaves else "none"
        raise invalid(f"model: wanted parameters that require gradients, got {had}")
    for name, leaf in wanted.items():
        if not leaf.is_leaf:
            raise invalid(f"model: {shown(name)} is computed from others; wanted the leaves themselves")
    kinds = {(leaf.dtype, leaf.device) for leaf in wanted.values()}
    if len(kinds) > 1 or next(iter(kinds))[0] not in (torch.float32, torch.float64):
        told = ", ".join(sorted(f"{_word(dtype)} on {device}" for dtype, device in kinds))
        raise invalid(f"model: wanted parameters in float32 or float64, all on one device, got {told}")
    return Weights(wanted)


def _leaves(model: Model) -> Iterator[tuple[str, Tensor]]:
    if isinstance(model, nn.Module):
        yield from model.named_parameters()
    elif isinstance(model, Mapping) and all(_is_named_leaf(*item) for item in model.items()):
        yield from model.items()
    elif isinstance(model, Tensor):
        yield "theta", model
    elif isinstance(model, Sequence) and all(isinstance(leaf, Tensor) for leaf in model):
        yield from ((str(i), leaf) for i, leaf in enumerate(model))
    else:
        wanted = "a module, or tensors that require gradients: one, a list, or by name"
        raise invalid(f"model: wanted {wanted}, got {shown(model)}")


def _is_named_leaf(name: object, leaf: object) -> bool:
    return isinstance(name, str) and isinstance(leaf, Tensor)


def _word(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
