r"""The results of a run as a table for LaTeX, which needs `\usepackage{booktabs}` and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

import pandas as pd

from bench.analysis import rows
from bench.tables.results_table import brief_verdict, columns_of, ordered
from bench.tables.table import Column, Table
from bench.tables.tex_text import points, tex, tex_number
from bench.text import cell_words
from bench.text.failures import attempted
from bench.text.labels import distinct, plain
from bench.text.numbers import grouped

Row = Any
"""A row of measurements, by `itertuples`: one attribute a column."""

YIELDS = {"N": None, "on": None, "bias": None, "variance": None, "MSE": 0, "var × time": 1, "verdict": None}
"""The columns, each with its place in the order in which they go where the page is too narrow."""

_TEXTS = {"N": lambda row: grouped(row.sample_size), "verdict": brief_verdict}
_WORDS = ("on", "verdict")

WIDEST = 345
"""Points: the text of LaTeX's own classes on letter paper at 10 points."""

GAP = 6
"""Points between columns."""


def as_tex(measurements: pd.DataFrame, claims: Sequence[str] = ()) -> str:
    r"""Return a `table` of the whole gradient's rows, below the claims as a list.

    Args:
        measurements: of a run.
        claims: plain sentences, as `bench.text.claims` makes them.
    """
    whole = rows.whole(measurements)
    parts = [
        r"% \usepackage{booktabs}",
        *_items(claims),
        *(attempted("the table", lambda: _table(whole), tex) if len(whole) else ["% no results"]),
    ]
    return "\n".join(parts) + "\n"


def _items(claims: Sequence[str]) -> list[str]:
    if not claims:
        return []
    return [r"\begin{itemize}", *(rf"  \item {tex(claim)}" for claim in claims), r"\end{itemize}"]


def _table(whole: pd.DataFrame) -> list[str]:
    present = whole[whole["status"] != "unavailable"]  # the caption says as much
    shown = ordered(whole if present.empty else present)
    names = distinct(whole["estimator"])
    columns = [
        replace(c, text=_TEXTS.get(c.name, c.text), brief=None, yields=YIELDS[c.name])
        for c in columns_of(shown, tuple(YIELDS))
    ]
    table = Table(columns, list(shown.itertuples(index=False)), lambda row: names[row.estimator])
    kept = table.fitted(WIDEST, points, GAP)
    gone = [c.name for c in columns if c.name not in {each.name for each in kept}]
    return [
        *(f"% left out, because the page is too narrow: {name}" for name in gone),
        r"\begin{table}",
        r"  \centering\footnotesize\setlength{\tabcolsep}{3pt}",
        rf"  \caption{{{_caption(whole, shown)}}}",
        rf"  \begin{{tabular}}{{@{{}}{''.join(c.align[0] for c in kept)}@{{}}}}",
        r"    \toprule",
        _line(["$N$" if c.name == "N" else tex(c.name[:1].upper() + c.name[1:]) for c in kept]),
        *_body(table, kept),
        r"    \bottomrule",
        r"  \end{tabular}",
        r"\end{table}",
    ]


def _body(table: Table, columns: Sequence[Column]) -> Iterator[str]:
    """Yield the rows; an estimator's label is a line above its own, where a long one widens nothing."""
    for label, group in groupby(table.rows, table.group):
        yield r"    \midrule"
        yield _line([rf"\multicolumn{{{len(columns)}}}{{l}}{{{tex(label)}}}"])
        yield from (_line([_cell(column, row) for column in columns]) for row in group)


def _cell(column: Column, row: Row) -> str:
    text = column.text(row)
    return tex(text) if column.name in _WORDS else tex_number(text)


def _line(cells: Sequence[str]) -> str:
    return rf"    {' & '.join(cells)} \\"


def _caption(whole: pd.DataFrame, shown: pd.DataFrame) -> str:
    facts = [
        cell_words.replicates(shown),
        cell_words.common_setting(shown),
        "95 % intervals",
        "time in seconds",
    ]
    missing = [
        *(_sentence(remark) for remark in [*cell_words.not_finite(whole), *cell_words.rough_times(whole)]),
        *(f"Not measured: {remark}." for remark in cell_words.not_measured(whole)),
    ]
    scenario = plain(whole["scenario"].iloc[0]) or "(no name)"
    return " ".join(tex(text) for text in [f"{scenario}: {', '.join(filter(None, facts))}.", *missing])


def _sentence(remark: str) -> str:
    return f"{remark[:1].upper()}{remark[1:]}."
