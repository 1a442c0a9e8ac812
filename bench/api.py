"""From a scenario that is ready to its results: run, write, draw."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench.engine.plan import Experiment
from bench.engine.run import Result
from bench.engine.run import run as measured
from bench.engine.timing import threads
from bench.engine.truth import Truth, truth_of
from bench.preparation import Prepared, prepare
from bench.report.frames import frames_of
from bench.runs import read_run
from bench.store import folder as run_folder
from bench.store import frames
from bench.store.provenance import provenance


@dataclass(frozen=True)
class Run:
    """What a run left.

    Attributes:
        folder: where.
        measurements: the table.
        figures: the pictures.
        interrupted: whether it was stopped before its end.
    """

    folder: Path
    measurements: pd.DataFrame
    figures: list[Path]
    interrupted: bool


def execute(
    prepared: Prepared,
    out: str | os.PathLike[str] = "results",
    tell: Callable[[Truth | Result], None] = lambda _: None,
    thread_count: int = 1,
) -> Run:
    """Run a scenario that is ready, and write what comes of it.

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
        tables = _tables(done)
        run_folder.write_tables(folder, tables)
        truths = [part.truth for part in done]
        record = _record(prepared, truths, thread_count, started, interrupted)
        run_folder.write_record(folder, record)
        run_folder.write_pictures(folder, _pictures([part.experiment for part in done]))
    figures = draw(folder)
    return Run(folder, tables["measurements"], figures, interrupted)


@dataclass(frozen=True)
class Done:
    """What came of one point of a scenario."""

    experiment: Experiment
    truth: Truth
    results: list[Result]


def _until_interrupted(prepared: Prepared, tell: Callable[[Truth | Result], None]) -> tuple[list[Done], bool]:
    """What was measured, and whether it is less than planned because the user stopped it."""
    done: list[Done] = []
    try:
        for planned in prepared.ready():
            truth = truth_of(planned.experiment)
            tell(truth)
            done.append(Done(planned.experiment, truth, []))
            for result in measured(planned.experiment, planned.cells, truth):
                done[-1].results.append(result)
                tell(result)
    except KeyboardInterrupt:
        if all(result.replication is None for part in done for result in part.results):
            raise
        return done, True
    return done, False


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
        "scenario": prepared.scenario.plain(),
        "text": text,
        "hash": sha256(text.encode()).hexdigest(),
        "overrides": [override for override, _ in prepared.source.overrides],
        "command": sys.argv,
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


def _pictures(experiments: Sequence[Experiment]) -> dict[str, np.ndarray]:
    """Those of all points that were reached; what is the same in all of them is there once."""
    parts = {each.point: each.problem.pictures() for each in experiments}
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
    return {label: first[label] for label in first if label in same} | own


def draw(folder: Path) -> list[Path]:
    """All figures of a run, into a folder within its own."""
    from bench.report.figures import draw_run  # late: matplotlib takes seconds that a plan need not wait

    run = read_run(folder)
    drawn, notices = frames_of(run, run_folder.load(folder, "coordinates"))
    return draw_run(folder / "figures", run, drawn, notices, run_folder.load_pictures(folder))


def run(
    path: str | os.PathLike[str],
    *,
    overrides: Sequence[str] = (),
    only: Sequence[str] | None = None,
    out: str | os.PathLike[str] = "results",
    small: bool = False,
) -> pd.DataFrame:
    """Run a scenario and write its results.

    Args:
        path: the YAML file.
        overrides: `dotted.key=value`, instead of what the file says.
        only: labels or names of the estimators to keep; None keeps all.
        out: the folder in which the run gets one of its own.
        small: whether to make it small, to see if it runs.

    Returns:
        The table of measurements; `attrs["run"]` is the folder of the run.

    Raises:
        ScenarioError: with everything that is wrong with the scenario, and where.
    """
    done = execute(prepare(path, overrides, only, small, confirmed=True), out)
    done.measurements.attrs["run"] = str(done.folder)
    return done.measurements


def load(folder: str | os.PathLike[str], table: str = "measurements") -> pd.DataFrame:
    """A table of an earlier run: measurements, coordinates or replicates.

    Raises:
        Invalid: if the folder is not that of a run.
    """
    return run_folder.load(Path(folder), table)
