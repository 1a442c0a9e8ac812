"""The table of reproduced numbers, on a terminal and as a page."""

from __future__ import annotations

from collections.abc import Sequence

from bench.reproduction.reproduced import AS_EXACT, NOT_REPRODUCED, Reproduced
from bench.tables.table import Column, Table
from bench.text.numbers import interval, significant

COLUMNS = (
    Column("estimator", lambda row: row.known.estimator, align="left", key=True),
    Column("N", lambda row: str(row.known.N)),
    Column("what", lambda row: row.known.quantity, align="left"),
    Column("printed", lambda row: "" if row.known.printed is None else significant(row.known.printed)),
    Column("exact", lambda row: significant(row.known.exact)),
    Column("formula", lambda row: row.known.formula, align="left", yields=0),
    Column("measured", lambda row: interval(row.value, row.low, row.high)),
    Column("measured is", lambda row: row.verdict, align="left"),
    Column("printed is", lambda row: row.of_printed, align="left"),
)


def reproduction_table(rows: Sequence[Reproduced]) -> Table:
    """Return the table."""
    return Table(
        COLUMNS, rows, group=lambda row: f"{row.question.source}: {row.question.setting}", heading="source"
    )


def ending(rows: Sequence[Reproduced]) -> str:
    """Return how many agree, in a sentence."""
    right = sum(row.verdict == AS_EXACT for row in rows)
    lost = [row for row in rows if row.of_printed == NOT_REPRODUCED]
    said = f"{right} of {len(rows)} measured numbers are as exact"
    return (
        f"{said}; {len(lost)} printed ones are not reproduced" if lost else f"{said}; no printed one is off"
    )
