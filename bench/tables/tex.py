r"""The results of a run as a table for LaTeX, which needs `\usepackage{booktabs}` and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

import pandas as pd

from bench.analysis import rows
from bench.tables.results_table import brief_verdict, results_table
from bench.tables.tex_text import points, tex, tex_number
from bench.text.failures import attempted
from bench.text.labels import plain
from bench.text.numbers import grouped
from bench.text.words import capital

YIELDS = {"N": None, "on": None, "bias": None, "variance": None, "MSE": 0, "var × time": 1, "verdict": None}
"""The columns, each with its place in the order in which they go where the page is too narrow."""

_TEXTS = {"N": lambda row: grouped(row.sample_size), "verdict": brief_verdict}
_WORDS = ("on", "verdict")

WIDEST = 345
"""Points: the text of LaTeX's own classes on letter paper at 10 points."""

GAP = 6
"""Points between columns."""


def as_tex(measurements: pd.DataFrame, claims: Sequence[str] = ()) -> str:
    r"""Return a `table` of the whole gradient's rows, below the claims of `bench.text.claims` as a list."""
    whole = rows.whole(measurements)
    items = [rf"  \item {tex(claim)}" for claim in claims]
    parts = [
        r"% \usepackage{booktabs}",
        *([r"\begin{itemize}", *items, r"\end{itemize}"] if items else []),
        *(attempted("the table", lambda: _table(whole), tex) if len(whole) else ["% no results"]),
    ]
    return "\n".join(parts) + "\n"


def _table(whole: pd.DataFrame) -> Iterator[str]:
    every = results_table(whole)
    columns = [
        replace(c, text=_TEXTS.get(c.name, c.text), brief=None, yields=YIELDS[c.name])
        for c in every.columns
        if c.name in YIELDS
    ]
    table = replace(every, columns=columns, across=lambda _: "")
    kept = table.fitted(WIDEST, points, GAP)
    for name in [c.name for c in columns if c not in kept]:
        yield f"% left out, because the page is too narrow: {name}"
    facts, *notes = every.notes
    scenario = plain(whole["scenario"].iloc[0]) or "(no name)"
    about = f"{scenario}: {facts.replace(' · ', ', ')}, time in seconds"
    yield r"\begin{table}"
    yield r"  \centering\footnotesize\setlength{\tabcolsep}{3pt}"
    yield rf"  \caption{{{' '.join(tex(f'{note}.') for note in [about, *map(capital, notes)])}}}"
    yield rf"  \begin{{tabular}}{{@{{}}{''.join(c.align[0] for c in kept)}@{{}}}}"
    yield r"    \toprule"
    yield _line(["$N$" if c.name == "N" else tex(capital(c.name)) for c in kept])
    for label, group in groupby(table.rows, table.group):
        # A line above its own, where a long one widens nothing.
        yield r"    \midrule"
        yield _line([rf"\multicolumn{{{len(kept)}}}{{l}}{{{tex(label)}}}"])
        for row in group:
            yield _line([(tex if c.name in _WORDS else tex_number)(c.text(row)) for c in kept])
    yield from (r"    \bottomrule", r"  \end{tabular}", r"\end{table}")


def _line(cells: Sequence[str]) -> str:
    return rf"    {' & '.join(cells)} \\"
