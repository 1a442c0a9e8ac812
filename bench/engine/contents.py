"""Everything that an object holds, compared with what it was."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from operator import is_
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.engine.copies import ATOMS, grad_of, items_of, kind_of, twin

# Names of what a torch module holds; other names that begin with an underscore are private.
_OF_MODULES = {"_parameters", "_buffers", "_modules"}


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
        after = items_of(container)
        if not private and not are_identical(parts, after):
            names += [_joined(path, name) for name in replaced(parts, after, type(container))]
    return names


def are_identical(before: Mapping[Any, Any], after: Mapping[Any, Any]) -> bool:
    """Return whether two mappings hold the very same objects, in the same order."""
    return all(map(is_, before.values(), after.values())) and list(before) == list(after)


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
    kind = kind_of(cls)
    if kind == "atom" or id(value) in seen:
        return
    seen.add(id(value))
    if kind == "value":
        found.values.append((value, path, twin(value)))
        return
    parts = dict(items_of(value))
    if kind != "tuple":
        found.containers.append((value, path, private, parts))
    for name, part in parts.items():
        if type(part) not in ATOMS:
            _collect(part, _joined(path, name), private or _is_private(cls, name), found, seen)


def _joined(path: str, name: object) -> str:
    return f"{path}.{name}" if path else str(name)


def _is_private(cls: Any, name: object) -> bool:
    if cls in (dict, list, tuple, set):
        return False
    return (str(name).startswith("_") and name not in _OF_MODULES) or name in _set_later(cls)


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
    return type(saved) is type(value) and type(value) in ATOMS and bool(saved == value)


def _same_tensors(saved: Tensor, value: Tensor) -> bool:
    kinds = [(each.shape, each.dtype, each.device, each.requires_grad) for each in (saved, value)]
    grads = [grad_of(each) for each in (saved, value)]
    if kinds[0] != kinds[1] or (grads[0] is None) != (grads[1] is None):
        return False
    if value.device.type == "meta":
        return True
    saved, value = saved.detach(), value.detach()
    # NaN differs from itself.
    return torch.equal(saved, value) or bool(((saved == value) | ((saved != saved) & (value != value))).all())
