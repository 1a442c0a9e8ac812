"""Tables of columns and rows, for a terminal and as Markdown."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, zip_longest
from typing import Any, Literal

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from bench.text.labels import code, markdown

Row = Any
"""The subject of a row, of which columns are functions."""

WIDEST = 120
"""Columns of characters: longer lines are hard to follow with the eye; a matter of taste."""

GAP = 2
_NARROWEST = 24
"""The room in characters that a column of text is never refused."""


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        name: its heading.
        text: a function of a row to its text.
        brief: another that says less, for where there is no room; None to leave the column out there.
        yields: its place in the order of those that give way, first the lowest; None to stay.
        align: the edge to which its texts are aligned.
        key: whether it identifies the row, so that rows without numbers have it, too.
        wraps: whether it holds text that may be broken into lines, in the room that others leave.
        style: a function of a text to its look on a terminal, as rich names it.
    """

    name: str
    text: Callable[[Row], str]
    brief: Callable[[Row], str] | None = None
    yields: int | None = None
    align: Literal["left", "right"] = "right"
    key: bool = False
    wraps: bool = False
    style: Callable[[str], str] = lambda _: ""

    def padded(self, text: str, width: int) -> str:
        """Return a text with spaces up to a width."""
        space = " " * (width - cell_len(text))
        return space + text if self.align == "right" else text + space


@dataclass(frozen=True)
class Table:
    """Columns and rows; `rich` prints it. Labels in it are data, not markup.

    Attributes:
        columns: from the left to the right.
        rows: from the top to the bottom.
        group: a function of a row to a heading, which rows that follow one another share; empty for none.
        heading: the name of that as a column.
        across: a function of a row to what is written across it, in place of numbers; empty for none.
        notes: lines below.
    """

    columns: Sequence[Column]
    rows: Sequence[Row]
    group: Callable[[Row], str] = lambda _: ""
    heading: str = "estimator"
    across: Callable[[Row], str] = lambda _: ""
    notes: Sequence[str] = ()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        room = min(options.max_width, WIDEST)
        columns = self.fitted(room, cell_len, GAP)
        widths = [int(self.width(column, cell_len)) for column in columns]
        lacking = min(room - sum(widths) - GAP * (len(widths) - 1), 0)
        fitted = [(c, w + lacking * c.wraps) for c, w in zip(columns, widths, strict=True)]
        yield _line((c.padded(c.name, width), "") for c, width in fitted)
        yield Text("─" * (sum(width for _, width in fitted) + GAP * (len(fitted) - 1)))
        for name, rows in groupby(self.rows, self.group):
            yield from (Text(line, style="bold") for line in (wrapped(name, room) if name else ()))
            for row in rows:
                yield from self._row(row, fitted, room)
        yield from (Text(line, style="dim") for note in self.notes for line in wrapped(note, room))

    def _row(self, row: Row, fitted: Sequence[tuple[Column, int]], room: int) -> Iterator[Text]:
        if said := self.across(row):
            keys = [c.padded(c.text(row), width) for c, width in fitted if c.key]
            start = (" " * GAP).join([*keys, ""])
            yield from (Text(line, style="dim") for line in wrapped(said, room, start))
            return
        cells = [wrapped(c.text(row), width) if c.wraps else [c.text(row)] for c, width in fitted]
        for texts in zip_longest(*cells, fillvalue=""):
            shown = zip(fitted, texts, strict=True)
            yield _line((c.padded(text, width), c.style(text)) for (c, width), text in shown)

    def fitted(self, room: float, measure: Callable[[str], float], gap: float) -> list[Column]:
        """Return the columns that find room, after others have given way: briefer ones, and fewer.

        `measure` gives the width of a text, in the same units as the room and the gap between columns.
        """
        kept = list(self.columns)
        for giver in sorted((c for c in kept if c.yields is not None), key=lambda c: c.yields or 0):
            widths = [self.width(c, measure) for c in kept]
            least = [min(w, _NARROWEST) if c.wraps else w for c, w in zip(kept, widths, strict=True)]
            if sum(least) + gap * (len(kept) - 1) <= room:
                break
            at = kept.index(giver)
            kept[at : at + 1] = [replace(giver, text=giver.brief)] if giver.brief else []
        return kept

    def width(self, column: Column, measure: Callable[[str], float]) -> float:
        """Return the width of a column; texts across a row widen only those that identify it."""
        shown = (row for row in self.rows if column.key or not self.across(row))
        return max(measure(column.name), *(measure(column.text(row)) for row in shown), 0)

    def markdown(self) -> str:
        """Return a Markdown table that is also aligned as plain text, and the notes below it."""
        first = Column(self.heading, self.group, align="left")
        columns = [first, *self.columns] if any(map(self.group, self.rows)) else list(self.columns)
        shown = []
        for column in columns:
            escaped = code if column is first else markdown
            texts = [column.name, *(escaped(column.text(row)) for row in self.rows)]
            width = max(3, *map(cell_len, texts))
            heading, *padded = (column.padded(text, width) for text in texts)
            shown.append([heading, "-" * (width - 1) + (":" if column.align == "right" else "-"), *padded])
        lines = (f"| {' | '.join(line)} |" for line in zip(*shown, strict=True))
        return "\n".join([*lines, "", *(f"{markdown(note)}  " for note in self.notes)]) + "\n"


def as_text(table: Table, lines: Iterable[str] = ()) -> str:
    """Return a table as it is printed where there is room, and lines below it."""
    file = io.StringIO()
    Console(file=file, width=WIDEST, color_system=None, force_jupyter=False).print(table)
    return "\n".join([file.getvalue().rstrip("\n"), *lines])


def wrapped(text: str, room: int, start: str = "") -> list[str]:
    """Return a text as lines of words; those after the first begin where its words begin."""
    room, indent = max(room, _NARROWEST), " " * len(start)
    return textwrap.wrap(text, room, initial_indent=start, subsequent_indent=indent) or [start]


def _line(cells: Iterable[tuple[str, str]]) -> Text:
    """Return texts with their styles as one line."""
    line = Text(" " * GAP).join(Text(text, style) for text, style in cells)
    line.rstrip()
    return line
