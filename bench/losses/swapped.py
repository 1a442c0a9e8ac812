"""Tensors exchanged for others wherever a function of torch is given them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode


class Swapped(TorchFunctionMode):
    """Gives functions of torch other tensors than those that a closure holds.

    Args:
        pairs: tensors, each with what stands for it.
    """

    def __init__(self, pairs: list[tuple[Tensor, Tensor]]) -> None:
        # The tensors are kept, so that nothing else gets their place in memory.
        self._pairs = {id(old): (old, new) for old, new in pairs}

    def stand_in(self, old: Tensor, new: Tensor) -> Tensor:
        """Take a tensor for another one from now on."""
        self._pairs[id(old)] = (old, new)
        return new

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call a function of torch with what stands for its arguments."""
        if func is torch.Tensor.new and all(isinstance(size, int | torch.Size) for size in args[1:]):
            func = torch.Tensor.new_empty  # the older name of the same, which vmap does not know
        given, named = self._exchanged(args), self._exchanged(kwargs or {})
        if func is torch.nn.functional.one_hot and given:
            classes = named.get("num_classes", given[1] if len(given) > 1 else -1)
            if classes > 0:  # the same, without a look at the values, which vmap does not show
                return (given[0][..., None] == torch.arange(classes, device=given[0].device)).to(torch.int64)
        return func(*given, **named)

    def _exchanged(self, value: Any) -> Any:
        if isinstance(value, Tensor):
            return self._pairs.get(id(value), (value, value))[1]
        if isinstance(value, tuple) and not hasattr(value, "_fields"):
            return type(value)(map(self._exchanged, value)) if type(value) is tuple else value
        if type(value) is list:
            return [*map(self._exchanged, value)]
        if isinstance(value, Mapping):
            return {name: self._exchanged(each) for name, each in value.items()}
        return value
