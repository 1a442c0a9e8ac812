"""A baseline, and the difference of two, for a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from bench.regression.baseline import Baseline, Entry
from bench.regression.differences import Moved
from bench.text.labels import plain
from bench.text.numbers import MISSING, duration, interval, significant

_COLUMNS = (
    *("estimator", "N", "device", "type", "R", "nan"),
    *("variance", "±", "kurtosis", "MSE", "bias", "f", "time"),
)
_NORMAL = 1.96


def baseline_table(baseline: Baseline) -> Table:
    """One row a cell."""
    swept = any(entry.point for entry in baseline.cells.values())
    table = _table([*(["problem"] if swept else []), *_COLUMNS])
    for entry in _ordered(baseline.cells.values()):
        row = (
            *([plain(entry.point)] if swept else []),
            plain(entry.estimator),
            str(entry.sample_size),
            entry.device,
            entry.dtype,
            str(entry.replicates),
            str(entry.nonfinite),
            significant(entry.variance),
            f"{100 * _NORMAL * entry.variance_error:.2g} %",
            significant(entry.variance_kurtosis),
            MISSING if entry.mse is None else significant(entry.mse),
            MISSING if entry.bias is None else significant(entry.bias),
            f"{entry.evaluations:g}",
            duration(entry.seconds),
        )
        table.add_row(*map(Text, row))
    return table


def baseline_lines(baseline: Baseline) -> Iterator[str]:
    """What the baseline is of, and what became of it."""
    yield f"{baseline.scenario}, version {baseline.scenario_version}, {plain(baseline.stream_layout)}"
    yield ", ".join(f"{plain(name)} {plain(value)}" for name, value in sorted(baseline.environment.items()))
    for chapter in baseline.history:
        accepted = f", {len(chapter.accepted)} worsenings accepted" if chapter.accepted else ""
        yield f"{plain(chapter.when)}, {plain(chapter.commit)}: {plain(chapter.reason, 400)}{accepted}"


def difference_table(found: Sequence[Moved]) -> Table:
    """One row for each metric of each cell that two baselines share."""
    swept = any(one.entry.point for one in found)
    table = _table(
        [*(["problem"] if swept else []), "estimator", "N", "device", "type", "metric", "ratio", ""]
    )
    for one in found:
        entry, (low, high) = one.entry, one.moved.interval()
        ratio = interval(one.moved.ratio, low, high) if math.isfinite(high) else str(one.moved.ratio)
        row = (plain(entry.estimator), str(entry.sample_size), entry.device, entry.dtype, one.metric, ratio)
        place = [plain(entry.point)] if swept else []
        table.add_row(*map(Text, (*place, *row)), Text("worse", style="red") if one.worse else Text(""))
    return table


def only_in(old: Baseline, new: Baseline) -> Iterator[str]:
    """Cells that only one of two baselines has."""
    for word, some, others in (("old", old, new), ("new", new, old)):
        for entry in _ordered(entry for name, entry in some.cells.items() if name not in others.cells):
            at = f"{plain(entry.point)}: " if entry.point else ""
            where = f"{at}{plain(entry.estimator)}, N = {entry.sample_size}, {entry.device}"
            yield f"only in the {word} one: {where}"


def _table(names: Sequence[str]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for name in names:
        table.add_column(name, justify="left" if name in ("problem", "estimator", "metric", "") else "right")
    return table


def _ordered(entries: object) -> list[Entry]:
    return sorted(entries, key=lambda e: (e.place, e.estimator, e.device, e.dtype, e.sample_size))  # type: ignore[call-overload, no-any-return]
