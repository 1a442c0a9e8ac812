"""The page of reproduced numbers, `docs/reproduction.md`: `make reproduce`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from bench.reproduction.reproduced import FALSE_ALARM, Reproduced
from bench.reproduction.reproduction_table import COLUMNS, ending
from bench.tables.table import Table
from bench.text.labels import markdown

INTRODUCTION = f"""\
# Published numbers

Made by `make reproduce`; `bench reproduce` measures them again, in half a minute. *Exact* is what the
formula gives, *printed* what a source prints. Under each heading are the papers that introduced its
estimators: most print no number for a setting small enough to be computed, so only the lectures' numbers
stand in the column *printed*. A measured number is *as exact* if it differs from the
exact one by no more than chance explains: all numbers together raise a false alarm in one of
{1 / FALSE_ALARM:.0f} runs. A number that is printed from few repetitions is *within chance* if it is within
four standard errors for as many repetitions; otherwise it is *not reproduced*. Claims that a paper makes
without a number, such as that one estimator has less variance than another, are checked against the
reference runs in [Claims of papers](claims.md).
"""


def page(rows: Sequence[Reproduced]) -> str:
    """Return the page, as Markdown."""
    parts = [INTRODUCTION]
    for question, of in groupby(rows, lambda row: row.question):
        parts.append(
            f"## {markdown(question.setting)}\n\n{markdown(question.source)}.\n\n{_table(list(of))}\n"
        )
    return "\n".join([*parts, f"{ending(rows)}.\n"])


def _table(rows: Sequence[Reproduced]) -> str:
    filled = [column for column in COLUMNS if any(column.text(row) for row in rows)]
    return Table(filled, rows).markdown()
