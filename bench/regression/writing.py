"""Baseline files as they are written: measured, saved for the first time, and updated."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from bench.engine.streams import LAYOUT
from bench.engine.timing import threads
from bench.errors import invalid, shown
from bench.regression.baseline import Accepted, Baseline, Entry, write
from bench.regression.differences import Moved, differences
from bench.regression.epoch import described_commit
from bench.regression.files import anchor_of
from bench.regression.gated import plans_of
from bench.regression.make import Made, baseline_of, history_entry, make
from bench.scenario.prepared import Prepared
from bench.scenario.thresholds import thresholds_of
from bench.text.labels import plain


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
    # In this order: a process that is killed in between leaves no baseline whose growth nobody would see.
    if not anchor_of(path).exists():
        write(anchor_of(path), baseline)
    write(path, baseline)
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
        raise invalid(
            f'{path}: {names} got worse; --accept-regression "why" would make this the new baseline'
        )
    taken = [Accepted(cell=m.cell, metric=m.metric, ratio=m.moved.ratio) for m in worse if _finite(m)]  # type: ignore[arg-type]
    told = history_entry(_commit(file), accepted or "updated", taken)
    kept = {} if whole else dict(old.cells)
    first = prepared.plans[0].experiment
    baseline = baseline_of(first, kept | entries, told.commit, [*old.history, told])
    write(path, baseline)
    return baseline


def change_of_layout(path: Path, old: Baseline, whole: bool) -> str:
    """Return what it means that the random numbers of a baseline are of another layout; empty if not.

    Raises:
        Invalid: if cells are to stay beside others whose random numbers are of another layout.
    """
    if old.stream_layout == LAYOUT:
        return ""
    if not whole:
        raise invalid(
            f"{path}: its random numbers are those of {plain(old.stream_layout)}, now {LAYOUT}: "
            "update all estimators at once"
        )
    return (
        f"{path}: its random numbers are those of {plain(old.stream_layout)}, now {LAYOUT}: "
        "no estimate comes again. What was measured then and now is compared as two independent samples; "
        "a new baseline makes unchanged code give the same numbers again"
    )


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
