"""A scenario file, read: what it says, and where it says it."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from pydantic import ValidationError

from bench.errors import Fault, Invalid, KeyFault, Path, ScenarioError
from bench.scenario.document import Document, parse, placed, printable
from bench.scenario.messages import faults_of
from bench.scenario.overrides import Override, label, understood
from bench.scenario.schema import Scenario
from bench.scenario.tree import SIZE_LIMIT, position_after


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
class Source:
    """The origin of the parts of a scenario: a file, or the command line.

    Attributes:
        text: the file as it was read.
        document: what the file says.
        overrides: what the command line says instead, as it was written, and at which path.
        swept: what the sweep says instead.
    """

    text: str
    document: Document
    overrides: tuple[tuple[str, Path], ...] = ()
    swept: tuple[Swept, ...] = ()

    def lines(self, faults: Iterable[Fault]) -> list[str]:
        """Complaints as `file:line:column: message` or `--set key=value: message`, in order, each once."""
        return [line for _, line in sorted({self._placed(fault) for fault in faults})]

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


def read(path: str | os.PathLike[str], overrides: Sequence[str] = ()) -> tuple[Scenario, Source]:
    """The scenario in a YAML file.

    Args:
        path: the file.
        overrides: `dotted.key=value`, the value in YAML, to use instead of what the file says.

    Raises:
        ScenarioError: with everything that is wrong and where it is, in order.
    """
    return read_text(_text(os.fspath(path)), os.fspath(path), overrides)


def read_text(text: str, file: str, overrides: Sequence[str] = ()) -> tuple[Scenario, Source]:
    """The scenario that a text in YAML describes.

    Args:
        text: the YAML.
        file: the name to use in complaints.
        overrides: `dotted.key=value`, the value in YAML, to use instead of what the text says.

    Raises:
        ScenarioError: with everything that is wrong and where it is, in order.
    """
    sets, complaints = _understood(overrides)
    try:
        document = parse(text, file)
    except ScenarioError as error:
        raise ScenarioError([*error.lines, *complaints]) from None
    data, applied, more = _applied(document.value, sets)
    source = Source(text, document, applied)
    try:
        scenario = Scenario.model_validate(data)
    except ValidationError as error:
        raise ScenarioError([*source.lines(faults_of(error)), *complaints, *more]) from None
    if complaints or more:
        raise ScenarioError([*complaints, *more])
    return scenario, source


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


def _text(path: str) -> str:
    content = _content(path)
    if len(content) > SIZE_LIMIT:
        raise ScenarioError([placed(path, (1, 1), f"the file is too large: the limit is {SIZE_LIMIT} bytes")])
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        position = position_after(content[: error.start].decode())
        raise ScenarioError([placed(path, position, "the file is not text in UTF-8")]) from None


def _content(path: str) -> bytes:
    try:
        with FilePath(path).open("rb") as file:
            return file.read(SIZE_LIMIT + 1)
    except FileNotFoundError:
        raise ScenarioError([f"{printable(path)}: no such file{_suggestion(path)}"]) from None
    except IsADirectoryError:
        raise ScenarioError([f"{printable(path)}: a folder, not a file"]) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ScenarioError([f"{printable(path)}: cannot be read: {reason}"]) from None


def _suggestion(path: str) -> str:
    wanted = FilePath(path)
    folders = dict.fromkeys((wanted.parent, FilePath("scenarios")))
    files = {file.stem: file for folder in folders for file in sorted(folder.glob("*.yaml"), reverse=True)}
    near = difflib.get_close_matches(wanted.stem, files, n=1)
    return f" (did you mean {printable(files[near[0]].as_posix())}?)" if near else ""
