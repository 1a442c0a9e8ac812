"""The regression test from end to end: scenarios and baseline files in, verdicts and baseline files out."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from bench.engine.plan import Planned
from bench.engine.timing import threads
from bench.errors import invalid, shown
from bench.gate import baseline as baselines
from bench.gate.baseline import Accepted, Baseline, Entry
from bench.gate.differences import Moved, differences
from bench.gate.epoch import current_epoch, described_commit
from bench.gate.files import anchor_of, path_of, read_anchor
from bench.gate.judge import METRICS
from bench.gate.make import ALPHA, Made, baseline_of, chapter, make
from bench.gate.run import Gated
from bench.gate.run import gate as judged
from bench.gate.sample import Subject
from bench.gate.thresholds import thresholds_of
from bench.gate.verdicts import CellVerdict, Report
from bench.preparation import Prepared


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
    baseline = baselines.read(path)  # before anything that takes long
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


def gate(
    scenarios: Sequence[Gated],
    epoch: str | None = None,
    alpha: float = ALPHA,
    shortcuts: bool = True,
    tell: Callable[[CellVerdict], None] = lambda _: None,
) -> Report:
    """Hold scenarios against their baselines, on one processor thread; see `bench.gate.run.gate`."""
    folder = Path(scenarios[0].file).resolve().parent
    with threads(1):
        return judged(scenarios, current_epoch(folder) if epoch is None else epoch, alpha, shortcuts, tell)


def plans_of(prepared: Prepared) -> tuple[Planned, ...]:
    """The points of a scenario, ready to be measured, each with the cells that are gated."""
    sizes = prepared.scenario.gate.sample_sizes
    return tuple(
        Planned(each.experiment, [cell for cell in each.cells if sizes is None or cell.sample_size in sizes])
        for each in prepared.ready()
    )


def subjects_of(prepared: Prepared) -> list[Subject]:
    """The cells of a scenario that are gated, of all its points."""
    return [Subject(each.experiment, cell) for each in plans_of(prepared) for cell in each.cells]


def measure(prepared: Prepared, tell: Callable[[Made], None] = lambda _: None) -> list[Made]:
    """Measure what a baseline of a scenario holds, on one processor thread."""
    with threads(1):
        return make(
            plans_of(prepared),
            partial(thresholds_of, prepared.scenario.gate),
            prepared.scenario.gate.max_replicates,
            tell,
        )


def save(prepared: Prepared, path: Path, made: Sequence[Made], file: str) -> Baseline:
    """Write a first baseline, and the anchor beside it if there is none.

    Raises:
        Invalid: if nothing could be measured, or nothing can be written.
    """
    baseline = baseline_of(prepared.plans[0].experiment, _entries(made, path), _commit(file))
    baselines.write(path, baseline)
    if not anchor_of(path).exists():
        baselines.write(anchor_of(path), baseline)
    return baseline


def update(
    prepared: Prepared,
    path: Path,
    old: Baseline,
    made: Sequence[Made],
    accepted: str | None,
    file: str,
    whole: bool = True,
) -> Baseline:
    """Write a baseline in place of an older one of the same scenario; the anchor stays.

    Args:
        prepared: the scenario.
        path: where the baseline is.
        old: what it was.
        made: what was measured.
        accepted: why a worsening is accepted; None accepts none.
        file: where the scenario was read.
        whole: whether all cells were asked for; else the others stay as they are.

    Raises:
        Invalid: if something got worse and that is not accepted, or nothing could be measured.
    """
    entries = _entries(made, path)
    thresholds = partial(thresholds_of, prepared.scenario.gate)
    worse = [moved for moved in differences(old, entries, thresholds) if moved.worse]
    if worse and accepted is None:
        names = ", ".join(dict.fromkeys(f"{m.metric} of {shown(m.entry.estimator)}" for m in worse))
        raise invalid(f'{path}: {names} got worse; --accept-regression "why" would make that the rule')
    taken = [Accepted(cell=m.cell, metric=m.metric, ratio=m.moved.ratio) for m in worse if _finite(m)]  # type: ignore[arg-type]
    told = chapter(_commit(file), accepted or "updated", taken)
    kept = {} if whole else dict(old.cells)
    first = prepared.plans[0].experiment
    baseline = baseline_of(first, kept | entries, told.commit, [*old.history, told])
    baselines.write(path, baseline)
    return baseline


def _entries(made: Sequence[Made], path: Path) -> dict[str, Entry]:
    entries = {one.name: one.entry for one in made if one.entry is not None}
    if not entries:
        reasons = "; ".join(dict.fromkeys(one.reason for one in made)) or "no cells"
        raise invalid(f"{path}: no baseline is written, as nothing could be measured: {reasons}")
    return entries


def _finite(moved: Moved) -> bool:
    return math.isfinite(moved.moved.log_ratio)


def _commit(file: str) -> str:
    return described_commit(Path(file).resolve().parent)
