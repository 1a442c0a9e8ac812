"""Results as tables: for a terminal, and as Markdown for pipes and pages."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import pandas as pd
from rich import box
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from bench.analysis import rows
from bench.text import cell_words
from bench.text.labels import code, distinct, markdown, plain
from bench.text.numbers import MISSING, bounds, count, interval, measured_duration, rough, significant

Row = Any
"""A row of measurements, by `itertuples`: one attribute a column."""

WIDEST = 120
HEADING_LINES = 2
"""Lines that rich draws above the first row: names and a rule."""


@dataclass(frozen=True)
class Column:
    """One column of the tables.

    Attributes:
        name: its heading.
        text: what it says of a row.
        brief: says less, for where there is no room; None to leave the column out there.
        yields: its place in the order of those that give way, first the lowest; None to stay.
        justify: which edge its texts are aligned to.
        key: whether it tells which row this is, so that failed rows have it too.
    """

    name: str
    text: Callable[[Row], str]
    brief: Callable[[Row], str] | None = None
    yields: int | None = None
    justify: Literal["left", "right"] = "right"
    key: bool = False


def _verdict(row: Row) -> str:
    if row.status == "ok":
        return plain(row.verdict) or MISSING
    return cell_words.share_not_finite(row) or plain(row.status).replace("_", " ")


def _work(row: Row) -> str:
    value = row.work_normalized_variance
    return rough(value) if cell_words.is_rough(row) else significant(value)


def _exact(row: Row) -> str:
    """The exact variance, and by how many standard errors the measured one differs."""
    z = "" if math.isnan(row.variance_z) else f" (z = {round(row.variance_z, 1) + 0.0:.1f})"
    return f"{significant(row.variance_exact)}{z}"


EXACT = Column("exact", _exact, brief=lambda row: significant(row.variance_exact), yields=5)
COLUMNS = (
    Column("N", lambda row: count(row.sample_size), key=True),
    Column(
        "bias",
        lambda row: interval(row.bias, row.bias_low, row.bias_high),
        brief=lambda row: bounds(row.bias_low, row.bias_high),
        yields=8,
    ),
    Column(
        "variance",
        lambda row: interval(row.variance, row.variance_low, row.variance_high),
        brief=lambda row: significant(row.variance),
        yields=9,
    ),
    EXACT,
    Column("kurtosis", lambda row: significant(row.kurtosis), yields=7),
    Column("MSE", lambda row: significant(row.mse), yields=1),
    Column("time", lambda row: measured_duration(row.seconds, *cell_words.ends(row, "seconds")), yields=6),
    Column("f evaluations", lambda row: count(row.evaluations), yields=0),
    Column("var × time", _work, yields=3),
    Column("p", lambda row: significant(row.bias_p, 2), yields=4),
    Column("verdict", _verdict, brief=lambda row: _verdict(row).split(" (")[0], yields=2, justify="left"),
)


class ResultsTable(Table):
    """A table that leaves out its least important columns until it fits, rather than break a number.

    As data it has every column. Printed, an estimator's label is a line above its rows,
    and a row that failed says why across the columns that it cannot fill.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        self._labels = distinct(frame["estimator"])
        self._notes = _notes(frame)
        frame = _present(frame)
        self._records: list[Row] = list(frame.itertuples(index=False))
        self._filled = rows.with_numbers(frame).tolist()
        self._given = _columns(frame)
        super().__init__("estimator", *(column.name for column in self._given))
        for row in self._records:
            self.add_row(Text(self._labels[row.estimator]), *(Text(c.text(row)) for c in self._given))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        options = options.update(max_width=min(options.max_width, WIDEST), height=None)
        lines = console.render_lines(self._fitting(console, options), options, pad=False)
        label = None
        for line in lines[:HEADING_LINES]:
            yield from (*line, Segment.line())
        for row, filled, line in zip(self._records, self._filled, lines[HEADING_LINES:], strict=True):
            if row.estimator != label:
                label = row.estimator
                yield from console.render(_whole_line(self._labels[label], "bold"), options)
            if filled:
                yield from (*line, Segment.line())
            else:
                yield from console.render(_whole_line(self._failure(row), "dim"), options)
        for note in self._notes:
            yield from console.render(Text(note, style="dim"), options)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        width = min(options.max_width, WIDEST)
        return Measurement(min(40, width), width)

    def _fitting(self, console: Console, options: ConsoleOptions) -> Table:
        """The table of numbers with as many columns as there is room for."""
        columns = list(self._given)
        for giver in sorted(filter(lambda c: c.yields is not None, columns), key=lambda c: c.yields or 0):
            table = self._numbers(columns)
            if Measurement.get(console, options.update(max_width=10_000), table).maximum <= options.max_width:
                return table
            at = columns.index(giver)
            columns[at : at + 1] = [replace(giver, text=giver.brief)] if giver.brief else []
        return self._numbers(columns)

    def _numbers(self, columns: Sequence[Column]) -> Table:
        table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
        for column in columns:
            table.add_column(column.name, justify=column.justify, no_wrap=True)
        for row, filled in zip(self._records, self._filled, strict=True):
            # What a failed row has to say is written across, so its cells must widen no column.
            texts = [column.text(row) if filled or column.key else "" for column in columns]
            table.add_row(*(Text(text, style=_color(text)) for text in texts))
        return table

    def _failure(self, row: Row) -> str:
        widths = {
            c.name: max(len(c.name), *(len(c.text(r)) for r in self._records)) for c in self._given if c.key
        }
        keys = [
            c.text(row).rjust(widths[c.name]) if c.justify == "right" else c.text(row).ljust(widths[c.name])
            for c in self._given
            if c.key
        ]
        reason = plain(row.reason, 200)
        return "  ".join([*keys, _verdict(row) + (f": {reason}" if reason else "")])


def results_table(measurements: pd.DataFrame) -> Table:
    """The results for a terminal, by estimator and N; at most 120 columns wide, fewer on a narrow one.

    Labels are data, not markup.
    """
    return ResultsTable(_sorted(rows.whole(measurements)))


def plain_table(measurements: pd.DataFrame) -> str:
    """The results as a Markdown table that is also aligned as plain text, and remarks below it."""
    frame = _sorted(rows.whole(measurements))
    if frame.empty:
        return "no results\n"
    labels = distinct(frame["estimator"])
    columns = (
        Column("estimator", lambda row: code(labels[row.estimator]), justify="left"),
        *(replace(column, text=_escaped(column.text)) for column in _columns(frame)),
    )
    records: list[Row] = list(frame.itertuples(index=False))
    cells = [
        [column.name for column in columns],
        *([column.text(row) for column in columns] for row in records),
    ]
    widths = [max(3, *(len(line[i]) for line in cells)) for i in range(len(columns))]
    lines = [_line(line, columns, widths) for line in cells]
    rule = [
        "-" * (w - 1) + (":" if c.justify == "right" else "-") for c, w in zip(columns, widths, strict=True)
    ]
    lines.insert(1, f"| {' | '.join(rule)} |")
    return "\n".join([*lines, "", *(f"{markdown(note)}  " for note in _notes(frame))]) + "\n"


def _sorted(frame: pd.DataFrame) -> pd.DataFrame:
    """By estimator in the order of the scenario, then by N."""
    order = {label: i for i, label in enumerate(frame["estimator"].unique())}
    keys = frame.assign(order=frame["estimator"].map(order), setting=cell_words.setting_of(frame))
    return keys.sort_values(["order", "sample_size"], kind="stable").drop(columns="order")


def _present(frame: pd.DataFrame) -> pd.DataFrame:
    """Without the rows of devices that are absent, unless all are: one remark says as much."""
    present = frame[frame["status"] != "unavailable"]
    return frame if present.empty else present.assign(setting=cell_words.setting_of(present))


def _columns(frame: pd.DataFrame) -> tuple[Column, ...]:
    """The columns, that of exact values where there are any; after N that of the setting, where it varies."""
    known = frame["variance_exact"].notna().any()
    columns = tuple(column for column in COLUMNS if known or column is not EXACT)
    if frame["setting"].nunique() < 2:
        return columns
    return (columns[0], Column("on", lambda row: str(row.setting), justify="left", key=True), *columns[1:])


def _notes(frame: pd.DataFrame) -> list[str]:
    facts = filter(None, (cell_words.replicates(frame), cell_words.common_setting(frame), "95 % intervals"))
    return [
        " · ".join(facts),
        *cell_words.not_finite(frame),
        *(f"not measured: {remark}" for remark in cell_words.not_measured(frame)),
        *cell_words.rough_times(frame),
    ]


def _color(text: str) -> str:
    return "bold red" if text.startswith("biased") or text.endswith("not finite") else ""


def _whole_line(text: str, style: str) -> Text:
    return Text(text, style=style, no_wrap=True, overflow="ellipsis")


def _escaped(text: Callable[[Row], str]) -> Callable[[Row], str]:
    return lambda row: markdown(text(row))


def _line(texts: list[str], columns: tuple[Column, ...], widths: list[int]) -> str:
    padded = (
        text.rjust(width) if column.justify == "right" else text.ljust(width)
        for text, column, width in zip(texts, columns, widths, strict=True)
    )
    return f"| {' | '.join(padded)} |"
