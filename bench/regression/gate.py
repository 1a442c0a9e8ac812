"""The gate: scenarios against baselines, cell by cell, with one probability of a false alarm for all."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from bench.arguments import place, places, probability, refused, settings, texts
from bench.engine.cell import CellSampler
from bench.engine.guard import reason_of
from bench.engine.plan import Cell
from bench.engine.streams import LAYOUT
from bench.engine.timing import threads
from bench.problem import NotApplicable
from bench.regression.anchor import against_anchor
from bench.regression.baseline import Entry
from bench.regression.epoch import current_epoch
from bench.regression.files import one_file_each
from bench.regression.gated import Gated, gated
from bench.regression.judge import Judgement, judge
from bench.regression.make import ALPHA, environment
from bench.regression.rules import UNCERTAIN, Rules, metrics_of
from bench.regression.verdicts import CellVerdict, Report, Test
from bench.scenario.prepared import prepare
from bench.scenario.thresholds import RATIOS
from bench.statistics.gating import stage_level


def gate(
    scenarios: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    baseline: str | os.PathLike[str] | None = None,
    *,
    overrides: Sequence[str] = (),
    only: Sequence[str] | None = None,
    epoch: str | None = None,
    alpha: float = ALPHA,
    shortcuts: bool = True,
    tell: Callable[[CellVerdict], None] = lambda _: None,
) -> Report:
    """Hold the estimators of scenarios against a baseline, on one processor thread.

    `bench.gate("scenarios/gaussian.yaml").exit_code == 0` is what a test of a scenario asserts.

    Args:
        scenarios: a YAML file, or several.
        baseline: a file, or the folder of all; None for `results/baselines`.
        overrides: `dotted.key=value`, instead of what the files say.
        only: labels or names of the estimators to keep; None keeps all.
        epoch: the fresh random numbers are made of it; None for the commit.
        alpha: the probability of a false alarm, over all tests together.
        shortcuts: whether what agrees with the baseline on its own random numbers needs no fresh ones.
        tell: is told of each cell once it is judged.

    Raises:
        Invalid: with everything that is wrong with a scenario or its baseline, and where.

    Example:
        >>> import bench
        >>> from click.testing import CliRunner
        >>> from bench.cli import main
        >>> said = CliRunner().invoke(main, ["new", "mine"])
        >>> said = CliRunner().invoke(main, ["baseline", "save", "mine.yaml"])
        >>> bench.gate("mine.yaml").exit_code
        0
    """
    files = places("scenarios", scenarios, "a scenario file, or a list of them")
    given = None if baseline is None else Path(place("baseline", baseline))
    only = None if only is None else texts("only", only)
    overrides, alpha = settings("overrides", overrides), probability("alpha", alpha, 0.5)
    if epoch is not None and not isinstance(epoch, str):
        raise refused("epoch", "a text", epoch)
    one_file_each(len(files), given)
    ready = [
        gated(prepare(file, overrides, only, confirmed=True), file, given, only is None) for file in files
    ]
    folder = Path(files[0]).resolve().parent
    return judge_all(ready, current_epoch(folder) if epoch is None else epoch, alpha, shortcuts, tell)


def judge_all(
    scenarios: Sequence[Gated],
    epoch: str,
    alpha: float,
    shortcuts: bool = True,
    tell: Callable[[CellVerdict], None] = lambda _: None,
) -> Report:
    """Hold scenarios against their baselines, on one processor thread.

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
    with threads(1):
        for each in scenarios:
            for verdict in _judged(each, _rules(each, epoch, level, shortcuts), alpha / max(1, count)):
                tell(verdict)
                cells.append(verdict)
    notes = [f"{each.file}: {note}" for each in scenarios for note in _notes(each)]
    return Report(epoch, alpha, level, count, tuple(cells), tuple(notes), time.perf_counter() - started)


def _rules(held: Gated, epoch: str, level: float, shortcuts: bool) -> Rules:
    baseline, experiment = held.baseline, held.experiment
    return Rules(
        level,
        epoch,
        same_numbers=baseline.stream_layout == LAYOUT and baseline.seed == experiment.seed,
        same_machine=baseline.environment == environment(experiment.devices),
        max_replicates=held.max_replicates,
        metrics=held.metrics,
        shortcuts=shortcuts,
    )


def _tests_of(held: Gated) -> int:
    """Return the number of tests of a scenario that may err, all stages counted as one."""
    total = 0
    for sampler in held.samplers:
        entry = held.entry(sampler)
        if sampler.cell.status == "ok" and entry is not None:
            tested = [
                m
                for m in metrics_of(sampler.cell, sampler.experiment.problem, entry, held.metrics)
                if m in UNCERTAIN
            ]
            more = 0 if held.anchored(sampler.name) is None else sum(metric in tested for metric in RATIOS)
            total += len(tested) + more
    return total


def _judged(held: Gated, rules: Rules, single: float) -> Iterator[CellVerdict]:
    for sampler in held.samplers:
        cell, entry = sampler.cell, held.entry(sampler)
        blank = CellVerdict(
            held.experiment.scenario, held.file, cell, sampler.name, (), sampler.experiment.point
        )
        started = time.perf_counter()
        if cell.status == "ok" and entry is not None:
            judgement = _judgement(held, sampler, entry, rules)
            yield replace(
                blank,
                tests=(*judgement.tests, *_anchored(held, sampler, entry, single)),
                seconds=judgement.seconds,
                seconds_before=entry.seconds,
                elapsed=time.perf_counter() - started,
            )
        elif cell.status == "error":
            yield replace(blank, tests=(Test("cell", "error", message=cell.reason),))
        elif cell.status == "ok" or entry is not None:
            test = Test("cell", "inconclusive", message=held.mismatch or _unmatched(cell, entry))
            yield replace(blank, tests=(test,))


def _judgement(held: Gated, sampler: CellSampler, entry: Entry, rules: Rules) -> Judgement:
    thresholds = held.thresholds(sampler.cell.named.label)
    try:
        return judge(sampler, entry, thresholds, rules, held.truths[sampler.experiment.problem_key])
    except NotApplicable as reason:
        test = Test("cell", "error", message=f"not applicable: {reason_of(reason)}")
    except Exception as error:  # noqa: BLE001 - an estimator is anybody's code
        test = Test("cell", "error", message=reason_of(error))
    return Judgement((test,))


def _anchored(held: Gated, sampler: CellSampler, entry: Entry, level: float) -> Iterator[Test]:
    anchor = held.anchored(sampler.name)
    if anchor is None:
        return
    accepted = {metric: held.baseline.accepted(sampler.name, metric) for metric in RATIOS}
    thresholds = held.thresholds(sampler.cell.named.label)
    for test in against_anchor(entry, anchor, accepted, thresholds, level):
        if test.metric in held.metrics:
            yield test


def _unmatched(cell: Cell, entry: Entry | None) -> str:
    if entry is None:
        return "it is not in the baseline: `bench baseline update` takes it in"
    return f"it is in the baseline and cannot run here: {cell.status}: {cell.reason}"


def _notes(held: Gated) -> Iterator[str]:
    """Return remarks on cells that are not compared, and on those that cannot run and never could."""
    names = {sampler.name for sampler in held.samplers}
    never = Counter(
        f"{cell.device}: {cell.status}: {cell.reason}"
        for cell, entry in ((sampler.cell, held.entry(sampler)) for sampler in held.samplers)
        if cell.status != "ok" and entry is None
    )
    yield from (f"{count} cells on {why}" for why, count in never.items())
    if held.whole and not held.mismatch:
        for name, entry in held.baseline.cells.items():
            if name not in names:
                who = f"{entry.estimator} ({entry.point})" if entry.point else entry.estimator
                where = f"{who}, N = {entry.sample_size}, {entry.device}, {entry.dtype}"
                yield f"{where} is in the baseline and no longer in the scenario"
    if held.anchor is not None and held.anchor.scenario_version != held.baseline.scenario_version:
        yield f"the anchor is of version {held.anchor.scenario_version} of the scenario, and not compared"
    if held.baseline.stream_layout != LAYOUT:
        yield (
            f"the baseline's random numbers are those of {held.baseline.stream_layout}, now {LAYOUT}: cells "
            "are compared as independent samples until the baseline is updated"
        )
