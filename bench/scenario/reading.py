"""A scenario file, read: what it says, and where it says it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bench.errors import Fault, Invalid, KeyFault, Path, ScenarioError
from bench.scenario.document import Document, in_order, parsed, placed
from bench.scenario.given import text_of
from bench.scenario.labels import places_of, specs_of
from bench.scenario.overrides import Override, label, understood
from bench.scenario.repair import Repair, repaired
from bench.scenario.schema import Scenario


@dataclass(frozen=True)
class Swept:
    """An option that takes several values, at one of them.

    Attributes:
        text: the option and its value.
        said: the path of where its values are listed.
        path: the path at which the value now is.
    """

    text: str
    said: Path
    path: Path


@dataclass(frozen=True)
class Variant:
    """An estimator with the values of its options at one point of a sweep.

    Attributes:
        entry: its position in the list of estimators, as they were given.
        data: what a file would say.
        said: path within `data` -> the key of the sweep that said what is there.
    """

    entry: int
    data: Any
    said: Mapping[Path, str]

    def place(self, path: Path) -> Path:
        """The path at which something at a path within `data` was said."""
        keys = [key for inner, key in self.said.items() if path[: len(inner)] == inner]
        return ("sweep", "options", keys[0]) if keys else ("estimators", self.entry, *path)


@dataclass(frozen=True)
class Source:
    """The origin of the parts of a scenario: a file, or the command line.

    Attributes:
        text: the file as it was read.
        document: what the file says.
        overrides: what the command line says instead, as it was written, and at which path.
        swept: what the sweep says instead.
        variants: the estimators, written out; empty if they are as the file has them.
        repair: what was taken out of it, because it was wrong.
    """

    text: str
    document: Document
    overrides: tuple[tuple[str, Path], ...] = ()
    swept: tuple[Swept, ...] = ()
    variants: tuple[Variant, ...] = ()
    repair: Repair | None = None

    def lines(self, faults: Iterable[Fault]) -> list[str]:
        """Complaints as `file:line:column: message` or `--set key=value: message`, in order, each once.

        What comes of other mistakes is left out.
        """
        faults = [replace(fault, path=self._of_an_entry(fault.path)) for fault in faults]
        if self.repair is not None:
            faults = self.repair.told(faults)
        said = {(0, *position) for position, _ in self.document.faults}
        found = sorted({self._placed(fault) for fault in faults})
        return [line for where, line in found if where not in said]

    def _of_an_entry(self, path: Path) -> Path:
        if self.variants and len(path) > 1 and path[0] == "estimators":
            return self.variants[int(path[1])].place(path[2:])
        return path

    def _placed(self, fault: Fault) -> tuple[tuple[int, int, int], str]:
        for option in self.swept:
            if self._stems_from(option.path, fault.path):
                line, column = self.document.position(option.said, key=True)
                message = f"at {option.text}: {fault.message}"
                return (0, line, column), placed(self.document.file, (line, column), message)
        for number, (text, path) in reversed(list(enumerate(self.overrides))):
            if self._stems_from(path, fault.path):
                return (1, number, 0), f"{label(text)}: {fault.message}"
        line, column = self.document.position(fault.path, key=isinstance(fault, KeyFault))
        return (0, line, column), placed(self.document.file, (line, column), fault.message)

    def _stems_from(self, override: Path, path: Path) -> bool:
        within = path[: len(override)] == override
        # What the file lacks was made to hold the override.
        around = override[: len(path)] == path and path not in self.document
        return within or around


@dataclass(frozen=True)
class Draft:
    """A scenario as far as it can be read.

    Attributes:
        scenario: without what is wrong; None if nothing is left.
        source: where its parts were said.
        lines: what is wrong, in order.
    """

    scenario: Scenario | None
    source: Source
    lines: list[str]


def read(path: str | os.PathLike[str], overrides: Sequence[str] = ()) -> tuple[Scenario, Source]:
    """The scenario in a YAML file.

    Args:
        path: the file.
        overrides: `dotted.key=value`, the value in YAML, to use instead of what the file says.

    Raises:
        ScenarioError: with everything that is wrong and where it is, in order.
    """
    return read_text(text_of(path), os.fspath(path), overrides)


def read_text(text: str, file: str, overrides: Sequence[str] = ()) -> tuple[Scenario, Source]:
    """The scenario that a text in YAML describes.

    Args:
        text: the YAML.
        file: the name to use in complaints.
        overrides: `dotted.key=value`, the value in YAML, to use instead of what the text says.

    Raises:
        ScenarioError: with everything that is wrong and where it is, in order.
    """
    draft = drafted(text, file, overrides)
    if draft.lines or draft.scenario is None:
        raise ScenarioError(draft.lines)
    return draft.scenario, draft.source


def drafted(text: str, file: str, overrides: Sequence[str] = ()) -> Draft:
    """The scenario that a text in YAML describes, as far as it can be read, with all that is wrong with it.

    Args:
        text: the YAML.
        file: the name to use in complaints.
        overrides: `dotted.key=value`, the value in YAML, to use instead of what the text says.

    Raises:
        ScenarioError: if the text is no YAML.
    """
    sets, complaints = _understood(overrides)
    try:
        document = parsed(text, file)
    except ScenarioError as error:
        raise ScenarioError([*error.lines, *complaints]) from None
    data, applied, more = _applied(document.value, sets)
    source = Source(text, document, applied)
    changed = [path for _, path in applied]
    repair = repaired(_cut(_without_others(data, changed), changed))
    lines = [*source.lines(repair.faults), *complaints, *more]
    wrong = [placed(file, position, message) for position, message in document.faults]
    return Draft(repair.scenario, replace(source, repair=repair), in_order([*lines, *wrong], file))


def _without_others(data: Any, changed: Sequence[Path]) -> Any:
    """Return plain data without thresholds of estimators that a change of the estimators has left out."""
    if ("estimators",) not in changed or any(path[:1] == ("gate",) for path in changed):
        return data
    try:
        named = data["gate"]["estimators"]
        if (specs := specs_of(data["estimators"])) is None:
            return data
        left = {key: value for key, value in named.items() if places_of(key, specs)}
    except (AttributeError, LookupError, TypeError):
        return data
    return data | {"gate": data["gate"] | {"estimators": left}}


def _cut(data: Any, changed: Sequence[Path]) -> Any:
    """Return plain data without sample sizes of the gate that a change of the sweep has made moot."""
    sizes = ("sweep", "sample_sizes")
    data = _without_rival(data, changed)
    new = any(path == sizes[: len(path)] or path[:2] == sizes for path in changed)
    if not new or any(path[:1] == ("gate",) for path in changed):
        return data
    try:
        left = [N for N in data["gate"]["sample_sizes"] if N in data["sweep"]["sample_sizes"]]
    except (LookupError, TypeError):
        return data
    gate = {key: value for key, value in data["gate"].items() if key != "sample_sizes"}
    return data | {"gate": gate | ({"sample_sizes": left} if left else {})}


def _without_rival(data: Any, changed: Sequence[Path]) -> Any:
    """Return plain data without the one of sample sizes and evaluations that a change has replaced."""
    keys = {path[1] for path in changed if path[:1] == ("sweep",) and len(path) > 1}
    for new, old in (("sample_sizes", "evaluations"), ("evaluations", "sample_sizes")):
        if new in keys and old not in keys and isinstance(data.get("sweep"), dict):
            sweep = {key: value for key, value in data["sweep"].items() if key != old}
            data = data | {"sweep": sweep}
    return data


def _understood(texts: Iterable[str]) -> tuple[list[Override], list[str]]:
    overrides, complaints = [], []
    for text in texts:
        try:
            overrides.append(understood(text))
        except Invalid as error:
            complaints.append(f"{label(text)}: {error}")
    return overrides, complaints


def _applied(data: Any, overrides: Iterable[Override]) -> tuple[Any, tuple[tuple[str, Path], ...], list[str]]:
    applied, complaints = [], []
    for override in overrides:
        try:
            data, path = override.applied(data)
            applied.append((override.text, path))
        except Invalid as error:
            complaints.append(f"{label(override.text)}: {error}")
    return data, tuple(applied), complaints
