"""A scenario without the parts that are wrong, so that the rest of it is checked in the same pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import ValidationError

from bench.errors import Fault, Invalid, Path
from bench.scenario.messages import faults_of
from bench.scenario.schema import Scenario
from bench.scenario.strict_models import Missing
from bench.scenario.sweep_section import NO_SIZE, SIZES

_STAND_INS: dict[Path, Any] = {
    ("schema",): 1,
    ("name",): "stand-in",
    ("version",): 1,
    ("problem",): {
        "name": "expectation",
        "distribution": {"normal": {"loc": 0.0, "scale": 1.0}},
        "parameters": ["loc"],
        "cost": "z",
    },
    ("estimators",): ["reinforce"],
    ("sweep",): {"sample_sizes": [10**9]},
    ("sweep", "sample_sizes"): [10**9],
    ("sweep", "evaluations"): [10**9],
}
"""Path that must be there -> the value that stands there while the rest is checked."""

_CONSEQUENCES = ("missing", "too_short")
"""Errors that come of taking something out, in every pass but the first."""


@dataclass
class Repair:
    """A scenario as far as it can be read.

    Attributes:
        data: the plain data, less what was taken out.
        faults: what is wrong, with paths in the data as they were given.
        scenario: what is left; None if nothing is.
        silent: the paths below which nothing can be said, because something else is missing.
    """

    data: Any
    faults: list[Fault] = field(default_factory=list)
    scenario: Scenario | None = None
    silent: tuple[Path, ...] = ()
    _moved: dict[Path, list[int]] = field(default_factory=dict)
    _gone: set[Path] = field(default_factory=set)

    def original(self, path: Path) -> Path:
        """Return a path in the repaired data as it is in the data that were given."""
        found: Path = ()
        for part in path:
            if isinstance(part, int) and found in self._moved:
                part = self._moved[found][part]
            found = (*found, part)
        return found

    def without(self, error: ValidationError, first: bool) -> None:
        """Note what is wrong, and take it out."""
        found = faults_of(error, self.original, () if first else _CONSEQUENCES)
        if first and (fault := self._without_size()) is not None and fault not in found:
            found.append(fault)
        # What is said of the rest of something of which a part was taken out comes of that.
        self.faults += [each for each in found if first or not self._is_rest(each.path)]
        paths = {path for detail in error.errors() for path in self._to_go(detail)}
        # Of a list the last first, so that positions stay.
        for path in sorted(paths, key=lambda path: [str(part).zfill(9) for part in path], reverse=True):
            self._take_out(path)

    def _without_size(self) -> Fault | None:
        """A sweep without any size of estimates; the schema tells only where nothing else of it is wrong."""
        sweep = self.data.get("sweep") if isinstance(self.data, dict) else None
        lacks = isinstance(sweep, dict) and not SIZES & set(sweep)
        return Fault(NO_SIZE, ("sweep",)) if lacks else None

    def _is_rest(self, path: Path) -> bool:
        return bool(path) and any(gone[: len(path)] == path for gone in self._gone)

    def _to_go(self, detail: Any) -> list[Path]:
        """Return the paths of what is wrong by one error, as far as they lead."""
        path: Path = detail["loc"]
        if detail["type"] == "missing":
            return [path if path in _STAND_INS else path[:-1]]
        cause = detail.get("ctx", {}).get("error")
        if isinstance(cause, Missing):
            return [(*path, "sample_sizes")]  # of the two sizes the one that is named
        paths = [fault.path for fault in cause.under(*path).faults] if isinstance(cause, Invalid) else [path]
        return [_within(self.data, path) for path in paths]

    def _take_out(self, path: Path) -> None:
        self._gone.add(self.original(path))
        if not path:
            return
        *above, last = path
        around = _at(self.data, tuple(above))
        if path in _STAND_INS:
            around[last] = _copied(_STAND_INS[path])
        elif isinstance(around, list):
            whole = self.original(tuple(above))
            places = self._moved.setdefault(whole, list(range(len(around))))
            if isinstance(last, int) and last < len(around):
                del around[last], places[last]
        else:
            around.pop(last, None)

    def told(self, faults: Iterable[Fault]) -> list[Fault]:
        """Return faults of the repaired data that are to be told, at their paths in the data as given."""
        return self.heard(replace(fault, path=self.original(fault.path)) for fault in faults)

    def heard(self, faults: Iterable[Fault]) -> list[Fault]:
        """Return faults that do not come of others."""
        return [each for each in faults if not any(each.path[: len(p)] == p for p in self.silent)]

    def silenced(self) -> tuple[Path, ...]:
        """Return the paths below which nothing can be said without what was taken out."""
        return tuple(self._silenced())

    def _silenced(self) -> Iterator[Path]:
        options = self.data.get("sweep", {}).get("options", {})
        keys = [key for key in options if isinstance(key, str)]
        if ("problem",) in self._gone:
            yield from (("problem",), ("sweep", "zip"), ("sweep", "exclude"))
            yield from (("sweep", "options", key) for key in keys if key.startswith("problem."))
        if any(path[:2] == ("sweep", "options") for path in self._gone):
            yield from (("sweep", "zip"), ("sweep", "exclude"))
        if any(path[:1] == ("estimators",) for path in self._gone):
            yield ("gate", "estimators")
            yield from (("sweep", "options", key) for key in keys if key.startswith("estimators."))
        if ("replicates",) in self._gone:
            yield ("max_replicates",)
        if any(path[:2] in (("sweep",), ("sweep", "sample_sizes")) for path in self._gone):
            yield ("gate", "sample_sizes")


def repaired(data: Any, silent: tuple[Path, ...] = (), most: int = 20) -> Repair:
    """Return a scenario as far as it can be read from plain data, with all that is wrong with its layout.

    What is wrong is taken out and the rest read again, until nothing is wrong: some rules can only be
    checked when others hold.

    Args:
        data: the scenario.
        silent: paths below which nothing is to be said.
        most: passes after which the rest is given up.
    """
    repair, certain = Repair(_copied(data), silent=silent), 0
    for i in range(most):
        try:
            repair.scenario = Scenario.model_validate(repair.data)
            break
        except ValidationError as error:
            if not isinstance(data, dict):
                repair.faults += faults_of(error)
                break
            repair.without(error, first=i == 0)
            certain = certain or len(repair.faults)
    repair.silent += repair.silenced() if isinstance(repair.data, dict) else ()
    repair.faults = [*repair.faults[:certain], *repair.heard(repair.faults[certain:])]
    return repair


def _within(data: Any, path: Path) -> Path:
    """Return the longest beginning of a path that leads to something."""
    for i in range(len(path), 0, -1):
        try:
            _at(data, path[:i])
        except (LookupError, TypeError):
            continue
        return path[:i]
    return ()


def _at(data: Any, path: Path) -> Any:
    for part in path:
        data = data[part]
    return data


def _copied(data: Any) -> Any:
    """Return data in new lists and mappings, so that what is taken out stays in the others."""
    if isinstance(data, dict):
        return {key: _copied(value) for key, value in data.items()}
    return [_copied(value) for value in data] if isinstance(data, list) else data
