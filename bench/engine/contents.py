"""Everything that an object holds: copied so that no memory is shared, and compared with what it was."""

from __future__ import annotations

import copy
import functools
import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from operator import is_
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

T = TypeVar("T")

# Values in themselves; of these there are the most.
_ATOMS: set[type] = {
    *(int, float, complex, bool, str, bytes, type(None), slice, range, frozenset),
    *(types.FunctionType, types.BuiltinFunctionType, types.ModuleType, type),
    *(torch.dtype, torch.device, torch.Size),
}
# `__reduce__` is left out: it tells how to make an object anew elsewhere, which takes longer.
_WAYS_TO_COPY = {"__copy__", "__deepcopy__", "__getstate__", "__setstate__", "__new__"}
# Names of what a torch module holds; other names that begin with an underscore are private.
_OF_MODULES = {"_parameters", "_buffers", "_modules"}


def own_copy(thing: T) -> T:
    """Return a copy that shares no tensor and no container with the original.

    What cannot be copied, such as a file or a lock, is shared.
    """
    found: T = _copied(thing, {})
    cls: Any = type(found)
    for name in _class_tensors(cls):
        vars(found).setdefault(name, _twin(getattr(cls, name)))
    return found


def _copied(value: Any, memo: dict[int, Any]) -> Any:
    cls: Any = type(value)
    kind = _kind(cls)
    if kind == "atom":
        return value
    if id(value) not in memo:
        memo[id(value)] = value  # for what holds itself
        memo[id(value)] = _twin(value) if kind == "value" else _copied_parts(value, kind, memo)
    return memo[id(value)]


def _copied_parts(value: Any, kind: str, memo: dict[int, Any]) -> Any:
    if kind == "tuple":
        return _copied_tuple(value, memo)
    if isinstance(value, types.MethodType):
        return types.MethodType(value.__func__, _copied(value.__self__, memo))
    if kind == "plain":
        twin = object.__new__(type(value))
        vars(twin).update(vars(value))
    else:
        try:
            twin = copy.copy(value)
        except Exception:  # noqa: BLE001 - see `own_copy`: it is shared
            return value
    memo[id(value)] = twin
    if twin is not value:
        if kind in ("dict", "list"):
            _copy_within(twin, memo)
        _copy_within(getattr(twin, "__dict__", {}), memo)
    return twin


def _copy_within(parts: Any, memo: dict[int, Any]) -> None:
    for key, part in _items(parts).items():
        parts[key] = _copied(part, memo)


def _copied_tuple(value: tuple[Any, ...], memo: dict[int, Any]) -> tuple[Any, ...]:
    parts = [_copied(part, memo) for part in value]
    if all(map(is_, parts, value)):
        return value
    make: Any = getattr(type(value), "_make", type(value))
    found: tuple[Any, ...] = make(parts)
    return found


@functools.cache
def _kind(cls: Any) -> str:
    """How a class is copied, and what its objects hold.

    "atom" is a value in itself, "value" a tensor, an array or a generator, which can be changed in
    place; "plain" an object that says nothing of how it is copied; "object" any other.
    """
    if cls in _ATOMS or issubclass(cls, type):
        return "atom"
    if issubclass(cls, Tensor | np.ndarray | torch.Generator):
        return "value"
    for base in (tuple, list, dict, set):
        if issubclass(cls, base):
            return base.__name__
    slots = any(vars(base).get("__slots__") for base in cls.__mro__)
    plain = "__dict__" in _defined(cls) and not slots and not _WAYS_TO_COPY & _defined(cls)
    return "plain" if plain else "object"


def _twin(value: Any) -> Any:
    """A copy of a tensor, an array or a generator."""
    if isinstance(value, np.ndarray):
        return value.copy()
    if not isinstance(value, Tensor):
        return torch.Generator(value.device).set_state(value.get_state())
    twin = value.detach().clone()
    if isinstance(value, torch.nn.Parameter):
        twin = torch.nn.Parameter(twin, value.requires_grad)
    elif value.requires_grad:
        twin.requires_grad_()
    if (grad := _grad(value)) is not None:
        twin.grad = grad.detach().clone()
    return twin


def _grad(tensor: Tensor) -> Tensor | None:
    return tensor.grad if tensor.is_leaf else None


@dataclass
class Contents:
    """All that an object holds, at one time.

    Attributes:
        containers: the object and the containers within: each with its path, whether it is
            private, and its parts.
        values: tensors, arrays and generators: each with its path, and a copy.
    """

    containers: list[tuple[Any, str, bool, dict[Any, Any]]] = field(default_factory=list)
    values: list[tuple[Any, str, Any]] = field(default_factory=list)


def contents(thing: Any) -> Contents:
    """Return all that an object holds, with copies of its tensors, arrays and generators."""
    found = Contents()
    _collect(thing, "", False, found, set())
    return found


def changed(before: Contents) -> list[str]:
    """Return the paths of what an object holds that is no longer as it was.

    What is private (`_name`, or a property that is computed once) the object may replace by
    itself, as a cache; to change it in place counts.
    """
    names = [path for value, path, saved in before.values if not _same(saved, value)]
    for container, path, private, parts in before.containers:
        after = _items(container)
        if not private and not are_identical(parts, after):
            names += [_joined(path, name) for name in replaced(parts, after, type(container))]
    return names


def are_identical(before: Mapping[Any, Any], after: Mapping[Any, Any]) -> bool:
    """Whether two mappings hold the very same objects, in the same order."""
    return len(before) == len(after) and all(map(is_, before.values(), after.values()))


def replaced(before: Mapping[Any, Any], after: Mapping[Any, Any], cls: Any) -> list[str]:
    """Return the public names under which there are other objects than before, not equal to them."""
    names = dict.fromkeys([*before, *after])
    return [
        str(name)
        for name in names
        if not _is_private(cls, name)
        and not (name in before and name in after and _same(before[name], after[name]))
    ]


def _collect(value: Any, path: str, private: bool, found: Contents, seen: set[int]) -> None:
    cls: Any = type(value)
    kind = _kind(cls)
    if kind == "atom" or id(value) in seen:
        return
    seen.add(id(value))
    if kind == "value":
        found.values.append((value, path, _twin(value)))
        return
    parts = dict(_items(value))
    if kind != "tuple":
        found.containers.append((value, path, private, parts))
    for name, part in parts.items():
        if type(part) not in _ATOMS:
            _collect(part, _joined(path, name), private or _is_private(cls, name), found, seen)


def _items(value: Any) -> Mapping[Any, Any]:
    """The parts of a container or an object, by name."""
    cls: Any = type(value)
    kind = _kind(cls)
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


def _joined(path: str, name: object) -> str:
    return f"{path}.{name}" if path else str(name)


def _is_private(cls: Any, name: object) -> bool:
    if cls in (dict, list, tuple, set):
        return False
    return (str(name).startswith("_") and name not in _OF_MODULES) or name in _set_later(cls)


@functools.cache
def _defined(cls: Any) -> frozenset[str]:
    """The names that a class or one of its bases defines, `object` left out."""
    return frozenset(name for base in cls.__mro__ for name in vars(base) if base is not object)


@functools.cache
def _class_tensors(cls: Any) -> list[str]:
    """The tensors among the attributes of a class."""
    names = dict.fromkeys(name for base in cls.__mro__ for name in vars(base))
    return [name for name in names if isinstance(getattr(cls, name, None), Tensor)]


@functools.cache
def _set_later(cls: Any) -> frozenset[str]:
    """Attributes that an object computes when they are first asked for, as torch's distributions do."""
    kinds = ("cached_property", "lazy_property")
    attributes = [each for base in cls.__mro__ for each in vars(base).items()]
    return frozenset(name for name, value in attributes if type(value).__name__ in kinds)


def _same(saved: Any, value: Any) -> bool:
    if saved is value:
        return True
    if isinstance(saved, Tensor) and isinstance(value, Tensor):
        return _same_tensors(saved, value)
    if type(saved) is torch.Generator and type(value) is torch.Generator:
        return torch.equal(saved.get_state(), value.get_state())
    if isinstance(saved, np.ndarray) and isinstance(value, np.ndarray):
        kinds = [(each.dtype, each.shape) for each in (saved, value)]
        return kinds[0] == kinds[1] and saved.tobytes() == value.tobytes()
    # Of other kinds of objects `==` may mean anything.
    return type(saved) is type(value) and type(value) in _ATOMS and bool(saved == value)


def _same_tensors(saved: Tensor, value: Tensor) -> bool:
    kinds = [(each.shape, each.dtype, each.device, each.requires_grad) for each in (saved, value)]
    grads = [_grad(each) for each in (saved, value)]
    if kinds[0] != kinds[1] or (grads[0] is None) != (grads[1] is None):
        return False
    if value.device.type == "meta":
        return True
    saved, value = saved.detach(), value.detach()
    # NaN differs from itself.
    return torch.equal(saved, value) or bool(((saved == value) | ((saved != saved) & (value != value))).all())
