"""A scenario as it is given: a file, a name, plain data, or what was read before; and its text."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

import yaml

from bench.errors import ScenarioError
from bench.scenario.document import placed, printable
from bench.scenario.shipped import located, scenario_files
from bench.scenario.tree import SIZE_LIMIT, position_after


@dataclass(frozen=True)
class Text:
    """A scenario as it was read from a file.

    Attributes:
        text: what was in it.
        file: its name in complaints.
    """

    text: str
    file: str


Said = str | os.PathLike[str] | Mapping[str, Any] | Text
"""A scenario as it is given: a file, the name of one in `scenarios` or of the package, or plain data."""

_DATA = "scenario"


def said(scenario: Said) -> tuple[str, str]:
    """The text of a scenario that is a file or plain data, and the name to use in complaints.

    Raises:
        ScenarioError: if there is no such file, or the data are not plain.
    """
    if isinstance(scenario, Text):
        return scenario.text, scenario.file
    if not isinstance(scenario, Mapping):
        file = located(os.fspath(scenario))
        return text_of(file), file
    try:
        return yaml.safe_dump(dict(scenario), sort_keys=False, allow_unicode=True), _DATA
    except yaml.YAMLError as error:
        first = str(error).splitlines()[0]
        raise ScenarioError([f"{_DATA}: wanted mappings, lists, texts and numbers: {first}"]) from None


def text_of(path: str | os.PathLike[str]) -> str:
    """The text in a file.

    Raises:
        ScenarioError: if there is none.
    """
    path = os.fspath(path)
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
    here = {file.stem: file.as_posix() for file in wanted.parent.glob("*.yaml")}
    named = {
        name: file.as_posix() if file.parts[0] == "scenarios" else name
        for name, file in scenario_files().items()
    }
    files = named | here
    near = difflib.get_close_matches(wanted.stem, files, n=1)
    return f" (did you mean {printable(files[near[0]] or near[0])}?)" if near else ""
