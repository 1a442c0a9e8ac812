"""The gate: scenarios against baselines, cell by cell, with one probability of a false alarm for all."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from bench.engine.cell import CellSampler
from bench.engine.guard import reason_of
from bench.engine.plan import Cell, Experiment, Planned
from bench.engine.streams import LAYOUT
from bench.engine.truth import Truths, truths_of
from bench.gate.baseline import Baseline, Entry
from bench.gate.judge import METRICS, UNCERTAIN, Judgement, Rules, against_anchor, judge, metrics_of
from bench.gate.make import environment
from bench.gate.thresholds import RATIOS, Thresholds
from bench.gate.verdicts import CellVerdict, Report, Test
from bench.problem import NotApplicable
from bench.statistics.gating import stage_level


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
        return [CellSampler(each.experiment, cell) for each in self.plans for cell in each.cells]

    @cached_property
    def truths(self) -> dict[str, Truths]:
        """Problem -> its true gradient, found when it is first asked for."""
        return {each.experiment.problem_key: truths_of(each.experiment) for each in self.plans}

    def anchored(self, name: str) -> Entry | None:
        """What a cell was like in the beginning of this version of the scenario."""
        if self.anchor is None or self.anchor.scenario_version != self.baseline.scenario_version:
            return None
        return self.anchor.cells.get(name)

    def entry(self, sampler: CellSampler) -> Entry | None:
        """What a cell was like, if the baseline is of this scenario."""
        return None if self.mismatch else self.baseline.cells.get(sampler.name)

    @property
    def mismatch(self) -> str:
        """Why the baseline is not of this scenario; empty if it is."""
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


def gate(
    scenarios: Sequence[Gated],
    epoch: str,
    alpha: float,
    shortcuts: bool = True,
    tell: Callable[[CellVerdict], None] = lambda _: None,
) -> Report:
    """Hold scenarios against their baselines.

    Args:
        scenarios: with their baselines.
        epoch: what the fresh random numbers are made of.
        alpha: the probability of a false alarm, over all tests together.
        shortcuts: whether what agrees with the baseline on its own random numbers needs no fresh ones.
        tell: is told of each cell once it is judged.
    """
    started = time.perf_counter()
    count = sum(_tests_of(each) for each in scenarios)
    level = stage_level(alpha, count)
    cells = []
    for each in scenarios:
        for verdict in _judged(each, _rules(each, epoch, level, shortcuts), alpha / max(1, count)):
            tell(verdict)
            cells.append(verdict)
    notes = [f"{each.file}: {note}" for each in scenarios for note in _notes(each)]
    return Report(epoch, alpha, level, count, tuple(cells), tuple(notes), time.perf_counter() - started)


def _rules(gated: Gated, epoch: str, level: float, shortcuts: bool) -> Rules:
    baseline, experiment = gated.baseline, gated.experiment
    return Rules(
        level,
        epoch,
        same_numbers=baseline.stream_layout == LAYOUT and baseline.seed == experiment.seed,
        same_machine=baseline.environment == environment(experiment.devices),
        max_replicates=gated.max_replicates,
        metrics=gated.metrics,
        shortcuts=shortcuts,
    )


def _tests_of(gated: Gated) -> int:
    """How many tests with a probability of error a scenario takes, all stages counted as one."""
    total = 0
    for sampler in gated.samplers:
        entry = gated.entry(sampler)
        if sampler.cell.status == "ok" and entry is not None:
            tested = [m for m in metrics_of(sampler.cell, entry, gated.metrics) if m in UNCERTAIN]
            held = 0 if gated.anchored(sampler.name) is None else sum(metric in tested for metric in RATIOS)
            total += len(tested) + held
    return total


def _judged(gated: Gated, rules: Rules, single: float) -> Iterator[CellVerdict]:
    for sampler in gated.samplers:
        cell, entry = sampler.cell, gated.entry(sampler)
        blank = CellVerdict(
            gated.experiment.scenario, gated.file, cell, sampler.name, (), sampler.experiment.point
        )
        started = time.perf_counter()
        if cell.status == "ok" and entry is not None:
            judgement = _judgement(gated, sampler, entry, rules)
            yield replace(
                blank,
                tests=(*judgement.tests, *_anchored(gated, sampler, entry, single)),
                seconds=judgement.seconds,
                seconds_before=entry.seconds,
                elapsed=time.perf_counter() - started,
            )
        elif cell.status == "error":
            yield replace(blank, tests=(Test("cell", "error", message=cell.reason),))
        elif cell.status == "ok" or entry is not None:
            test = Test("cell", "inconclusive", message=gated.mismatch or _unmatched(cell, entry))
            yield replace(blank, tests=(test,))


def _judgement(gated: Gated, sampler: CellSampler, entry: Entry, rules: Rules) -> Judgement:
    thresholds = gated.thresholds(sampler.cell.named.label)
    try:
        return judge(sampler, entry, thresholds, rules, gated.truths[sampler.experiment.problem_key])
    except NotApplicable as reason:
        test = Test("cell", "error", message=f"not applicable: {reason_of(reason)}")
    except Exception as error:  # noqa: BLE001 - an estimator is anybody's code
        test = Test("cell", "error", message=reason_of(error))
    return Judgement((test,))


def _anchored(gated: Gated, sampler: CellSampler, entry: Entry, level: float) -> Iterator[Test]:
    anchor = gated.anchored(sampler.name)
    if anchor is None:
        return
    accepted = {metric: gated.baseline.accepted(sampler.name, metric) for metric in RATIOS}
    thresholds = gated.thresholds(sampler.cell.named.label)
    for test in against_anchor(entry, anchor, accepted, thresholds, level):
        if test.metric in gated.metrics:
            yield test


def _unmatched(cell: Cell, entry: Entry | None) -> str:
    if entry is None:
        return "it is not in the baseline: `bench baseline update` takes it in"
    return f"it is in the baseline and cannot run here: {cell.status}: {cell.reason}"


def _notes(gated: Gated) -> Iterator[str]:
    """What of the baseline is not compared, and what cannot run and never could."""
    names = {sampler.name for sampler in gated.samplers}
    never = Counter(
        f"{cell.device}: {cell.status}: {cell.reason}"
        for cell, entry in ((sampler.cell, gated.entry(sampler)) for sampler in gated.samplers)
        if cell.status != "ok" and entry is None
    )
    yield from (f"{count} cells on {why}" for why, count in never.items())
    if gated.whole and not gated.mismatch:
        for name, entry in gated.baseline.cells.items():
            if name not in names:
                who = f"{entry.estimator} ({entry.point})" if entry.point else entry.estimator
                where = f"{who}, N = {entry.sample_size}, {entry.device}, {entry.dtype}"
                yield f"{where} is in the baseline and no longer in the scenario"
    if gated.anchor is not None and gated.anchor.scenario_version != gated.baseline.scenario_version:
        yield f"the anchor is of version {gated.anchor.scenario_version} of the scenario, and not compared"
    if gated.baseline.stream_layout != LAYOUT:
        yield f"the baseline's random numbers are those of {gated.baseline.stream_layout}, now {LAYOUT}"
