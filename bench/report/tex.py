r"""The results of a run as a table for LaTeX, which needs `\usepackage{booktabs}` and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from bench.report import rows
from bench.report.labels import distinct, plain
from bench.report.numbers import count, interval, significant
from bench.report.tex_text import tex, tex_number

Row = Any
"""A row of measurements, by `itertuples`: one attribute a column."""


def _verdict(row: Row) -> str:
    """In a word or two: what would resolve it is for the claims to say."""
    words = plain(row.verdict).split(" (")[0] if row.status == "ok" else plain(row.status)
    return tex(words.replace("_", " ")) or "---"


def _interval(value: float, low: float, high: float) -> str:
    return tex_number(interval(value, low, high))


Column = tuple[str, str, Callable[[Row], str]]
"""Heading, alignment, and what it says of a row."""

COLUMNS: tuple[Column, ...] = (
    ("Variance", "r", lambda row: _interval(row.variance, row.variance_low, row.variance_high)),
    ("Bias", "r", lambda row: _interval(row.bias, row.bias_low, row.bias_high)),
    ("Verdict", "l", _verdict),
    ("MSE", "r", lambda row: tex_number(significant(row.mse))),
    (r"Var.\ $\times$ time", "r", lambda row: tex_number(significant(row.work_normalized_variance))),
)


def as_tex(measurements: pd.DataFrame, claims: Sequence[str] = ()) -> str:
    r"""A `table` of the whole gradient's rows, below the claims as a list.

    Args:
        measurements: of a run.
        claims: plain sentences, as `bench.report.claims` makes them.
    """
    whole = rows.whole(measurements)
    parts = [
        r"% \usepackage{booktabs}",
        *_items(claims),
        *(_table(whole) if len(whole) else ["% no results"]),
    ]
    return "\n".join(parts) + "\n"


def _items(claims: Sequence[str]) -> list[str]:
    if not claims:
        return []
    return [r"\begin{itemize}", *(rf"  \item {tex(claim)}" for claim in claims), r"\end{itemize}"]


def _table(whole: pd.DataFrame) -> list[str]:
    shown = _present(whole).assign(setting=lambda frame: rows.setting_of(frame))
    columns = _columns(shown)
    return [
        r"\begin{table}",
        r"  \centering\footnotesize\setlength{\tabcolsep}{4pt}",
        rf"  \caption{{{_caption(whole, shown)}}}",
        rf"  \begin{{tabular}}{{{''.join(align for _, align, _ in columns)}}}",
        r"    \toprule",
        _line([heading for heading, _, _ in columns]),
        *_body(shown, distinct(whole["estimator"]), columns),
        r"    \bottomrule",
        r"  \end{tabular}",
        r"\end{table}",
    ]


def _body(shown: pd.DataFrame, names: Mapping[str, str], columns: Sequence[Column]) -> Iterator[str]:
    """The rows; an estimator's label is a line above its own, where a long one widens nothing."""
    for label, cells in shown.groupby("estimator", sort=False):
        yield r"    \midrule"
        yield _line([rf"\multicolumn{{{len(columns)}}}{{l}}{{{tex(names[str(label)])}}}"])
        for row in cells.sort_values("sample_size", kind="stable").itertuples(index=False):
            yield _line([text(row) for _, _, text in columns])


def _line(cells: Sequence[str]) -> str:
    return rf"    {' & '.join(cells)} \\"


def _columns(shown: pd.DataFrame) -> list[Column]:
    sizes: Column = ("$N$", "r", lambda row: tex_number(count(row.sample_size)))
    setting: Column = ("On", "l", lambda row: tex(row.setting))
    return [sizes, *([setting] if shown["setting"].nunique() > 1 else []), *COLUMNS]


def _present(whole: pd.DataFrame) -> pd.DataFrame:
    """Without the rows of devices that are absent, unless all are: the caption says as much."""
    present = whole[whole["status"] != "unavailable"]
    return whole if present.empty else present


def _caption(whole: pd.DataFrame, shown: pd.DataFrame) -> str:
    facts = [rows.replicates(shown), rows.common_setting(shown), "95 % intervals", "time in seconds"]
    missing = [f"Not measured: {remark}." for remark in rows.not_measured(whole)]
    scenario = plain(whole["scenario"].iloc[0]) or "(no name)"
    return " ".join(tex(text) for text in [f"{scenario}: {', '.join(filter(None, facts))}.", *missing])
