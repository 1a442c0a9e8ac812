"""From a scenario to its results: load, build, run, write, draw."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench.build import experiments_of, quick
from bench.engine.plan import Cell, Experiment, NamedEstimator, Planned, numbers, plan
from bench.engine.run import Result
from bench.engine.run import run as measured
from bench.engine.timing import threads
from bench.engine.truth import Truth, truth_of
from bench.errors import Invalid, did_you_mean, shown
from bench.runs import read_run
from bench.scenario import Scenario, ScenarioError, Source, read
from bench.store import folder as run_folder
from bench.store import frames
from bench.store.provenance import provenance
from estimators import ALIASES

LARGEST = 10**11
"""A run that takes more numbers than this, some minutes' worth, must be confirmed."""


ANSWER = ("variance", "bias", "along", "bias_along")
"""The figures that every run gets, those that apply; `bench report --figures` draws all others."""


@dataclass(frozen=True)
class Prepared:
    """A scenario that is ready to run.

    Attributes:
        scenario: what the file says.
        source: where.
        plans: one for each point of the sweep over options of the problem; one if there is no such.
    """

    scenario: Scenario
    source: Source
    plans: tuple[Planned, ...]

    @property
    def cells(self) -> list[Cell]:
        """Those of all points."""
        return [cell for planned in self.plans for cell in planned.cells]

    def ready(self) -> tuple[Planned, ...]:
        """The plans with their problems ready to be measured: all, before a number is lost to a mistake.

        Raises:
            ScenarioError: if an option turns out wrong only then, and where it was said.
        """
        try:
            return tuple(replace(each, experiment=each.experiment.prepared) for each in self.plans)
        except Invalid as error:
            raise ScenarioError(self.source.lines(error.under("problem").faults)) from None


@dataclass(frozen=True)
class Run:
    """What a run left.

    Attributes:
        folder: where.
        measurements: the table.
        figures: the pictures.
        failed: a line for each picture that could not be drawn.
        interrupted: whether it was stopped before its end.
    """

    folder: Path
    measurements: pd.DataFrame
    figures: list[Path]
    failed: list[str]
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
    experiments = experiments_of(scenario, source)
    if only is not None:
        experiments = [replace(each, estimators=_selected(each.estimators, only)) for each in experiments]
    plans = tuple(Planned(experiment, plan(experiment)) for experiment in experiments)
    cells = [cell for planned in plans for cell in planned.cells]
    size = sum(numbers(planned.experiment, planned.cells) for planned in plans)
    if size > LARGEST and not confirmed:
        raise ScenarioError(
            [f"{os.fspath(path)}: {len(cells)} cells take {size:.1e} numbers; if that is meant, add --yes"]
        )
    return Prepared(scenario, source, plans)


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
            done, interrupted = _until_interrupted(prepared, tell)
        tables = _tables(done)
        run_folder.write_tables(folder, tables)
        truths = [part.truth for part in done]
        record = _record(prepared, truths, thread_count, started, interrupted)
        run_folder.write_record(folder, record)
        run_folder.write_pictures(folder, _pictures([part.experiment for part in done]))
    figures, failed = draw(folder)
    return Run(folder, tables["measurements"], figures, failed, interrupted)


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


def draw(folder: Path) -> tuple[list[Path], list[str]]:
    """Draw the answer of a run, variance and bias, into a folder within its own.

    Returns:
        The files, and a line for each figure that could not be drawn.
    """
    # Late: a plan need not wait for what draws.
    from bench.figures.files import draw
    from bench.figures.sheet import about_a_run
    from bench.figures.source import of_a_run

    run, coordinates = read_run(folder), run_folder.load(folder, "coordinates")
    return draw(folder / "figures", of_a_run(run, coordinates), about_a_run(run), ["png"], True, ANSWER)


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
