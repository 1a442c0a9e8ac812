"""Estimators that apply to a problem, as a table, and how they came out on problems like it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.choosing import Candidate, factor_said, kept
from bench.tables.table import Column, Table
from bench.text.numbers import MISSING, count


def candidates_table(found: Sequence[Candidate]) -> Table:
    """Return a row for each estimator: what it claims and costs, or why it does not apply."""
    columns = [
        Column("estimator", lambda row: row.estimator, align="left"),
        Column("claim", lambda row: MISSING if row.reason else row.claim, align="left"),
        Column("least N", lambda row: MISSING if row.reason else count(row.least)),
        Column("f evaluations", lambda row: MISSING if row.reason else count(row.evaluations)),
        Column("", lambda row: row.reason or row.remark, align="left", wraps=True),
    ]
    return Table(columns, found, notes=["evaluations of f are those of one estimate of the least N"])


def order_lines(names: Sequence[str]) -> Iterator[str]:
    """Yield how the estimators came out on those of the shipped scenarios that have an order."""
    for name in names:
        each = kept()[name]
        places = [f"{row['estimator']} ({factor_said(row)})" for row in each["order"]]
        if places:
            yield f"as on {name}, {each['size']}, by variance × evaluations of f: {', '.join(places)}"
