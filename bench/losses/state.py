"""All that a loss can reach and change: model, closure, globals of its file; put back afterwards."""

from __future__ import annotations

import functools
import random
import types
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.engine.contents import are_identical
from bench.engine.copies import grad_of, items_of, kind_of, twin
from bench.losses.own_generators import GENERATORS, set_state, state_of

# Of a larger tensor no copy is kept: it is data, and that it was changed is told all the same.
_LARGEST = 1 << 26
# Of so large a tensor numbers are compared only where torch counted that it was written to.
_COMPARED = 1 << 20
_MOST_OBJECTS = 200_000


class State:
    """The state of what some things hold, at one time.

    Tensors are compared by their numbers, containers by what is in them.

    Args:
        things: by name; functions stand for what they can reach.
    """

    def __init__(self, things: Mapping[str, Any]) -> None:
        self._tensors: list[tuple[str, _Tensor]] = []
        self._values: list[tuple[str, Any, Any]] = []
        self._generators: list[tuple[Any, Any]] = []
        self._containers: list[tuple[str, Any, Mapping[Any, Any]]] = []
        self._seen: dict[int, Any] = {}
        for name, thing in things.items():
            self._collect(name, thing)

    def put_back(self, only: Collection[str] | None = None) -> list[str]:
        """Put back what is no longer as it was, and return its paths.

        Args:
            only: paths that are looked at; None for all.
        """
        names = self._put_back_containers(only)
        for path, one in self._tensors:
            if only is None or path in only or f"{path}.grad" in only:
                names += [f"{path}{what}" for what in one.put_back()]
        for path, value, saved in self._values:
            if value.tobytes() != saved.tobytes():
                names.append(path)
                value[...] = saved
        if only is None:
            for generator, state in self._generators:
                set_state(generator, state)
        return list(dict.fromkeys(names))

    @property
    def generators(self) -> list[Any]:
        """The generators that are reached; that they were drawn from is no change."""
        return [generator for generator, _ in self._generators]

    def _put_back_containers(self, only: Collection[str] | None) -> list[str]:
        names = []
        for path, container, parts in self._containers:
            if only is not None and path not in only:
                continue
            if not are_identical(parts, _parts_of(container)):
                names.append(path)
                _restore(container, parts)
        return names

    def is_one_of(self, path: str, ids: set[int]) -> bool:
        """Whether a path is that of one of some tensors."""
        return any(path == name and id(one.tensor) in ids for name, one in self._tensors)

    def _collect(self, path: str, thing: Any) -> None:
        waiting = [(path, thing)]
        while waiting and len(self._seen) < _MOST_OBJECTS:
            path, thing = waiting.pop()
            if id(thing) in self._seen:
                continue
            if isinstance(thing, GENERATORS) and not isinstance(
                thing, random.SystemRandom
            ):  # it has no state
                self._seen[id(thing)] = thing
                self._generators.append((thing, state_of(thing)))
                continue
            if _is_plain(thing):
                continue
            self._seen[id(thing)] = thing
            if isinstance(thing, Tensor):
                self._add_tensor(path, thing)
            elif isinstance(thing, np.ndarray):
                self._values.append((path, thing, twin(thing)))
            elif isinstance(thing, types.FunctionType | types.MethodType | functools.partial):
                waiting += [(f"{path}.{name}", part) for name, part in _reached(thing)]
            else:
                parts = dict(_parts_of(thing))
                if not isinstance(thing, tuple):
                    self._containers.append((path, thing, parts))
                waiting += [(f"{path}.{name}" if name != "" else path, part) for name, part in parts.items()]

    def _add_tensor(self, path: str, tensor: Tensor) -> None:
        if not tensor.is_inference():
            self._tensors.append((path, _Tensor(tensor)))


class _Tensor:
    """A tensor as it was: its numbers, its gradient, and whether it requires one.

    Not every operation of torch counts that it wrote to a tensor (those of batch normalization do not), so
    that numbers are compared, but for what is too large to be copied.
    """

    def __init__(self, tensor: Tensor) -> None:
        self.tensor, self._version = tensor, tensor._version
        self._saved = tensor.detach().clone() if tensor.numel() <= _LARGEST else None
        self._wants = tensor.requires_grad
        self._grad = grad_of(tensor)
        self._of_grad = None if self._grad is None else self._grad.detach().clone()

    def put_back(self) -> list[str]:
        """Put it back, and return what had changed: "" for its numbers, ".requires_grad", ".grad"."""
        tensor = self.tensor
        changed = [""] if self._numbers() else []
        if tensor.is_leaf and tensor.requires_grad != self._wants:
            tensor.requires_grad_(self._wants)
            changed.append(".requires_grad")
        other = tensor.is_leaf and grad_of(tensor) is not self._grad
        if other:
            tensor.grad = self._grad
        if self._grad is not None and self._of_grad is not None:
            other = _written(self._grad, self._of_grad) or other
        return [*changed, ".grad"] if other else changed

    def _numbers(self) -> bool:
        tensor, saved = self.tensor.detach(), self._saved
        if (saved is None or tensor.numel() > _COMPARED) and self.tensor._version == self._version:
            return False
        return saved is None or _written(tensor, saved)


def _written(tensor: Tensor, saved: Tensor) -> bool:
    """Write the numbers that were saved, if there are others; NaN is no change where it was before."""
    same = (tensor == saved) | ((tensor != tensor) & (saved != saved))
    if bool(same.all()):
        return False
    with torch.no_grad():
        tensor.copy_(saved)
    return True


_NONE = object()


def _is_plain(thing: Any) -> bool:
    cls: Any = type(thing)
    return kind_of(cls) == "atom" and not isinstance(thing, types.FunctionType)


def _reached(function: Any) -> Iterator[tuple[str, Any]]:
    """Yield what a function can change: its variables from outside, its globals, the object that it is of."""
    if isinstance(function, types.MethodType):
        yield "self", function.__self__
        function = function.__func__
    if isinstance(function, functools.partial):
        yield from (("func", function.func), ("args", function.args), ("keywords", function.keywords))
        return
    code = getattr(function, "__code__", None)
    if code is None:
        return
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        yield name, cell
    yield "defaults", function.__defaults__ or ()
    used = {name for name in _names_in(code) if name in function.__globals__}
    own = {name: function.__globals__[name] for name in sorted(used)}
    for name, value in own.items():
        if isinstance(value, types.FunctionType) and value.__globals__ is not function.__globals__:
            continue
        yield name, value
    yield "globals", _Globals(function.__globals__, [name for name in own if not callable(own[name])])


def _names_in(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names_in(constant)


class _Globals:
    """Some global variables of a module, which a function uses."""

    def __init__(self, place: dict[str, Any], names: list[str]) -> None:
        self.place, self.names = place, names


def _parts_of(container: Any) -> Mapping[Any, Any]:
    if isinstance(container, types.CellType):
        try:
            return {"": container.cell_contents}
        except ValueError:  # nothing is in it yet
            return {}
    if isinstance(container, _Globals):
        return {name: container.place[name] for name in container.names if name in container.place}
    try:
        return items_of(container)
    except Exception:  # noqa: BLE001 - what does not tell its parts has none that could be put back
        return {}


def _restore(container: Any, parts: Mapping[Any, Any]) -> None:
    if isinstance(container, types.CellType):
        container.cell_contents = parts[""]
    elif isinstance(container, _Globals):
        container.place.update(parts)
    elif isinstance(container, dict):
        container.clear()
        container.update(parts)
    elif isinstance(container, list):
        container[:] = parts.values()
    elif isinstance(container, set):
        container.clear()
        container.update(parts)
    elif (own := getattr(container, "__dict__", None)) is not None:
        for name in [name for name in own if name not in parts]:
            del own[name]
        own.update({name: part for name, part in parts.items() if own.get(name, _NONE) is not part})
