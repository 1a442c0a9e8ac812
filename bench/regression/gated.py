"""A scenario with the baseline that it is held against."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from bench.engine.cell import CellSampler, samplers_of
from bench.engine.plan import Experiment, Planned
from bench.engine.truth import Truths, truths_of
from bench.regression.baseline import Baseline, Entry, read
from bench.regression.files import path_of, read_anchor
from bench.regression.rules import METRICS
from bench.scenario.prepared import Prepared
from bench.scenario.thresholds import Thresholds, thresholds_of


@dataclass(frozen=True)
class Gated:
    """A scenario with what it is held against.

    Attributes:
        file: where the scenario was read.
        plans: the points of the scenario, one or more, each with the cells that are gated.
        thresholds: label of an estimator -> what it must keep to.
        max_replicates: the most that the first stage may take for a cell.
        baseline: what its estimators were like.
        anchor: what they were like in the beginning, or None.
        whole: whether all cells are asked for, so that those of the baseline should be there.
        metrics: those that count.
    """

    file: str
    plans: tuple[Planned, ...]
    thresholds: Callable[[str], Thresholds]
    max_replicates: int
    baseline: Baseline
    anchor: Baseline | None = None
    whole: bool = True
    metrics: tuple[str, ...] = METRICS

    @property
    def experiment(self) -> Experiment:
        """The first of its points, for what they share: the scenario, its seed, its devices."""
        return self.plans[0].experiment

    @cached_property
    def samplers(self) -> list[CellSampler]:
        """The cells of all points."""
        return samplers_of(self.plans)

    @cached_property
    def truths(self) -> dict[str, Truths]:
        """Problem -> its true gradient, found when it is first asked for."""
        return {each.experiment.problem_key: truths_of(each.experiment) for each in self.plans}

    def anchored(self, name: str) -> Entry | None:
        """The entry of a cell in the beginning of this version of the scenario."""
        if self.anchor is None or self.anchor.scenario_version != self.baseline.scenario_version:
            return None
        return self.anchor.cells.get(name)

    def entry(self, sampler: CellSampler) -> Entry | None:
        """The entry of a cell, if the baseline is of this scenario."""
        return None if self.mismatch else self.baseline.cells.get(sampler.name)

    @property
    def mismatch(self) -> str:
        """The reason why the baseline is not of this scenario; empty if it is."""
        was, now = self.baseline, self.experiment
        if was.scenario != now.scenario:
            return f"the baseline is of the scenario {was.scenario!r}"
        if was.scenario_version != now.version:
            versions = f"version {was.scenario_version} of the scenario, which is now {now.version}"
            return f"the baseline is of {versions}"
        here = {each.experiment.problem_key for each in self.plans}
        if was.resampled != now.resampled or here.isdisjoint(was.problems):
            return "the baseline is of another problem, or of other options of it"
        return ""


def gated(
    prepared: Prepared, file: str, given: Path | None, whole: bool = True, metrics: Sequence[str] = METRICS
) -> Gated:
    """A scenario with its baseline, ready to be judged.

    Args:
        prepared: the scenario.
        file: where it was read.
        given: the baseline's file or folder; None for the usual place.
        whole: whether all of its cells are asked for.
        metrics: those that count.

    Raises:
        ScenarioError: if there is no baseline, or it is damaged.
    """
    path = path_of(prepared.scenario.name, given)
    baseline = read(path)  # before anything that takes long
    return Gated(
        file,
        plans_of(prepared),
        partial(thresholds_of, prepared.scenario.gate),
        prepared.scenario.gate.max_replicates,
        baseline,
        read_anchor(path),
        whole,
        tuple(metrics),
    )


def plans_of(prepared: Prepared) -> tuple[Planned, ...]:
    """The points of a scenario, ready to be measured, each with the cells that are gated."""
    sizes = prepared.scenario.gate.sample_sizes
    return tuple(
        Planned(each.experiment, [cell for cell in each.cells if sizes is None or cell.sample_size in sizes])
        for each in prepared.ready()
    )
