"""From a scenario that is ready to its results, measured and written."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from bench import catalogue
from bench.auditing.findings import findings, remarks
from bench.engine.stopping import stoppable
from bench.engine.timing import threads
from bench.engine.truth import Truth
from bench.results import folder as run_folder
from bench.results import frames
from bench.results.folder_lock import locked, writing
from bench.results.frames import Point
from bench.results.pictures import Pictures, pictures_in_range
from bench.results.plan_file import Plan, write_plan
from bench.results.provenance import provenance
from bench.results.replicate_file import Rows
from bench.results.replicate_rows import is_within_float32, rows_of, schema_of
from bench.results.run import Run
from bench.results.store import Store
from bench.running.manner import SERIAL, Manner
from bench.running.work import Tell, Wanted, Work
from bench.scenario.prepared import Prepared


def execute(
    prepared: Prepared,
    out: str | os.PathLike[str] = "results",
    tell: Tell = lambda _: None,
    manner: Manner = SERIAL,
) -> Run:
    """Run a scenario that is ready, and write its results into a new folder.

    Args:
        prepared: the scenario.
        out: the folder in which the run gets one of its own.
        tell: is told of the truth, then of each result, as they come.
        manner: by which processes it is measured, for example.

    Raises:
        Invalid: if no folder can be made; that is found before anything is measured.
        KeyboardInterrupt: if it is stopped before anything was measured.
        CannotWrite: if the disk is full, say; what was written until then stays.
    """
    with run_folder.new_folder(Path(out), prepared.scenario.name) as folder:
        return continued(prepared, folder, tell, manner)


def continued(
    prepared: Prepared,
    folder: Path,
    tell: Tell = lambda _: None,
    manner: Manner = SERIAL,
    what: Wanted = "missing",
) -> Run:
    """Run what of a scenario is not in the folder of a run yet, and write its tables anew.

    Args:
        prepared: the scenario.
        folder: of the run.
        tell: is told of the truth, then of each result, those that are there already first.
        manner: by which processes it is measured, for example.
        what: which cells are measured: those that are missing, those that failed, or nothing.

    Raises:
        Invalid: if another process writes into the folder.
        KeyboardInterrupt: if it is stopped before anything was measured.
        CannotWrite: if the disk is full, say; what was written until then stays.
    """
    started = datetime.now(UTC)
    plans = prepared.ready()
    with locked(folder), stoppable() as stop, threads(manner.threads):
        store = Store(folder, stop.check, manner.cells, manner.references)
        with writing(folder):
            store.prepare()
            write_plan(folder, plan_of(prepared, started))
        work = Work(plans, store, tell, what, stop.check, manner.workers, manner.on_error)
        try:
            interrupted = not work.done()
            notes = [*store.notes, *work.notes]
            record = _record(prepared, work.truths, manner.threads, started, interrupted, notes)
            record["findings"] = [] if interrupted else _findings(work.parts)
            record["notes"] += [remark for point in work.parts for remark in remarks(point.experiment)]
            record["stopped"] = work.stopped
            parts = work.parts
            run = Run(
                frames.judged(frames.measurements(parts)),
                run_folder.replicates_in(folder),
                record,
                frames.coordinates(parts),
                partial(_pictures, parts),
                folder,
            )
            with writing(folder):
                run_folder.write(run, _replicates(parts, store))
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
        tuple(catalogue.PLUGINS),
    )


def _replicates(done: Sequence[Point], store: Store) -> Rows:
    """The rows of all cells, read from their pieces one after the other."""
    narrow = is_within_float32(outcome for point in done for outcome in point.outcomes)
    schema = schema_of(pa.float32() if narrow else pa.float64())
    tables = (
        table
        for point in done
        for name, (cell, estimates) in frames.measured(point.experiment, point.outcomes).items()
        for piece in store.pieces(point.experiment, cell)
        for table in rows_of(name, estimates, piece, schema)
    )
    return Rows(schema, tables)


def _findings(done: Sequence[Point]) -> list[dict[str, Any]]:
    """Faults of losses of somebody's own, as far as they can be told."""
    return [
        found.plain()
        for point in done
        for found in findings(point.experiment.prepared, point.truth, point.outcomes)
    ]


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


def _pictures(done: Sequence[Point]) -> Pictures:
    """Return the pictures of all points that were reached, and once those that all points share."""
    parts = {each.experiment.point: each.experiment.problem.pictures() for each in done}
    first = next(iter(parts.values()), {})  # no truth, no points
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
