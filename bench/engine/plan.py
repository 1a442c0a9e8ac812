"""Experiments, and the cells of which they consist."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product
from typing import Any

from bench.engine.devices import unavailable
from bench.engine.known_moments import KnownMoments
from bench.engine.precision import Precision, needed_replicates
from bench.engine.streams import Address
from bench.engine.trials import Size, sizes_of
from bench.estimator import Estimator
from bench.problem import Problem


@dataclass(frozen=True)
class NamedEstimator:
    """An estimator as a scenario names it.

    Attributes:
        label: how tables and figures call it.
        name: its name in the catalogue.
        options: its options as the scenario gives them, as canonical JSON.
        estimator: the thing itself.
    """

    label: str
    name: str
    options: str
    estimator: Estimator

    @property
    def fit_role(self) -> str:
        """The purpose of the random numbers for fitting: no other estimator shares them."""
        return f"fit {self.name} {self.options}"


@dataclass(frozen=True)
class Experiment:
    """A scenario whose names have been looked up: all that the engine needs, and nothing to be read.

    Attributes:
        scenario: the scenario's name.
        version: the scenario's version.
        problem_name: the problem's name in the catalogue.
        problem_key: the problem with its options, as canonical JSON.
        problem: the problem at θ, on the CPU; `prepared` before it is measured.
        estimators: those compared.
        references: estimators that may give the truth where it is not known exactly, in order; they
            must agree.
        sample_sizes: the values of N; where there are budgets, those, which no N exceeds.
        devices: as torch names them.
        dtypes: "float32", "float64".
        replicates: R, or with a precision the least R.
        seed: of all streams.
        reference_sample_size: N of the reference run.
        reference_replicates: R of the reference run.
        precision: when a cell has enough replicates, or None if all have R of them.
        resampled: whether each replicate has a batch of data of its own.
        settings: the options of the problem over which the scenario ranges, with their values here.
        point: the same as text; empty where it ranges over none.
        reference_checks: estimators that a reference must agree with, and that give none themselves.
        budgets: evaluations of f that an estimate may take; every estimator has the N that they pay for.
            Empty where the scenario gives the values of N.
        coordinates: the finest detail that is kept: "all", the "blocks" of parameters, or "none".
        named_within: classes that the options of the problem name, such as an estimator that trains it.
    """

    scenario: str
    version: int
    problem_name: str
    problem_key: str
    problem: Problem
    estimators: tuple[NamedEstimator, ...]
    references: tuple[NamedEstimator, ...]
    sample_sizes: tuple[int, ...]
    devices: tuple[str, ...]
    dtypes: tuple[str, ...]
    replicates: int
    seed: int
    reference_sample_size: int
    reference_replicates: int
    precision: Precision | None = None
    resampled: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)
    point: str = ""
    reference_checks: tuple[NamedEstimator, ...] = ()
    named_within: tuple[type, ...] = ()
    coordinates: str = "all"
    budgets: tuple[int, ...] = ()

    @property
    def blocks(self) -> Mapping[str, slice]:
        """The blocks of parameters of which something is told beside the whole gradient."""
        return {} if self.coordinates == "none" else self.problem.parameters

    @property
    def problem_label(self) -> str:
        """The problem as tables and figures call it: its name, and its place in the sweep."""
        return f"{self.problem_name} ({self.point})" if self.point else self.problem_name

    @cached_property
    def prepared(self) -> Experiment:
        """This experiment with its problem ready to be measured, which is done once.

        Raises:
            Invalid: if an option of the problem turns out wrong only then, as where training diverges.
        """
        return self.at(self.problem.prepared())

    def at(self, problem: Problem) -> Experiment:
        """Return this experiment of another problem, which is ready to be measured."""
        ready = replace(self, problem=problem)
        vars(ready)["prepared"] = ready  # nothing is prepared twice
        return ready

    def copied(self) -> Experiment:
        """Return this experiment of a copy of its problem, ready; what needs no sampling is shared."""
        copied = self.at(copy.deepcopy(self.problem))
        vars(copied)["known_moments"] = self.known_moments
        return copied

    @cached_property
    def known_moments(self) -> KnownMoments | None:
        """The moments of estimates that need no sampling; None where each replicate has its own data."""
        return None if self.resampled else KnownMoments(self.prepared.problem, self.address)

    @cached_property
    def kept_coordinates(self) -> tuple[int, ...]:
        """The coordinates whose first estimates are kept as they are, the same in all cells."""
        from bench.engine.kept_coordinates import largest_coordinates  # late: cells are of experiments

        return largest_coordinates(self)

    def address(self, sample_size: int, role: str, part: int = 0) -> Address:
        """Return the address of the random numbers for a purpose."""
        return Address(self.seed, self.problem_key, sample_size, role, part)


@dataclass(frozen=True)
class Cell:
    """(problem at θ) × estimator with options × N × device × type.

    Attributes:
        named: the estimator.
        sample_size: N.
        device: as torch names it.
        dtype: "float32" or "float64".
        status: "ok", or why it cannot run: "unavailable", "not_applicable", "error".
        reason: the same as text; empty if it can run.
        granted: the evaluations of f that pay for N samples; None where the scenario gives N.
    """

    named: NamedEstimator
    sample_size: int
    device: str
    dtype: str
    status: str = "ok"
    reason: str = ""
    granted: int | None = None

    @property
    def title(self) -> str:
        """The cell as text, but for the problem."""
        return f"{self.named.label}, N = {self.sample_size}, {self.device}, {self.dtype}"


@dataclass(frozen=True)
class Planned:
    """An experiment and its cells, or some of them."""

    experiment: Experiment
    cells: list[Cell]


def plan(experiment: Experiment) -> list[Cell]:
    """All cells in the order in which they are measured, each with its reason if it cannot run."""
    sized = [(named, size) for named in experiment.estimators for size in sizes_of(named, experiment)]
    return [
        _cell(named, size, device, dtype)
        for device, dtype, (named, size) in product(experiment.devices, experiment.dtypes, sized)
    ]


def numbers(experiment: Experiment, cells: list[Cell]) -> int:
    """About how many random numbers and activations the cells that can run will take."""
    samples = sum(cell.sample_size for cell in cells if cell.status == "ok")
    runs = 2 if experiment.resampled else 1  # the replicates, and as many estimates in pairs
    return runs * samples * _expected_replicates(experiment) * experiment.problem.width


def _expected_replicates(experiment: Experiment) -> int:
    """R, or with a precision about what it takes if estimates are normal, whose kurtosis is 3."""
    precision = experiment.precision
    if precision is None:
        return experiment.replicates
    needed = min(precision.max_replicates, needed_replicates(3, precision.half_width))
    return max(experiment.replicates, int(needed))


def cell_id(experiment: Experiment, cell: Cell) -> str:
    """A name for a cell that is the same in every run of it."""
    named = cell.named
    return cell_key(
        experiment.problem_key,
        named.name,
        named.options,
        cell.sample_size,
        cell.device,
        cell.dtype,
        experiment.resampled,
    )


def cell_key(
    problem: str, estimator: str, options: str, sample_size: int, device: str, dtype: str, resampled: bool
) -> str:
    """The name of the cell that these words describe; problem and options are canonical JSON."""
    what = [problem, estimator, options, sample_size, device, dtype, *(["resampled"] if resampled else [])]
    return hashlib.sha256(json.dumps(what).encode()).hexdigest()[:16]


def _cell(named: NamedEstimator, size: Size, device: str, dtype: str) -> Cell:
    N, granted, status, reason = size
    if missing := unavailable(device, dtype):
        status, reason = "unavailable", missing
    return Cell(named, N, device, dtype, status, reason, granted)
