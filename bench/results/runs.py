"""The runs in a folder: which there are, how far they are, how large."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bench.errors import Invalid
from bench.results import store
from bench.results.folder import read_record
from bench.results.plan_file import NAME, Plan, read_plan

State = Literal["finished", "interrupted", "unfinished", "damaged"]


@dataclass(frozen=True)
class Found:
    """A run in its folder.

    Attributes:
        folder: where.
        scenario: its name.
        state: "finished"; "interrupted" by the user, with tables of what was finished; "unfinished", as where
            the process was killed; or "damaged".
        started: when, as ISO 8601 has it; empty if that is not known.
        plan: what was asked for; None of a run that cannot be gone on with.
    """

    folder: Path
    scenario: str
    state: State
    started: str
    plan: Plan | None

    @property
    def is_finished(self) -> bool:
        """Whether nothing is left to be measured, as far as can be told without its scenario."""
        return self.state == "finished"

    @property
    def size(self) -> int:
        """In bytes."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())

    @property
    def cells(self) -> int:
        """The number of finished ones."""
        return len(list((self.folder / store.FOLDER).glob("*.cell")))


def runs_in(root: Path) -> Iterator[Found]:
    """The runs in a folder of scenarios, by scenario and time."""
    for folder in sorted(root.glob("*/*")):
        if (found := _found(folder)) is not None:
            yield found


def same_question(folder: Path, plan: Plan) -> list[Found]:
    """The runs in the folder of a scenario that ask for the same, but for how many replicates, by time."""
    every = [_found(each) for each in sorted(folder.glob("*"))]
    return [found for found in every if found is not None and found.plan and found.plan.asks_the_same(plan)]


def latest(runs: Iterable[Found]) -> Found | None:
    """The last of some runs, which are in order."""
    return max(runs, key=lambda found: found.folder.name, default=None)


def _found(folder: Path) -> Found | None:
    if not folder.is_dir() or not ((folder / "run.json").exists() or (folder / NAME).exists()):
        return None
    plan: Plan | None = None
    record: dict[str, Any] = {}
    state: State = "unfinished"
    try:
        plan = read_plan(folder) if (folder / NAME).exists() else None
        if (folder / "run.json").exists():
            record = read_record(folder)
            state = "interrupted" if record.get("interrupted") else "finished"
    except Invalid:
        state = "damaged"
    started = plan.started if plan is not None else str(record.get("started", ""))
    return Found(folder, folder.parent.name, state, started, plan)
