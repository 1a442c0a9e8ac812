"""The plain data that a YAML text stands for, where each part was said, and what is wrong with it."""

from __future__ import annotations

import re
from typing import Any, NoReturn

import yaml

from bench.errors import Invalid, Path, shown
from bench.scenario.scalars import Scalar, meaning

Position = tuple[int, int]
"""Line and column, both from 1."""

SIZE_LIMIT = 2**20
"""Bytes in a text."""

DEPTH_LIMIT = 32
"""Collections inside one another."""

NODE_LIMIT = 100_000
"""Keys, values and collections in a text."""

# Line breaks other than \n and \r are left out too: editors and YAML count them differently.
_UNPRINTABLE = re.compile(
    "[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_LINE_BREAK = re.compile(r"\r\n?|\n")


class Tree:
    """A YAML text as plain data; made once, from beginning to end.

    Collections are built from the parser's events, so that nothing that is nested too
    deeply, repeats itself through aliases or asks for a type by a tag is ever made.

    Attributes:
        value: dicts, lists and scalars; of no use where there are faults.
        empty: whether the text says nothing at all.
        whole: whether it was read to its end.
        faults: what is wrong, with the position, in the order in which it was met.
        values: path -> where the value begins.
        keys: path -> where the key begins, for the values of mappings.
    """

    def __init__(self, text: str) -> None:
        self.value: Any = None
        self.empty = self.whole = False
        self.faults: list[tuple[Position, str]] = []
        self.values: dict[Path, Position] = {}
        self.keys: dict[Path, Position] = {}
        self._nodes = 0
        try:
            self._check_size(text)
            text = text.removeprefix("\ufeff")  # the byte order mark that some editors write
            self._check_characters(text)
            self._build(text)
        except _Stop:
            pass

    def _check_size(self, text: str) -> None:
        size = len(text.encode("utf-8", "surrogatepass"))
        if size > SIZE_LIMIT:
            self._stop((1, 1), f"the text is too large: {size} bytes, the limit is {SIZE_LIMIT}")

    def _check_characters(self, text: str) -> None:
        found = _UNPRINTABLE.search(text)
        if found:
            self._stop(
                position_after(text[: found.start()]), f"the character {shown(found.group())} is not allowed"
            )

    def _build(self, text: str) -> None:
        self._parser: Any = yaml.SafeLoader(text)
        try:
            self._document()
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            self._fault(_of(mark) if mark else self._here(), _syntax_message(error))
        # PyYAML lets these through for numbers that are out of range, as in "\UFFFFFFFF".
        except (yaml.YAMLError, ValueError, OverflowError):
            self._fault(self._here(), "not YAML: a number in an escape or a directive is out of range")

    def _document(self) -> None:
        self._next()  # the beginning of the stream
        start = self._next()
        if isinstance(start, yaml.StreamEndEvent):
            self.empty = True
            return
        if start.version not in (None, (1, 2)):
            self._fault(_of(start.start_mark), "the text is read as YAML 1.2; leave the %YAML line out")
        root = self._next()
        self.empty = isinstance(root, yaml.ScalarEvent) and root.implicit[0] and not root.value
        self.value = self._node(root, ())
        self._next()  # the end of the document
        end = self._next()
        if not isinstance(end, yaml.StreamEndEvent):
            self._fault(_of(end.start_mark), "a second document begins here; a file holds one")
        self.whole = True

    def _node(self, event: Any, path: Path) -> Any:
        position = self._admitted(event)
        self.values[path] = position
        if isinstance(event, yaml.AliasEvent):
            return None
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        if len(path) >= DEPTH_LIMIT:
            self._stop(position, f"nested too deeply: the limit is {DEPTH_LIMIT} levels")
        return self._mapping(path) if isinstance(event, yaml.MappingStartEvent) else self._sequence(path)

    def _sequence(self, path: Path) -> list[Any]:
        found: list[Any] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            found.append(self._node(event, (*path, len(found))))
        return found

    def _mapping(self, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            position = _of(event.start_mark)
            key = self._key(event, path)
            if key in found:
                earlier = self.keys[(*path, key)][0]
                message = f"the key {shown(key)} is given twice, on line {earlier} and on line {position[0]}"
                self._fault(position, message)
            self.keys[(*path, key)] = position
            found[key] = self._node(self._next(), (*path, key))
        return found

    def _key(self, event: Any, path: Path) -> str:
        """The key, or a stand-in for one that is at fault; stand-ins differ."""
        faults = len(self.faults)
        key = self._node(event, (*path, ""))
        position = _of(event.start_mark)
        if isinstance(event, yaml.ScalarEvent) and event.implicit[0] and key == "<<":
            self._fault(position, "merge keys (<<) are not allowed; write the keys out")
        elif len(self.faults) == faults and not isinstance(key, str):
            self._fault(position, f"a key must be text, got {shown(key)}; put it in quotes")
        return key if len(self.faults) == faults else f"\0{faults}"

    def _scalar(self, event: Any) -> Scalar:
        try:
            value = meaning(event.value) if event.implicit[0] else event.value
        except Invalid as error:
            self._fault(_of(event.start_mark), str(error))
            return None
        found = _UNPRINTABLE.search(event.value)
        if found:
            self._fault(_of(event.start_mark), f"the character {shown(found.group())} is not allowed in text")
        return value

    def _admitted(self, event: Any) -> Position:
        position = _of(event.start_mark)
        self._nodes += 1
        if self._nodes > NODE_LIMIT:
            self._stop(position, f"too many parts: the limit is {NODE_LIMIT}")
        if isinstance(event, yaml.AliasEvent):
            self._fault(
                position, f"aliases are not allowed (*{_short(event.anchor)}); write the value out again"
            )
        elif event.anchor is not None:
            self._fault(position, f"anchors are not allowed (&{_short(event.anchor)}); leave it out")
        if getattr(event, "tag", None) is not None:
            self._fault(position, f"tags are not allowed ({shown(event.tag)}); leave it out")
        return position

    def _next(self) -> Any:
        return self._parser.get_event()

    def _here(self) -> Position:
        return self._parser.line + 1, self._parser.column + 1

    def _fault(self, position: Position, message: str) -> None:
        self.faults.append((position, message))

    def _stop(self, position: Position, message: str) -> NoReturn:
        self._fault(position, message)
        raise _Stop


class _Stop(Exception):
    """The end of reading: the rest cannot or must not be read."""


def position_after(text: str) -> Position:
    """The position of what comes after a text that begins a file."""
    lines = _LINE_BREAK.split(text)
    return len(lines), len(lines[-1]) + 1


def _of(mark: Any) -> Position:
    return mark.line + 1, mark.column + 1


def _short(anchor: str | None) -> str:
    return shown(anchor)[1:-1]


def _syntax_message(error: yaml.MarkedYAMLError) -> str:
    said = error.problem or error.context or "it cannot be understood"
    if error.problem and error.context:
        began = f" that began on line {error.context_mark.line + 1}" if error.context_mark else ""
        said += f" ({error.context}{began})"
    if said.startswith("mapping values are not allowed"):
        said += "; a text with a colon and a space in it needs quotes"
    return f"not YAML: {said[:300]}"
