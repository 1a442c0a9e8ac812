"""Copies of objects that share no memory with the original, by the kind of each class."""

from __future__ import annotations

import copy
import functools
import types
from collections.abc import Mapping
from operator import is_
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

T = TypeVar("T")

# Values in themselves; of these there are the most.
ATOMS: set[type] = {
    *(int, float, complex, bool, str, bytes, type(None), slice, range, frozenset),
    *(types.FunctionType, types.BuiltinFunctionType, types.ModuleType, type),
    *(torch.dtype, torch.device, torch.Size),
}
# `__reduce__` is left out: it tells how to make an object anew elsewhere, which takes longer.
_WAYS_TO_COPY = {"__copy__", "__deepcopy__", "__getstate__", "__setstate__", "__new__"}


def own_copy(thing: T) -> T:
    """Return a copy that shares no tensor and no container with the original.

    What cannot be copied, such as a file or a lock, is shared.
    """
    found: T = _copied(thing, {})
    cls: Any = type(found)
    for name in _class_tensors(cls):
        vars(found).setdefault(name, twin(getattr(cls, name)))
    return found


def _copied(value: Any, memo: dict[int, Any]) -> Any:
    cls: Any = type(value)
    kind = kind_of(cls)
    if kind == "atom":
        return value
    if id(value) not in memo:
        memo[id(value)] = value  # for what holds itself
        memo[id(value)] = twin(value) if kind == "value" else _copied_parts(value, kind, memo)
    return memo[id(value)]


def _copied_parts(value: Any, kind: str, memo: dict[int, Any]) -> Any:
    if kind == "tuple":
        return _copied_tuple(value, memo)
    if isinstance(value, types.MethodType):
        return types.MethodType(value.__func__, _copied(value.__self__, memo))
    if kind == "plain":
        made = object.__new__(type(value))
        vars(made).update(vars(value))
    else:
        try:
            made = copy.copy(value)
        except Exception:  # noqa: BLE001 - see `own_copy`: it is shared
            return value
    memo[id(value)] = made
    if made is not value:
        if kind in ("dict", "list"):
            _copy_within(made, memo)
        _copy_within(getattr(made, "__dict__", {}), memo)
    return made


def _copy_within(parts: Any, memo: dict[int, Any]) -> None:
    for key, part in items_of(parts).items():
        if type(part) not in ATOMS:
            parts[key] = _copied(part, memo)


def _copied_tuple(value: tuple[Any, ...], memo: dict[int, Any]) -> tuple[Any, ...]:
    parts = [part if type(part) in ATOMS else _copied(part, memo) for part in value]
    if all(map(is_, parts, value)):
        return value
    make: Any = getattr(type(value), "_make", type(value))
    found: tuple[Any, ...] = make(parts)
    return found


@functools.cache
def kind_of(cls: Any) -> str:
    """Return how a class is copied, and what its objects hold.

    "atom" is a value in itself, "value" a tensor, an array or a generator, which can be changed in
    place; "plain" an object that says nothing of how it is copied; "object" any other.
    """
    if cls in ATOMS or issubclass(cls, type):
        return "atom"
    if issubclass(cls, Tensor | np.ndarray | torch.Generator):
        return "value"
    for base in (tuple, list, dict, set):
        if issubclass(cls, base):
            return base.__name__
    slots = any(vars(base).get("__slots__") for base in cls.__mro__)
    plain = "__dict__" in _defined(cls) and not slots and not _WAYS_TO_COPY & _defined(cls)
    return "plain" if plain else "object"


def twin(value: Any) -> Any:
    """Return a copy of a tensor, an array or a generator."""
    if isinstance(value, np.ndarray):
        return value.copy()
    if not isinstance(value, Tensor):
        return torch.Generator(value.device).set_state(value.get_state())
    made = value.detach().clone()
    if isinstance(value, torch.nn.Parameter):
        made = torch.nn.Parameter(made, value.requires_grad)
    elif value.requires_grad:
        made.requires_grad_()
    if (grad := grad_of(value)) is not None:
        made.grad = grad.detach().clone()
    return made


def grad_of(tensor: Tensor) -> Tensor | None:
    """Return the gradient that was accumulated in a leaf; of others torch would warn."""
    return tensor.grad if tensor.is_leaf else None


def items_of(value: Any) -> Mapping[Any, Any]:
    """Return the parts of a container or an object, by name."""
    cls: Any = type(value)
    kind = kind_of(cls)
    if kind == "dict":
        items: Mapping[Any, Any] = value
        return items
    if kind in ("list", "tuple"):
        return dict(enumerate(value))
    if kind == "set":
        return dict.fromkeys(value)
    if "__getstate__" in _defined(cls):
        state = value.__getstate__()  # without what the object leaves out of its copies
        return state if isinstance(state, dict) else {}
    found: Mapping[Any, Any] = getattr(value, "__dict__", {})
    return found


@functools.cache
def _class_tensors(cls: Any) -> list[str]:
    """The tensors among the attributes of a class."""
    names = dict.fromkeys(name for base in cls.__mro__ for name in vars(base))
    return [name for name in names if isinstance(getattr(cls, name, None), Tensor)]


@functools.cache
def _defined(cls: Any) -> frozenset[str]:
    """The names that a class or one of its bases defines, `object` left out."""
    return frozenset(name for base in cls.__mro__ for name in vars(base) if base is not object)
