"""From a scenario that is ready to its results, measured and written."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from bench.catalogue import PLUGINS
from bench.engine.stopping import stoppable
from bench.engine.timing import threads
from bench.engine.truth import Truth
from bench.results import folder as run_folder
from bench.results import frames
from bench.results.folder_lock import locked, writing
from bench.results.part_cache import PartCache
from bench.results.pictures import Pictures, pictures_in_range
from bench.results.plan_file import Plan, write_plan
from bench.results.provenance import provenance
from bench.results.run import Run
from bench.results.store import Store
from bench.running.crew import Workers
from bench.running.work import Done, Tell, Wanted, Work
from bench.scenario.prepared import Prepared


class Caches(NamedTuple):
    """Folders that runs share.

    Attributes:
        cells: where finished cells are found and kept; None for nowhere.
        references: the same of long references.
    """

    cells: PartCache | None
    references: PartCache | None


ALONE = Caches(None, None)


def execute(
    prepared: Prepared,
    out: str | os.PathLike[str] = "results",
    tell: Tell = lambda _: None,
    thread_count: int = 1,
    caches: Caches = ALONE,
    workers: Workers | None = None,
) -> Run:
    """Run a scenario that is ready, and write its results into a new folder.

    Args:
        prepared: the scenario.
        out: the folder in which the run gets one of its own.
        tell: is told of the truth, then of each result, as they come.
        thread_count: how many processor threads torch may use. Small tensors are slowed
            by a second one, and timings on one are comparable.
        caches: what is shared with other runs.
        workers: the processes that measure; None for this one.

    Raises:
        Invalid: if no folder can be made; that is found before anything is measured.
        KeyboardInterrupt: if it is stopped before anything was measured.
        CannotWrite: if the disk is full, say; what was written until then stays.
    """
    with run_folder.new_folder(Path(out), prepared.scenario.name) as folder:
        return continued(prepared, folder, tell, thread_count, caches=caches, workers=workers)


def continued(
    prepared: Prepared,
    folder: Path,
    tell: Tell = lambda _: None,
    thread_count: int = 1,
    what: Wanted = "missing",
    caches: Caches = ALONE,
    workers: Workers | None = None,
) -> Run:
    """Run what of a scenario is not in the folder of a run yet, and write its tables anew.

    Args:
        prepared: the scenario.
        folder: of the run.
        tell: is told of the truth, then of each result, those that are there already first.
        thread_count: how many processor threads torch may use.
        what: which cells are measured: those that are missing, those that failed, or nothing.
        caches: what is shared with other runs.
        workers: the processes that measure; None for this one.

    Raises:
        Invalid: if another process writes into the folder.
        KeyboardInterrupt: if it is stopped before anything was measured.
        CannotWrite: if the disk is full, say; what was written until then stays.
    """
    started = datetime.now(UTC)
    plans = prepared.ready()
    with locked(folder), stoppable() as stop, threads(thread_count):
        store = Store(folder, stop.check, *caches)
        with writing(folder):
            store.prepare()
            write_plan(folder, plan_of(prepared, started))
        work = Work(plans, store, tell, what, stop.check, workers)
        try:
            interrupted = not work.done()
            record = _record(
                prepared, work.truths, thread_count, started, interrupted, [*store.notes, *work.notes]
            )
            parts = work.parts
            run = Run(**_tables(parts), record=record, pictures=partial(_pictures, parts), folder=folder)
            with writing(folder):
                run_folder.write(run)
        except BaseException:
            store.discard_if_empty()
            raise
    return run


def plan_of(prepared: Prepared, started: datetime | None = None) -> Plan:
    """The question of a run, as it is kept in its folder."""
    source = prepared.source
    return Plan(
        source.document.file,
        source.text,
        tuple(override for override, _ in source.overrides),
        prepared.only,
        prepared.small,
        (started or datetime.now(UTC)).isoformat(),
        tuple(PLUGINS),
    )


def _tables(done: Sequence[Done]) -> dict[str, pd.DataFrame]:
    parts = [(part.experiment, part.truth, part.results) for part in done]
    return {
        "measurements": frames.joined([frames.measurements(*part) for part in parts], "measurements"),
        "coordinates": frames.joined([frames.coordinates(*part) for part in parts], "coordinates"),
        "replicates": frames.joined([frames.replicates(*part) for part in parts], "replicates"),
    }


def _record(
    prepared: Prepared,
    truths: Sequence[Truth],
    thread_count: int,
    started: datetime,
    interrupted: bool,
    notes: Sequence[str],
) -> dict[str, Any]:
    text = prepared.source.text
    return {
        "schema": run_folder.SCHEMA,
        "scenario": prepared.scenario.plain(),
        "text": text,
        "hash": sha256(text.encode()).hexdigest(),
        "overrides": [override for override, _ in prepared.source.overrides],
        # Of the program its name alone: where it is on a machine is of no use to others.
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
        "threads": thread_count,
        "truth": {
            "kind": " and ".join(dict.fromkeys(truth.kind for truth in truths)),
            "note": "; ".join(dict.fromkeys(truth.note for truth in truths if truth.note)),
        },
        "started": started.isoformat(),
        "finished": datetime.now(UTC).isoformat(),
        "interrupted": interrupted,
        "notes": list(notes),
        **provenance(),
    }


def _pictures(done: Sequence[Done]) -> Pictures:
    """Return the pictures of all points that were reached, and once those that all points share."""
    parts = {each.experiment.point: each.experiment.problem.pictures() for each in done}
    first = next(iter(parts.values()))
    same = {
        label
        for label, images in first.items()
        if all(np.array_equal(images, part.get(label, [])) for part in parts.values())
    }
    own = {
        f"{label}, {point}": images
        for point, part in parts.items()
        for label, images in part.items()
        if label not in same
    }
    return pictures_in_range({label: first[label] for label in first if label in same} | own)
