"""The state of a run: which cells are finished, failed or missing, and what changed since."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bench.engine.plan import Cell, Experiment, Planned
from bench.results.keys import Key, key_of_cell, unlike
from bench.results.store import FAILED, Store


@dataclass(frozen=True)
class CellState:
    """A cell of a plan, and what there is of it.

    Attributes:
        cell: the cell.
        point: of the scenario's sweep; empty where it has none.
        status: of its result, or "missing".
        reason: why it has no estimates; of a missing one what changed since it was measured.
        settings: the options of the problem over which the scenario ranges, with their values here.
    """

    cell: Cell
    point: str
    status: str
    reason: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class State:
    """The state of a run.

    Attributes:
        cells: all of the plan, in order.
        stale: how many finished cells in its folder are of no plan: something changed since.
    """

    cells: Sequence[CellState]
    stale: int

    def count(self, *statuses: str) -> int:
        """Count the cells that have one of some statuses."""
        return sum(each.status in statuses for each in self.cells)

    @property
    def done(self) -> int:
        """The number of cells that are finished and did not fail."""
        return len(self.cells) - self.count("missing", *FAILED)


def state_of(plans: Sequence[Planned], folder: Path) -> State:
    """The state of a run, by what is in its folder; the parts themselves are not all read."""
    store = Store(folder)
    kept = store.keys()
    wanted = [(planned.experiment, cell) for planned in plans for cell in planned.cells]
    keys = [store.key(*each) for each in wanted]
    stale = [key for key in kept if key not in keys]
    cells = [
        replace(_state(store, experiment, cell, key, stale), settings=experiment.settings)
        for (experiment, cell), key in zip(wanted, keys, strict=True)
    ]
    return State(cells, len(stale))


def _state(
    store: Store, experiment: Experiment, cell: Cell, key: Key | None, stale: Sequence[Key]
) -> CellState:
    if cell.status != "ok":
        return CellState(cell, experiment.point, cell.status, cell.reason)
    found = store.status(experiment, cell)
    if found is not None:
        return CellState(cell, experiment.point, *found)
    key = key_of_cell(experiment, cell, None) if key is None else key
    changes = [unlike(key, other) for other in stale if _place(other) == _place(key)]
    fewest = min(changes, key=lambda found: len(found), default=[])
    return CellState(cell, experiment.point, "missing", "; ".join(fewest))


def _place(key: Key) -> str:
    """The name of a cell, whatever its numbers depend on."""
    problem = str(key.get("problem"))
    estimator = key.get("estimator")
    options = [estimator.get(name) for name in ("name", "options")] if isinstance(estimator, dict) else []
    return json.dumps([problem, options, *(key.get(name) for name in ("sample_size", "device", "dtype"))])
