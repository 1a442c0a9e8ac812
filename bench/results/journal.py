"""The journal of a run: which cell was begun, so that one within which the process ends is known."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from bench.results.folder_lock import writing

NAME = "journal.jsonl"


class Journal:
    """The journal in the folder of a run."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._path = folder, folder / NAME

    def begin(self, cell: str) -> None:
        """Note that a cell is measured from now on."""
        self._note("begin", cell)

    def piece(self, cell: str) -> None:
        """Note that a piece of a cell is kept."""
        self._note("piece", cell)

    def end(self, cell: str) -> None:
        """Note that a cell is finished."""
        self._note("end", cell)

    def stop(self) -> None:
        """Note that what was begun was stopped by the user, and is not to blame."""
        self._note("stop", "")

    def deaths(self) -> Counter[str]:
        """Deaths of the process within a cell, nothing of it kept: cell -> times."""
        deaths: Counter[str] = Counter()
        begun = ""
        for what, name in self._noted():
            if what == "begin":
                if begun:
                    deaths[begun] += 1
                begun = name
            else:
                begun = ""
                if what in ("end", "piece"):
                    deaths.pop(name, None)
                    begun = name if what == "piece" else ""
        if begun:
            deaths[begun] += 1
        return deaths

    def remove(self) -> None:
        """Remove it, if it is there."""
        self._path.unlink(missing_ok=True)

    def _note(self, what: str, name: str) -> None:
        with writing(self._folder), self._path.open("a") as file:
            file.write(json.dumps([what, name]) + "\n")

    def _noted(self) -> Iterator[tuple[str, str]]:
        if not self._path.is_file():
            return
        for line in self._path.read_text(errors="replace").splitlines():
            try:
                what, name = json.loads(line)
            except (ValueError, TypeError, RecursionError):
                continue  # the line at which a process was killed, or anything else
            yield str(what), str(name)
