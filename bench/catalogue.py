"""Plug-ins by name: the in-tree tables, entry points of other packages, and what the command line adds."""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.errors import Fault, Invalid, did_you_mean, invalid, shown
from bench.options import construct, described_options
from bench.plugin_classes import Kind as Kind
from bench.plugin_classes import classes_at, is_of, parted, table_of
from bench.plugin_files import from_a_fixed_seed, module_of
from bench.problems import PROBLEMS
from estimators import ESTIMATORS, OTHER_NAMES, SHORTHANDS, meaning

if TYPE_CHECKING:
    from bench.losses.problem import LossProblem
    from bench.problem import Problem

PLUGINS: list[str] = []
"""The modules and files that were added, in order."""

AT_HAND = "own losses"
"""The name of a problem of losses that are at hand in Python, and in no file that could be named."""

_ADDED: dict[str, dict[str, type]] = {"estimators": {}, "problems": {}}


def names(kind: Kind) -> list[str]:
    """All names of a kind, those of other packages included; their modules are not imported."""
    return sorted({*_in_tree(kind), *_entry_points(kind), *_ADDED[kind]})


def find(kind: Kind, name: str) -> type:
    """The class behind a name.

    Raises:
        Invalid: if nothing of that name is known, or it cannot be imported.
    """
    name = meaning(name)[0] if kind == "estimators" else name
    if name in _ADDED[kind]:
        return _ADDED[kind][name]
    if name in _in_tree(kind):
        return _imported(_in_tree(kind)[name])
    if name in _entry_points(kind):
        return _from_entry_point(_entry_points(kind)[name])
    if name == AT_HAND:
        raise invalid("these losses were audited from Python; run that script again")
    raise invalid(f"unknown {kind[:-1]} {shown(name)}; {did_you_mean(name, _all_names(kind))}")


def _all_names(kind: Kind) -> set[str]:
    return {*names(kind), *(OTHER_NAMES if kind == "estimators" else ())}


def meant(name: str, options: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the name of an estimator in the table and all its options, given any of its names.

    Raises:
        Invalid: if an option is given that the shorthand sets itself.
    """
    own, preset = SHORTHANDS.get(name, (name, {}))
    if both := [key for key in preset if key in options]:
        wanted = f"{name} is {own} with {both[0]}: {preset[both[0]]}; write {own} for another {both[0]}"
        raise Invalid(Fault(wanted, (both[0],)))
    return meaning(name, options)


def build(kind: Kind, name: str, options: Mapping[str, Any]) -> Any:
    """A problem or an estimator from its name and the options as a scenario gives them.

    Raises:
        Invalid: with the path of each option that is unknown, missing or wrong.
    """
    if kind == "estimators":
        options = meant(name, options)[1]
    cls, what = find(kind, name), f"{kind[:-1]} {name}"
    if kind == "estimators":
        return construct(cls, options, what)
    with from_a_fixed_seed() if name not in _in_tree(kind) else nullcontext():
        return construct(cls, options, what).resolve()


def add_plugin(source: str) -> list[str]:
    """Add the estimators and problems of a module, or of a file that ends in `.py`.

    A module offers them as `ESTIMATORS` and `PROBLEMS`, tables from names to classes; with `LOSSES`, a table
    from names to functions, and their `MODEL` it is itself a problem, which has its name.
    Importing it runs its author's code.

    Returns:
        The names that were added.

    Raises:
        Invalid: if it cannot be imported, offers nothing, or a name is taken.
    """
    module = module_of(source)
    kinds: tuple[tuple[Kind, str], ...] = (("estimators", "ESTIMATORS"), ("problems", "PROBLEMS"))
    offered = {
        kind: dict(table_of(source, attribute, getattr(module, attribute, {}))) for kind, attribute in kinds
    }
    if hasattr(module, "LOSSES"):
        from bench.losses.plugin import problem_of  # late: the tables must be read without torch

        offered["problems"][Path(source).stem] = problem_of(module, source)
    for kind, table in offered.items():
        taken = _all_names(kind)
        for name, cls in table.items():
            # A file that was changed is added again, in a notebook say.
            if name in taken and getattr(_ADDED[kind].get(name), "__module__", "") != cls.__module__:
                raise invalid(f"plug-in {source}: the name {name!r} is taken")
    if not any(offered.values()):
        raise invalid(f"plug-in {source} offers nothing: it needs a table ESTIMATORS, PROBLEMS or LOSSES")
    for kind, table in offered.items():
        _ADDED[kind] |= table
    if source not in PLUGINS:
        PLUGINS.append(source)
    return [name for table in offered.values() for name in table]


def losses_at(source: str, options: Mapping[str, Any]) -> tuple[str, LossProblem]:
    """The problem of the losses in a module or a file, which is added, and its name.

    Raises:
        Invalid: if it cannot be imported, or offers no losses.
    """
    from bench.losses.plugin import TABLES
    from bench.losses.problem import LossProblem

    for name in add_plugin(source):
        if name in _ADDED["problems"] and issubclass(_ADDED["problems"][name], LossProblem):
            return name, build("problems", name, options)
    raise invalid(f"{source} offers no losses: wanted {TABLES}")


@contextmanager
def lent(name: str, problem: Problem) -> Iterator[None]:
    """Within it a problem that exists already has a name; it has no options.

    Raises:
        Invalid: if the name is taken.
    """
    if name in names("problems"):
        raise invalid(f"the name {name!r} is taken")

    class Lent(type(problem)):  # type: ignore[misc]
        """A class whose one instance is the problem itself."""

        def __new__(cls) -> Any:
            return problem

        def __init__(self) -> None:
            """Leave the problem as it is."""

    _ADDED["problems"][name] = Lent
    try:
        yield
    finally:
        del _ADDED["problems"][name]


def added_within(said: Any) -> tuple[type, ...]:
    """The classes of others that plain data name anywhere, in keys or words."""
    words = set(_words(said))
    found = {}
    for kind in _KINDS:
        for name in words.intersection({*_ADDED[kind], *_entry_points(kind)}):
            found[kind, name] = find(kind, name)
    return tuple(found[place] for place in sorted(found))


def _words(said: Any) -> Iterator[str]:
    if isinstance(said, str):
        yield said
    elif isinstance(said, Mapping):
        for key, value in said.items():
            yield from (*_words(key), *_words(value))
    elif isinstance(said, list):
        for value in said:
            yield from _words(value)


_KINDS: tuple[Kind, ...] = ("estimators", "problems")


def add_class(cls: type) -> list[str]:
    """Add an estimator or a problem under its own name in small letters, in place of an earlier one.

    Raises:
        Invalid: if it is neither, or the name is that of one of another author.
    """
    from bench.problem import Resolvable

    kind: Kind = "problems" if issubclass(cls, Resolvable) else "estimators"
    if not is_of(kind, cls):
        raise invalid(f"{cls.__name__} is neither an Estimator nor a Problem, or lacks a method")
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls.__name__).lower()
    if name in {*names(kind), *OTHER_NAMES} - set(_ADDED[kind]):
        raise invalid(f"plug-in {cls.__name__}: the name {name!r} is taken")
    _ADDED[kind][name] = cls
    return [name]


def estimators_at(place: str) -> dict[str, type]:
    """The estimators at `module:Class`, `file.py:Class`, or all of a `file.py`, by name.

    A file offers its table `ESTIMATORS` if it has one, else every estimator that it defines.
    Importing it runs its author's code.

    Raises:
        Invalid: if it cannot be imported, or there is no estimator.
    """
    return classes_at(place, "estimators")


def add_problems_at(place: str) -> list[str]:
    """Add the problems at a place, as of `estimators_at`, each under the name `place:Class`.

    Returns:
        The names.

    Raises:
        Invalid: if it cannot be imported, or there is no problem.
    """
    source = parted(place)[0]
    found = {f"{source}:{word}": cls for word, cls in classes_at(place, "problems").items()}
    _ADDED["problems"] |= found
    return list(found)


def options(kind: Kind, name: str) -> dict[str, str]:
    """The options of a plug-in: name -> its default as text, or "required"."""
    return described_options(find(kind, name))


def _in_tree(kind: Kind) -> Mapping[str, str]:
    return ESTIMATORS if kind == "estimators" else PROBLEMS


def _imported(address: str) -> type:
    module, _, attribute = address.partition(":")
    cls: type = getattr(importlib.import_module(module), attribute)
    return cls


@functools.cache
def _entry_points(kind: Kind) -> Mapping[str, importlib.metadata.EntryPoint]:
    return {entry.name: entry for entry in importlib.metadata.entry_points(group=f"bench.{kind}")}


def _from_entry_point(entry: importlib.metadata.EntryPoint) -> type:
    try:
        cls: type = entry.load()
    except Exception as error:
        raise invalid(f"plug-in {entry.name} ({entry.value}) cannot be imported: {error}") from error
    return cls
