"""Deeds of foreign code that change no number, but are told of: prints and forks."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import TextIO

MOST_LINES = 20
"""Lines that foreign code prints in a cell which are passed on, to standard error; others are counted."""

_LONGEST = 40
_forks = 0


def _forked() -> None:
    global _forks
    _forks += 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_parent=_forked)


class Deeds:
    """Deeds within `told_of`, as text; empty if there were none."""

    text = ""


@contextmanager
def told_of() -> Iterator[Deeds]:
    """Count what is printed to standard output within, and how often the process is forked."""
    deeds, printed, forks = Deeds(), _Printed(sys.stderr), _forks
    with redirect_stdout(printed):
        yield deeds
    found = [printed.told()]
    if times := _forks - forks:
        found.append(f"it forked the process {times} time{'s' * (times != 1)}")
    deeds.text = "; ".join(filter(None, found))


class _Printed(io.TextIOBase):
    """Lines that are printed: the first ones are passed on, the others counted."""

    def __init__(self, onward: TextIO) -> None:
        self._onward, self._lines, self._first, self._begun = onward, 0, "", False

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        for line in text.splitlines(keepends=True):
            if not self._begun:
                self._lines += 1
            self._begun = not line.endswith("\n")
            if self._lines == 1:
                self._first += line[: _LONGEST + 1]
            if self._lines <= MOST_LINES:
                self._onward.write(line)
        return len(text)

    def told(self) -> str:
        """Say how much was printed; empty if nothing was."""
        if not self._lines:
            return ""
        first = self._first.strip()
        short = first if len(first) <= _LONGEST else f"{first[:_LONGEST]}…"
        return f"it printed {self._lines} line{'s' * (self._lines != 1)}, the first of which is {short!r}"
