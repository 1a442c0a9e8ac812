"""The trainable parameters of a module as one vector, theta, and as blocks of it by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from bench.errors import invalid
from bench.parameter_blocks import blocks_by_name
from bench.problems.modules.moved import copied


class FlatParameters:
    """The places in theta of the parameters of a module that require gradients.

    Those that do not are held fixed. One that is used in two places is there once.

    Attributes:
        blocks: the slice of theta of each parameter by its name, and of each submodule.
        theta: the values that they have, `[P]` in float64.

    Raises:
        Invalid: if there is no such parameter, or one that cannot be part of a real vector.
    """

    def __init__(self, net: nn.Module) -> None:
        named = {name: p for name, p in net.named_parameters() if p.requires_grad}
        _check(net, named)
        self._shapes = {name: p.shape for name, p in named.items()}
        self._sizes = [p.numel() for p in named.values()]
        self.blocks = blocks_by_name(dict(zip(named, self._sizes, strict=True)))
        flat = [p.detach().to("cpu", torch.float64).flatten() for p in named.values()]
        self.theta = torch.cat(flat)  # [P]
        self._last: tuple[Tensor, Any, dict[str, Tensor]] | None = None

    def of(self, theta: Tensor) -> dict[str, Tensor]:
        """The parameters by name, views of theta, `[R, P] -> [R, *shape]`.

        Those of the last theta are remembered: two cuts of one theta would each hand back a
        gradient of its full size, to be added.
        """
        state = theta.requires_grad and torch.is_grad_enabled(), theta.is_inference() or theta._version
        last = self._last
        if last is None or last[0] is not theta or last[1] != state:
            self._last = last = theta, state, self._cut(theta)
        return last[2]

    def put(self, net: nn.Module, theta: Tensor) -> nn.Module:
        """A copy of the module with the parameters of one theta, `[P]`."""
        made, pieces = copied(net), self._cut(theta.detach()[None])
        with torch.no_grad():
            for name, piece in pieces.items():
                made.get_parameter(name).copy_(piece[0])
        return made

    def _cut(self, theta: Tensor) -> dict[str, Tensor]:
        pieces = torch.split(theta, self._sizes, dim=1)
        return {
            name: piece.reshape(len(theta), *shape)
            for (name, shape), piece in zip(self._shapes.items(), pieces, strict=True)
        }

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_last": None}  # what is remembered cannot be pickled


def _check(net: nn.Module, named: Mapping[str, nn.Parameter]) -> None:
    cls = type(net).__name__
    for name, p in named.items():
        if isinstance(p, nn.parameter.UninitializedParameter):
            raise invalid(f"{cls}: the parameter {name} has no shape yet; call the module on a batch first")
        if p.is_complex():
            raise invalid(
                f"{cls}: the parameter {name} is complex; keep its real and imaginary parts instead"
            )
        if p.device.type == "meta":
            raise invalid(f"{cls}: the parameter {name} has no values (it is on the device meta)")
    if named and any(p.numel() for p in named.values()):
        return
    if next(net.parameters(), None) is None:
        raise invalid(f"{cls} has no parameters; wanted a module with some: theta is made of them")
    raise invalid(
        f"all parameters of {cls} are fixed (requires_grad is False); wanted one that is not: theta is made "
        "of those that require gradients"
    )
