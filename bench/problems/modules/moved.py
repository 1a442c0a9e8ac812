"""Copies of what a person's class holds, on a device and in a type: tensors, modules and distributions."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from bench.distributions import stacked
from bench.errors import invalid

_OF_MODULES = {"_parameters", "_buffers", "_modules"}


def moved(value: Any, device: torch.device | str, dtype: torch.dtype) -> Any:
    """A copy of a value with its tensors on a device, real ones in a type; without tensors the same object.

    Modules are always copied, so that nothing that is done to the copy is done to the original.
    """
    if isinstance(value, Tensor):
        return _tensor(value, device, dtype)
    if isinstance(value, nn.Module):
        return _module(value, device, dtype)
    if isinstance(value, Distribution):
        return stacked.mapped(value, lambda t: _tensor(t, device, dtype))
    if type(value) is dict:
        return {key: moved(each, device, dtype) for key, each in value.items()}
    if type(value) in (list, tuple):
        return type(value)(moved(each, device, dtype) for each in value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(moved(each, device, dtype) for each in value))
    return value


def _tensor(value: Tensor, device: torch.device | str, dtype: torch.dtype) -> Tensor:
    return value.to(device=device, dtype=dtype if value.is_floating_point() else value.dtype)


def _module(net: nn.Module, device: torch.device | str, dtype: torch.dtype) -> nn.Module:
    made = copied(net)
    # Unlike `to` it leaves complex buffers complex.
    made._apply(lambda t: _tensor(t, device, dtype))  # type: ignore[no-untyped-call]
    for part in made.modules():
        for name, value in vars(part).items():
            if name not in _OF_MODULES:
                vars(part)[name] = moved(value, device, dtype) if not isinstance(value, nn.Module) else value
    return made


def copied(net: nn.Module) -> nn.Module:
    """A copy of a module that shares no tensor with it, without the gradients of its parameters.

    Raises:
        Invalid: if it holds what cannot be copied.
    """
    # A tensor in the middle of a graph, such as the weight of the older weight_norm, is copied as a value.
    within = [value for part in net.modules() for value in vars(part).values() if isinstance(value, Tensor)]
    memo: dict[int, Any] = {id(t): t.detach().clone() for t in within if not t.is_leaf}
    try:
        made: nn.Module = copy.deepcopy(net, memo)
    except Exception as error:
        why = f"{type(error).__name__}: {error}"
        raise invalid(f"{type(net).__name__} cannot be copied ({why}); keep that part out of it") from error
    return made
