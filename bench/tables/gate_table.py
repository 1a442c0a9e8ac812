"""What the gate found, for a terminal: a table of cells, a line for whatever did not pass."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from bench.regression.verdicts import CellVerdict, Report, Test
from bench.scenario.thresholds import Thresholds
from bench.text.labels import plain
from bench.text.numbers import MISSING, duration, interval

COLORS = {"regression": "red", "error": "red", "inconclusive": "yellow", "improved": "green", "pass": ""}

_SAME = {"digest": "same", "paired": "same but rounding"}
# Ends of the scale on which a forest line is drawn, and its length.
_WIDEST_RATIO, _LENGTH = 2.0, 41


def verdict_table(report: Report) -> Table:
    """One row a cell; labels are data, not markup."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    columns = _columns(report.cells)
    for name in columns:
        words = name in ("scenario", "problem", "estimator", "verdict")
        table.add_column(name, justify="left" if words else "right")
    for cell in report.cells:
        texts = [Text(text(cell)) for text in columns.values()]
        texts[-1].stylize(COLORS[cell.verdict])
        table.add_row(*texts)
    return table


def lines(report: Report) -> list[str]:
    """What did not simply pass, a line each, then by what all was judged and how it ended."""
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
    counts = dict.fromkeys(COLORS, 0)
    for cell in report.cells:
        counts[cell.verdict] += 1
    told = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
    ending = report.verdict if report.compared else "nothing was compared"
    return [*found, f"{ending}: {told or 'no cells'}, in {duration(report.elapsed)}"]


def place(cell: CellVerdict) -> str:
    """Which cell, in words."""
    one = cell.cell
    where = f"{plain(one.named.label)}, N = {one.sample_size}, {one.device}, {one.dtype}"
    return f"{cell.scenario} ({plain(cell.point)}): {where}" if cell.point else f"{cell.scenario}: {where}"


def forest_line(test: Test) -> str:
    """A ratio with its interval on a scale from a half to two, 1 at the middle: `····|··├─●─┤····`."""
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
    """What each estimator must keep to, by label, and who said so."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for name in ("gate", "metric", "found with 99 %", "no alarm up to", "as said by"):
        table.add_column(name)
    for label, thresholds in gate.items():
        for metric, margin in thresholds.ratios.items():
            row = (f"+{100 * margin.increase:.3g} %", f"+{100 * margin.indifference:.3g} %")
            table.add_row(*map(Text, (plain(label), metric, *row, plain(thresholds.sources[metric]))))
        allowed = (
            f"{100 * thresholds.bias_margin:.3g} % of the gradient" if thresholds.bias_margin else "none"
        )
        table.add_row(*map(Text, (plain(label), "bias", "", allowed, plain(thresholds.sources["bias"]))))
    return table


def _position(ratio: float) -> int:
    share = math.log(ratio) / math.log(_WIDEST_RATIO)
    return round((min(1.0, max(-1.0, share)) + 1) / 2 * (_LENGTH - 1))


def _columns(cells: Sequence[CellVerdict]) -> dict[str, Callable[[CellVerdict], str]]:
    columns: dict[str, Callable[[CellVerdict], str]] = {
        "scenario": lambda cell: cell.scenario,
        "problem": lambda cell: plain(cell.point),
        "estimator": lambda cell: plain(cell.cell.named.label),
        "N": lambda cell: str(cell.cell.sample_size),
        "device": lambda cell: cell.cell.device,
        "type": lambda cell: cell.cell.dtype,
        "variance": lambda cell: _ratio(cell.test_of("variance")),
        "MSE": lambda cell: _ratio(cell.test_of("mse")),
        "bias": lambda cell: _word(cell.test_of("bias")),
        "f": lambda cell: _word(cell.test_of("evaluations")),
        "nan": lambda cell: _word(cell.test_of("nonfinite")),
        "R": lambda cell: str(cell.replicates or MISSING),
        "time": lambda cell: _times(cell),
        "stage": lambda cell: cell.stage or MISSING,
        "verdict": lambda cell: cell.verdict,
    }
    for name in ("scenario", "problem", "device", "type"):
        if len({columns[name](cell) for cell in cells}) < 2:
            del columns[name]
    return columns


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
