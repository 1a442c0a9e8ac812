"""The findings of the gate: a table of cells, a line for each test that did not pass, the thresholds."""

from __future__ import annotations

import math
from collections.abc import Mapping

from bench.regression.verdicts import CellVerdict, Report, Test
from bench.scenario.thresholds import Thresholds
from bench.tables.table import Column, Table
from bench.text.labels import plain
from bench.text.numbers import MISSING, count, duration, interval
from bench.text.words import listed

COLORS = {"regression": "red", "error": "red", "inconclusive": "yellow", "improved": "green", "pass": ""}

_SAME = {"digest": "same", "paired": "same but rounding"}
# Ends of the scale on which a forest line is drawn, and its length.
_WIDEST_RATIO, _LENGTH = 2.0, 41

CELL = (
    Column("scenario", lambda cell: cell.scenario, align="left", key=True),
    Column("problem", lambda cell: plain(cell.point), align="left", key=True),
    Column("device", lambda cell: cell.cell.device, align="left", key=True),
    Column("type", lambda cell: cell.cell.dtype, align="left", key=True),
)
"""The columns that are left out where cells do not differ in them."""

COLUMNS = (
    Column("N", lambda cell: count(cell.cell.sample_size), key=True),
    Column("variance", lambda cell: _ratio(cell.test_of("variance"))),
    Column("MSE", lambda cell: _ratio(cell.test_of("mse")), yields=5),
    Column("bias", lambda cell: _word(cell.test_of("bias")), align="left", yields=4),
    Column("f", lambda cell: _word(cell.test_of("evaluations")), align="left", yields=3),
    Column("nan", lambda cell: _word(cell.test_of("nonfinite")), align="left", yields=2),
    Column("R", lambda cell: count(cell.replicates) if cell.replicates else MISSING, yields=1),
    Column("time", lambda cell: _times(cell), yields=0),
    Column("stage", lambda cell: cell.stage or MISSING, align="left"),
    Column("verdict", lambda cell: cell.verdict, align="left", style=lambda text: COLORS.get(text, "")),
)


def verdict_table(report: Report) -> Table:
    """Return one row a cell."""
    differing = [c for c in CELL if len({c.text(cell) for cell in report.cells}) > 1]
    return Table([*differing, *COLUMNS], report.cells, lambda cell: plain(cell.cell.named.label))


def lines(report: Report) -> list[str]:
    """Return a line for each test that did not simply pass, then the level of all, and how it ended."""
    found = [
        f"{test.verdict}: {place(cell)}: {test.metric}: {plain(test.message, 400)}"
        for cell in report.cells
        for test in cell.tests
        if test.verdict != "pass"
    ]
    found += [f"note: {plain(note, 400)}" for note in report.notes]
    found.append(
        f"{report.count} tests, all together with a probability of a false alarm below {report.alpha:g}: "
        f"each in two stages of {report.level:.2g}; random numbers of {plain(report.epoch)}"
    )
    verdicts = [cell.verdict for cell in report.cells]
    counts = ", ".join(f"{verdicts.count(v)} {v}" for v in COLORS if v in verdicts)
    ending = report.verdict if report.compared else "nothing was compared"
    return [*found, f"{ending}: {counts or 'no cells'}, in {duration(report.elapsed)}"]


def place(cell: CellVerdict) -> str:
    """Return which cell it is, as text."""
    one = cell.cell
    where = f"{plain(one.named.label)}, N = {one.sample_size}, {one.device}, {one.dtype}"
    return f"{cell.scenario} ({plain(cell.point)}): {where}" if cell.point else f"{cell.scenario}: {where}"


def forest_line(test: Test) -> str:
    """Return a ratio with its interval on a scale from a half to two, 1 at the middle: `····|··├─●─┤····`."""
    if not (math.isfinite(test.low) and math.isfinite(test.high) and test.low > 0):
        return ""
    marks = ["·"] * _LENGTH
    marks[_position(1.0)] = "|"
    low, high = _position(test.low), _position(test.high)
    marks[low : high + 1] = ["─"] * (high + 1 - low)
    marks[low], marks[high] = "├", "┤"
    marks[_position(test.ratio)] = "●"
    return f"{''.join(marks)} {interval(test.ratio, test.low, test.high)}"


def threshold_table(gate: Mapping[str, Thresholds]) -> Table:
    """Return what each estimator must keep to, and who said so; estimators alike share their rows."""
    alike: dict[tuple[tuple[str, ...], ...], list[str]] = {}
    for label, thresholds in gate.items():
        alike.setdefault(tuple(_limits(thresholds)), []).append(plain(label))
    heads = {labels[0]: f"gate: {listed(labels, most=len(labels))}" for labels in alike.values()}
    names = ("metric", "found with 99 %", "no alarm up to", "as said by")
    columns = [Column(name, lambda row, i=i: row[1][i], align="left") for i, name in enumerate(names)]  # type: ignore[misc]
    rows = [(labels[0], limit) for limits, labels in alike.items() for limit in limits]
    return Table(columns, rows, lambda row: heads[row[0]])


def _limits(thresholds: Thresholds) -> list[tuple[str, ...]]:
    found = [
        (
            metric,
            f"+{100 * m.increase:.3g} %",
            f"+{100 * m.indifference:.3g} %",
            plain(thresholds.sources[metric]),
        )
        for metric, m in thresholds.ratios.items()
    ]
    margin = thresholds.bias_margin
    allowed = f"{100 * margin:.3g} % of the gradient" if margin else "none"
    return [*found, ("bias", "", allowed, plain(thresholds.sources["bias"]))]


def _position(ratio: float) -> int:
    share = math.log(ratio) / math.log(_WIDEST_RATIO)
    return round((min(1.0, max(-1.0, share)) + 1) / 2 * (_LENGTH - 1))


def _ratio(test: Test | None) -> str:
    if test is None:
        return MISSING
    if test.stage in _SAME and math.isnan(test.ratio):
        return _SAME[test.stage]
    return interval(test.ratio, test.low, test.high)


def _word(test: Test | None) -> str:
    return MISSING if test is None else "ok" if test.verdict == "pass" else test.verdict


def _times(cell: CellVerdict) -> str:
    if not (cell.seconds > 0 and cell.seconds_before > 0):
        return MISSING
    return f"× {cell.seconds / cell.seconds_before:.2g}"
