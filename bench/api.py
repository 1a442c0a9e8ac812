"""From a scenario to its results: load, build, run, write, draw."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pandas as pd

from bench.build import experiment_of, quick
from bench.engine.plan import Cell, Experiment, NamedEstimator, numbers, plan
from bench.engine.run import Result
from bench.engine.run import run as measured
from bench.engine.timing import threads
from bench.engine.truth import Truth, truth_of
from bench.errors import did_you_mean, shown
from bench.report.figures import draw_run
from bench.scenario import Scenario, ScenarioError, Source, read
from bench.store import folder as run_folder
from bench.store import frames
from bench.store.provenance import provenance
from estimators import ALIASES

LARGEST = 10**11
"""A run that takes more numbers than this, some minutes' worth, must be confirmed."""


@dataclass(frozen=True)
class Prepared:
    """A scenario that is ready to run."""

    scenario: Scenario
    source: Source
    experiment: Experiment
    cells: list[Cell]


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


def prepare(
    path: str | os.PathLike[str],
    overrides: Sequence[str] = (),
    only: Sequence[str] | None = None,
    small: bool = False,
    confirmed: bool = False,
) -> Prepared:
    """Read a scenario, look its names up, and plan its cells.

    Args:
        path: the YAML file.
        overrides: `dotted.key=value`, instead of what the file says.
        only: labels or names of the estimators to keep; None keeps all.
        small: whether to make it small, to see if it runs.
        confirmed: whether it may be very large.

    Raises:
        ScenarioError: with everything that is wrong with it.
    """
    scenario, source = read(path, overrides)
    scenario = quick(scenario) if small else scenario
    experiment = experiment_of(scenario, source)
    if only is not None:
        experiment = replace(experiment, estimators=_selected(experiment.estimators, only))
    cells = plan(experiment)
    size = numbers(experiment, cells)
    if size > LARGEST and not confirmed:
        raise ScenarioError(
            [f"{os.fspath(path)}: {len(cells)} cells take {size:.1e} numbers; if that is meant, add --yes"]
        )
    return Prepared(scenario, source, experiment, cells)


def _selected(estimators: Sequence[NamedEstimator], only: Sequence[str]) -> tuple[NamedEstimator, ...]:
    wanted = [word.strip() for word in only]
    known = {word for named in estimators for word in _called(named)}
    if unknown := [word for word in wanted if word not in known]:
        suggested = {word for named in estimators for word in (named.label, named.name)}
        raise ScenarioError(
            [f"no estimator {shown(word)} here; {did_you_mean(word, suggested)}" for word in unknown]
        )
    return tuple(named for named in estimators if not _called(named).isdisjoint(wanted))


def _called(named: NamedEstimator) -> set[str]:
    """All by which an estimator may be chosen: its label, its name, and other names for the same."""
    name = ALIASES.get(named.name, named.name)
    return {named.label, name, *(alias for alias, meant in ALIASES.items() if meant == name)}


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
            truth = truth_of(prepared.experiment)
            tell(truth)
            results, interrupted = _until_interrupted(prepared, truth, tell)
        tables = _tables(prepared.experiment, truth, results)
        run_folder.write_tables(folder, tables)
        record = _record(prepared, truth, thread_count, started, interrupted)
        run_folder.write_record(folder, record)
        run_folder.write_pictures(folder, prepared.experiment.problem.pictures())
    figures = draw(folder, tables["measurements"], record["scenario"])
    return Run(folder, tables["measurements"], figures, interrupted)


def _until_interrupted(
    prepared: Prepared, truth: Truth, tell: Callable[[Truth | Result], None]
) -> tuple[list[Result], bool]:
    """The results, and whether there are fewer of them than cells because the user stopped it."""
    results: list[Result] = []
    try:
        for result in measured(prepared.experiment, prepared.cells, truth):
            results.append(result)
            tell(result)
    except KeyboardInterrupt:
        if all(result.replication is None for result in results):
            raise
        return results, True
    return results, False


def _tables(experiment: Experiment, truth: Truth, results: Sequence[Result]) -> dict[str, pd.DataFrame]:
    return {
        "measurements": frames.measurements(experiment, truth, results),
        "coordinates": frames.coordinates(experiment, truth, results),
        "replicates": frames.replicates(experiment, truth, results),
    }


def _record(
    prepared: Prepared, truth: Truth, thread_count: int, started: datetime, interrupted: bool
) -> dict[str, Any]:
    text = prepared.source.text
    return {
        "scenario": prepared.scenario.plain(),
        "text": text,
        "hash": sha256(text.encode()).hexdigest(),
        "overrides": [override for override, _ in prepared.source.overrides],
        "command": sys.argv,
        "threads": thread_count,
        "truth": {"kind": truth.kind, "note": truth.note},
        "started": started.isoformat(),
        "finished": datetime.now(UTC).isoformat(),
        "interrupted": interrupted,
        **provenance(),
    }


def draw(folder: Path, measurements: pd.DataFrame, scenario: Mapping[str, Any]) -> list[Path]:
    """All figures of a run, into a folder within its own."""
    return draw_run(folder / "figures", measurements, run_folder.load_pictures(folder), scenario)


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
