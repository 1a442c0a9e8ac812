"""From a scenario that is ready to its results, measured and written."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench.engine.cell_evidence import accusing
from bench.engine.plan import Experiment
from bench.engine.run import Result
from bench.engine.run import run as measured
from bench.engine.timing import threads
from bench.engine.truth import Truth, confirmed_again, truth_of
from bench.results import folder as run_folder
from bench.results import frames
from bench.results.pictures import Pictures, pictures_in_range
from bench.results.provenance import provenance
from bench.results.run import Run
from bench.scenario.prepared import Prepared


def execute(
    prepared: Prepared,
    out: str | os.PathLike[str] = "results",
    tell: Callable[[Truth | Result], None] = lambda _: None,
    thread_count: int = 1,
) -> Run:
    """Run a scenario that is ready, and write its results.

    Args:
        prepared: the scenario.
        out: the folder in which the run gets one of its own.
        tell: is told of the truth, then of each result, as they come.
        thread_count: how many processor threads torch may use. Small tensors are slowed
            by a second one, and timings on one are comparable.

    Raises:
        Invalid: if no folder can be made; that is found before anything is measured.
        KeyboardInterrupt: if it is stopped before anything was measured.
    """
    started = datetime.now(UTC)
    with run_folder.new_folder(Path(out), prepared.scenario.name) as folder:
        with threads(thread_count):
            done, interrupted = _until_interrupted(prepared, tell)
        truths = [part.truth for part in done]
        record = _record(prepared, truths, thread_count, started, interrupted)
        run = Run(**_tables(done), record=record, pictures=partial(_pictures, done), folder=folder)
        run_folder.write(run)
    return run


@dataclass(frozen=True)
class Done:
    """The results at one point of a scenario."""

    experiment: Experiment
    truth: Truth
    results: list[Result]


def _until_interrupted(prepared: Prepared, tell: Callable[[Truth | Result], None]) -> tuple[list[Done], bool]:
    """Return the results, and whether they are fewer than planned because the user stopped the run."""
    done: list[Done] = []
    try:
        for planned in prepared.ready():
            truth = truth_of(planned.experiment)
            tell(truth)
            done.append(Done(planned.experiment, truth, []))
            for result in measured(planned.experiment, planned.cells, truth):
                done[-1].results.append(result)
                tell(result)
            done[-1] = _looked_at_again(done[-1], tell)
    except KeyboardInterrupt:
        if all(result.replication is None for part in done for result in part.results):
            raise
        return done, True
    return done, False


def _looked_at_again(part: Done, tell: Callable[[Truth | Result], None]) -> Done:
    """Return the results, with the truth disputed if as many draws as accuse an estimator refute it."""
    if part.truth.kind in ("reference", "disputed", "none"):
        return part
    count = max((accusing(part.experiment, part.truth, result) for result in part.results), default=0)
    if not count:
        return part
    truth = confirmed_again(part.experiment, part.truth, count)
    if truth.kind != part.truth.kind:
        tell(truth)
    return replace(part, truth=truth)


def _tables(done: Sequence[Done]) -> dict[str, pd.DataFrame]:
    parts = [(part.experiment, part.truth, part.results) for part in done]
    return {
        "measurements": frames.joined([frames.measurements(*part) for part in parts], "measurements"),
        "coordinates": frames.joined([frames.coordinates(*part) for part in parts], "coordinates"),
        "replicates": frames.joined([frames.replicates(*part) for part in parts], "replicates"),
    }


def _record(
    prepared: Prepared, truths: Sequence[Truth], thread_count: int, started: datetime, interrupted: bool
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
