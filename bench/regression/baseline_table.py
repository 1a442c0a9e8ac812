"""A baseline, and the difference of two, as tables."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from bench.regression.baseline import Baseline, Entry
from bench.regression.differences import Moved
from bench.tables.table import Column, Table
from bench.text.labels import plain
from bench.text.numbers import MISSING, count, duration, interval, significant

_NORMAL = 1.96

CELL = (
    Column("problem", lambda entry: plain(entry.point), align="left", key=True),
    Column("N", lambda entry: count(entry.sample_size), key=True),
    Column("device", lambda entry: plain(entry.device), align="left", key=True),
    Column("type", lambda entry: plain(entry.dtype), align="left", key=True),
)
"""The columns that identify a cell; those in which cells do not differ are left out."""

COLUMNS = (
    Column("R", lambda entry: count(entry.replicates), yields=2),
    Column("nan", lambda entry: count(entry.nonfinite), yields=1),
    Column("variance", lambda entry: significant(entry.variance)),
    Column("±", lambda entry: f"{100 * _NORMAL * entry.variance_error:.2g} %"),
    Column("kurtosis", lambda entry: significant(entry.variance_kurtosis), yields=3),
    Column("MSE", lambda entry: _known(entry.mse), yields=4),
    Column("bias", lambda entry: _known(entry.bias), yields=5),
    Column("f", lambda entry: f"{entry.evaluations:g}", yields=0),
    Column("time", lambda entry: duration(entry.seconds), yields=6),
)


def baseline_table(baseline: Baseline) -> Table:
    """Return one row a cell, with the origin and the history of the baseline below."""
    entries = _ordered(baseline.cells.values())
    columns = [*_differing(CELL, entries), *COLUMNS]
    return Table(columns, entries, lambda entry: plain(entry.estimator), notes=list(_history(baseline)))


def difference_table(found: Sequence[Moved]) -> Table:
    """Return one row for each metric of each cell that two baselines share."""
    cells = _differing(CELL, [one.entry for one in found])
    columns = [
        *(Column(c.name, lambda one, c=c: c.text(one.entry), align=c.align, key=True) for c in cells),  # type: ignore[misc]
        Column("metric", lambda one: one.metric, align="left"),
        Column("ratio", _ratio),
        Column("", lambda one: "worse" if one.worse else "", align="left", style=lambda text: text and "red"),
    ]
    return Table(columns, found, lambda one: plain(one.entry.estimator))


def only_in(old: Baseline, new: Baseline) -> Iterator[str]:
    """Yield a line for each cell that only one of two baselines has."""
    for word, some, others in (("old", old, new), ("new", new, old)):
        for entry in _ordered(entry for name, entry in some.cells.items() if name not in others.cells):
            at = f"{plain(entry.point)}: " if entry.point else ""
            where = f"{at}{plain(entry.estimator)}, N = {entry.sample_size}, {entry.device}"
            yield f"only in the {word} one: {where}"


def _history(baseline: Baseline) -> Iterator[str]:
    yield f"{baseline.scenario}, version {baseline.scenario_version}, {plain(baseline.stream_layout)}"
    where = {(entry.device, entry.dtype) for entry in baseline.cells.values()}
    if len(where) == 1:
        yield "all cells on " + ", ".join(map(plain, where.pop()))
    yield ", ".join(f"{plain(name)} {plain(value)}" for name, value in sorted(baseline.environment.items()))
    for change in baseline.history:
        accepted = f", {len(change.accepted)} worsenings accepted" if change.accepted else ""
        yield f"{plain(change.when)}, {plain(change.commit)}: {plain(change.reason, 400)}{accepted}"


def _differing(columns: Sequence[Column], entries: Sequence[Entry]) -> list[Column]:
    return [c for c in columns if c.name == "N" or len({c.text(entry) for entry in entries}) > 1]


def _ratio(one: Moved) -> str:
    low, high = one.moved.interval()
    return interval(one.moved.ratio, low, high) if math.isfinite(high) else str(one.moved.ratio)


def _known(value: float | None) -> str:
    return MISSING if value is None else significant(value)


def _ordered(entries: Iterable[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda e: (e.place, e.estimator, e.device, e.dtype, e.sample_size))
