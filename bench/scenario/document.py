"""A YAML file as plain data, in which every value and every key knows its line and column."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from bench.errors import Path, ScenarioError
from bench.scenario import written
from bench.scenario.tree import Position, Tree


@dataclass(frozen=True)
class Document:
    """Plain data and where it was said.

    Attributes:
        value: dicts, lists and scalars.
        file: the name under which the text is known.
        faults: what is wrong with the YAML, though it could be read to its end.
    """

    value: Any
    file: str
    _text: str = field(repr=False)
    faults: tuple[tuple[Position, str], ...] = ()

    def __contains__(self, path: Path) -> bool:
        return path in self._tree.values

    def position(self, path: Path, key: bool = False) -> Position:
        """The line and the column, both from 1, of a value or of its key.

        Where there is nothing at the path, those of the nearest value around it.
        """
        keys, values = self._tree.keys, self._tree.values
        if key and path in keys:
            return keys[path]
        while path and path not in values:
            path = path[:-1]
        return values.get(path, (1, 1))

    @cached_property
    def _tree(self) -> Tree:
        return Tree(self._text)


def parse(text: str, file: str) -> Document:
    """A text in YAML 1.2 (core schema) as plain data.

    Refused are, for the reader's sake and the machine's: duplicate and non-text keys,
    anchors, aliases, merge keys, tags, several documents, numbers that are not finite,
    control characters, and what is too large or nested too deeply.

    Args:
        text: the YAML.
        file: the name to use in complaints.

    Raises:
        ScenarioError: with everything that is wrong.
    """
    document = parsed(text, file)
    if document.faults:
        raise _error(file, document.faults)
    return document


def parsed(text: str, file: str) -> Document:
    """A text in YAML as `parse` gives it; what is refused in it is noted, if it can be read to its end.

    Raises:
        ScenarioError: if it cannot.
    """
    if (value := written.read(text)) is not None:
        return Document(value, file, text)  # which makes its tree when a position is asked for
    tree = Tree(text)
    if tree.empty or not tree.whole:
        raise _error(file, tree.faults or [((1, 1), "the file is empty")])
    document = Document(tree.value, file, text, tuple(tree.faults))
    vars(document)["_tree"] = tree
    return document


def _error(file: str, faults: Iterable[tuple[Position, str]]) -> ScenarioError:
    return ScenarioError([placed(file, position, message) for position, message in sorted(faults)])


def placed(file: str, position: Position, message: str) -> str:
    """A complaint as compilers write it: `file:line:column: message`."""
    line, column = position
    return f"{printable(file)}:{line}:{column}: {message}"


def in_order(lines: Iterable[str], file: str) -> list[str]:
    """Complaints, each once: by line and column, then those that are of no place in the file."""
    found = {line: _place(file).match(line) for line in lines}
    return sorted(found, key=lambda line: [*map(int, at.groups())] if (at := found[line]) else [math.inf])


def unplaced(line: str, file: str) -> str:
    """Return a complaint without its line and column."""
    return _place(file).sub(f"{printable(file)}: ", line)


def _place(file: str) -> re.Pattern[str]:
    return re.compile(rf"^{re.escape(printable(file))}:(\d+):(\d+): ")


def printable(text: str, limit: int | None = None) -> str:
    """A text in which characters that do not print are escaped; what is beyond the limit is cut."""
    escaped = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
    return escaped if limit is None or len(escaped) <= limit else escaped[: limit - 1] + "…"
