"""Everything that an object holds: copied so that no memory is shared, and compared with what it was."""

from __future__ import annotations

import copy
import dataclasses
import functools
import types
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor

T = TypeVar("T")

# A problem may hold another, that its networks, and they their layers.
_DEPTH = 8
_WHOLE = (
    Tensor,
    torch.Generator,
    np.ndarray,
    np.generic,
    type,
    types.ModuleType,
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodType,
)
# Values in themselves, of which there are many.
_ATOMS = {int, float, str, bool, type(None), slice, types.FunctionType, Tensor, np.ndarray}
_PLAIN = (
    int,
    float,
    complex,
    str,
    bytes,
    set,
    frozenset,
    slice,
    range,
    torch.dtype,
    torch.device,
    torch.Size,
)
# Names of what a torch module holds; other names that begin with an underscore are private.
_OF_MODULES = {"_parameters", "_buffers", "_modules"}


class Leaf(NamedTuple):
    """A value that an object holds.

    Attributes:
        value: the value.
        private: whether the object may set it by itself, as a cache: `_name`, or a cached property.
        saved: a copy of a tensor, an array or the state of a generator; else the value.
    """

    value: Any
    private: bool
    saved: Any = None


Contents = Mapping[str, Leaf]
"""Path -> value: `theta`, `single.data`, `layers.0.weight`."""


def own_copy(thing: T) -> T:
    """Return a copy that shares no tensor and no container with the original.

    What cannot be copied, such as a file or a lock, is shared.
    """
    leaves = [leaf.value for leaf in _walk(thing).values()]
    memo: dict[int, Any] = {id(value): _twin(value) for value in leaves if isinstance(value, Tensor)}
    found: T
    try:
        found = copy.deepcopy(thing, memo)
    except Exception:  # noqa: BLE001 - part by part, for the reason above
        found = copy.copy(thing)
        for name, value in list(vars(found).items()):
            vars(found)[name] = _copied(value, memo)
    _own_class_tensors(found)
    return found


def _copied(value: Any, memo: dict[int, Any]) -> Any:
    try:
        return copy.deepcopy(value, memo)
    except Exception:  # noqa: BLE001 - see `own_copy`
        return value


def _twin(tensor: Tensor) -> Tensor:
    twin = tensor.detach().clone()
    if isinstance(tensor, torch.nn.Parameter):
        twin = torch.nn.Parameter(twin, tensor.requires_grad)
    elif tensor.requires_grad:
        twin.requires_grad_()
    if (grad := _grad(tensor)) is not None:
        twin.grad = grad.detach().clone()
    return twin


def _grad(tensor: Tensor) -> Tensor | None:
    return tensor.grad if tensor.is_leaf else None


def _own_class_tensors(thing: Any) -> None:
    """Give an object its own copies of the tensors that are attributes of its class."""
    if not hasattr(thing, "__dict__"):
        return
    for base in type(thing).__mro__:
        for name, value in vars(base).items():
            if isinstance(value, Tensor) and name not in vars(thing):
                vars(thing)[name] = _twin(value)


def contents(thing: Any) -> Contents:
    """Return all that an object holds, with copies of its tensors, arrays and generators."""
    return {path: leaf._replace(saved=_saved(leaf.value)) for path, leaf in _walk(thing).items()}


def changed(before: Contents, thing: Any) -> list[str]:
    """Return the paths of what an object holds that is no longer as it was.

    Of what is private only a value that was changed in place counts.
    """
    after = _walk(thing)
    names = [path for path, leaf in after.items() if path not in before and not leaf.private]
    return names + [path for path, leaf in before.items() if _differs(leaf, after.get(path))]


def replaced(before: Mapping[str, Any], thing: Any) -> list[str]:
    """Return the public attributes that are other objects than before, and not equal to them."""
    cls: Any = type(thing)
    after = vars(thing)
    return [
        name
        for name in dict.fromkeys([*before, *after])
        if not (_is_private(name) or name in _set_later(cls))
        and not (name in before and name in after and _same(before[name], after[name]))
    ]


def _differs(before: Leaf, after: Leaf | None) -> bool:
    if before.private and (after is None or after.value is not before.value):
        return False
    return after is None or not _same(before.saved, after.value)


def _walk(thing: Any) -> dict[str, Leaf]:
    found: dict[str, Leaf] = {}
    _collect(thing, "", False, _DEPTH, set(), found)
    return found


def _collect(
    value: Any, path: str, private: bool, depth: int, above: set[int], found: dict[str, Leaf]
) -> None:
    """Add the leaves of a value, which `above` are within one another."""
    parts = None if depth == 0 or type(value) in _ATOMS else _parts(value)
    if parts is None:
        found[path] = Leaf(value, private)
        return
    if id(value) in above:
        return
    cls: Any = type(value)
    lazy, attributes = _set_later(cls), not isinstance(value, dict | list | tuple | Mapping)
    above.add(id(value))
    for name, part in parts.items():
        hidden = private or (attributes and (name in lazy or _is_private(name)))
        _collect(part, f"{path}.{name}" if path else str(name), hidden, depth - 1, above, found)
    above.discard(id(value))


def _is_private(name: str) -> bool:
    return name.startswith("_") and name not in _OF_MODULES


@functools.cache
def _methods(cls: Any) -> frozenset[str]:
    """The names that a class or one of its bases defines, other than `object`."""
    return frozenset(name for base in cls.__mro__[:-1] for name in vars(base))


@functools.cache
def _set_later(cls: Any) -> frozenset[str]:
    """Attributes that an object computes when they are first asked for, as torch's distributions do."""
    kinds = ("cached_property", "lazy_property")
    return frozenset(
        name for base in cls.__mro__ for name, value in vars(base).items() if type(value).__name__ in kinds
    )


def _parts(value: Any) -> Mapping[Any, Any] | None:
    """What a value consists of, by name; None if it is a value in itself."""
    if isinstance(value, dict | Mapping):
        return value
    if isinstance(value, list | tuple) and not isinstance(value, torch.Size):
        return dict(enumerate(value))
    if isinstance(value, _WHOLE):
        return None
    found: Any = getattr(value, "__dict__", None)
    cls: Any = type(value)
    if found and "__getstate__" in _methods(cls):
        found = value.__getstate__()  # without what the object itself leaves out of copies
    if dataclasses.is_dataclass(value) and not found:
        return {each.name: getattr(value, each.name, None) for each in dataclasses.fields(value)}
    return found if isinstance(found, Mapping) else None


def _saved(value: Any) -> Any:
    if isinstance(value, Tensor):
        return _twin(value)
    if isinstance(value, np.ndarray | set):
        return value.copy()
    return value.get_state() if isinstance(value, torch.Generator) else value


def _same(saved: Any, value: Any) -> bool:
    if isinstance(value, torch.Generator):
        return isinstance(saved, Tensor) and torch.equal(saved, value.get_state())
    if isinstance(saved, Tensor) and isinstance(value, Tensor):
        return _same_tensors(saved, value)
    if isinstance(saved, np.ndarray) and isinstance(value, np.ndarray):
        kinds = [(each.dtype, each.shape) for each in (saved, value)]
        return kinds[0] == kinds[1] and saved.tobytes() == value.tobytes()
    if saved is value:
        return True
    # Of other kinds of objects `==` may mean anything.
    return type(saved) is type(value) and isinstance(value, _PLAIN) and bool(saved == value)


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
