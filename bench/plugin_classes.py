"""Classes that plug-ins offer: in a table, or at a place such as `file.py:Class`."""

from __future__ import annotations

import inspect
import types
from collections.abc import Mapping
from typing import Any, Literal

from bench.errors import did_you_mean, invalid, shown
from bench.plugin_files import module_of

Kind = Literal["estimators", "problems"]


def classes_at(place: str, kind: Kind) -> dict[str, type]:
    """The classes of a kind at `module:Class`, `file.py:Class`, or all of a `file.py`, by name.

    Importing it runs its author's code.

    Raises:
        Invalid: if it cannot be imported, or there is none.
    """
    source, word = parted(place)
    module = module_of(source)
    if word:
        return {word: _checked(kind, getattr(module, word, None), word, source, module)}
    own = {
        name: cls
        for name, cls in vars(module).items()
        if is_of(kind, cls) and cls.__module__ == module.__name__ and not name.startswith("_")
    }
    found = table_of(source, kind.upper(), getattr(module, kind.upper(), own))
    if not found:
        wanted = "bench.Estimator" if kind == "estimators" else "bench.Problem or ModuleProblem"
        raise invalid(f"{source} offers no {kind[:-1]}: it needs a class that extends {wanted}")
    return {name: _checked(kind, cls, name, source, module) for name, cls in found.items()}


def parted(place: str) -> tuple[str, str]:
    """A file or module, and the class in it; empty if none is named."""
    if place.endswith(".py"):
        return place, ""
    source, colon, word = place.rpartition(":")
    if not (colon and source and word):
        raise invalid(f"{shown(place)}: wanted module:Class, file.py or file.py:Class")
    return source, word


def _checked(kind: Kind, cls: Any, word: str, source: str, module: types.ModuleType) -> type:
    if not is_of(kind, cls):
        known = [name for name, value in vars(module).items() if is_of(kind, value)]
        raise invalid(f"{source} has no {kind[:-1]} {shown(word)}; {did_you_mean(word, known)}")
    found: type = cls
    return found


def is_of(kind: Kind, thing: Any) -> bool:
    """Whether something is a class of a kind that can be made."""
    # Imported late: the table of names must be read without torch.
    from bench.estimator import Estimator
    from bench.problem import Resolvable

    base = Estimator if kind == "estimators" else Resolvable
    return isinstance(thing, type) and issubclass(thing, base) and not inspect.isabstract(thing)


def table_of(source: str, attribute: str, table: Any) -> Mapping[str, type]:
    """Return the table of a plug-in from names to classes, if it offers one."""
    if not isinstance(table, Mapping) or not all(
        isinstance(name, str) and isinstance(cls, type) for name, cls in table.items()
    ):
        raise invalid(f"plug-in {source}: {attribute} must be a table from names to classes")
    return table
