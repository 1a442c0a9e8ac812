r"""The results of a run as a table for LaTeX, which needs `\usepackage{booktabs}` and nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bench.analysis import rows
from bench.tables.tex_text import tex, tex_number
from bench.tables.tex_width import points
from bench.text import cell_words
from bench.text.labels import distinct, plain
from bench.text.numbers import MISSING, grouped, interval, rough, significant

Row = Any
"""A row of measurements, by `itertuples`: one attribute a column."""


def _verdict(row: Row) -> str:
    """In a word or two: what would resolve it is for the claims to say."""
    if row.status == "ok":
        return plain(row.verdict).split(" (")[0].replace("_", " ") or MISSING
    return cell_words.share_not_finite(row) or plain(row.status).replace("_", " ") or MISSING


def _work(row: Row) -> str:
    value = row.work_normalized_variance
    return rough(value) if cell_words.is_rough(row) else significant(value)


@dataclass(frozen=True)
class Column:
    """A column of the table.

    Attributes:
        heading: above it, in LaTeX.
        align: l or r.
        text: what it says of a row, as plain text.
        words: whether that is words, not a number with its interval.
        yields: the place in the order in which columns go where the page is too narrow; None never goes.
    """

    heading: str
    align: str
    text: Callable[[Row], str]
    words: bool = False
    yields: int | None = None

    def cell(self, row: Row) -> str:
        """What it says of a row, in LaTeX."""
        return tex(self.text(row)) if self.words else tex_number(self.text(row))

    def width(self, cells: Iterable[Row]) -> float:
        """About how wide it is, in points."""
        heading = re.sub(r"[$\\]", "", self.heading.replace(r"\times", "×"))
        return max(points(text) for text in (heading, *map(self.text, cells)))


COLUMNS = (
    Column("Variance", "r", lambda row: interval(row.variance, row.variance_low, row.variance_high)),
    Column("Bias", "r", lambda row: interval(row.bias, row.bias_low, row.bias_high)),
    Column("Verdict", "l", _verdict, words=True),
    Column("MSE", "r", lambda row: significant(row.mse), yields=0),
    Column(r"Var.\ $\times$ time", "r", _work, yields=1),
)

WIDEST = 345
"""Points: the text of LaTeX's own classes on letter paper at 10 points."""

GAP = 6
"""Points between columns."""


def as_tex(measurements: pd.DataFrame, claims: Sequence[str] = ()) -> str:
    r"""A `table` of the whole gradient's rows, below the claims as a list.

    Args:
        measurements: of a run.
        claims: plain sentences, as `bench.text.claims` makes them.
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
    shown = _present(whole).assign(setting=lambda frame: cell_words.setting_of(frame))
    columns, gone = _fitting(_columns(shown), list(shown.itertuples(index=False)))
    return [
        *(f"% left out, because the page is too narrow: {each.heading}" for each in gone),
        r"\begin{table}",
        r"  \centering\footnotesize\setlength{\tabcolsep}{3pt}",
        rf"  \caption{{{_caption(whole, shown)}}}",
        rf"  \begin{{tabular}}{{@{{}}{''.join(each.align for each in columns)}@{{}}}}",
        r"    \toprule",
        _line([each.heading for each in columns]),
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
            yield _line([each.cell(row) for each in columns])


def _line(cells: Sequence[str]) -> str:
    return rf"    {' & '.join(cells)} \\"


def _columns(shown: pd.DataFrame) -> list[Column]:
    sizes = Column("$N$", "r", lambda row: grouped(row.sample_size))
    setting = Column("On", "l", lambda row: row.setting, words=True)
    return [sizes, *([setting] if shown["setting"].nunique() > 1 else []), *COLUMNS]


def _fitting(columns: list[Column], cells: list[Row]) -> tuple[list[Column], list[Column]]:
    """The columns that find room on a page, and those that go, because others say more."""
    widths = {each.heading: each.width(cells) + GAP for each in columns}
    gone: list[Column] = []
    for each in sorted((each for each in columns if each.yields is not None), key=lambda c: c.yields or 0):
        if sum(widths.values()) - GAP > WIDEST:
            gone.append(each)
            del widths[each.heading]
    return [each for each in columns if each.heading in widths], gone


def _present(whole: pd.DataFrame) -> pd.DataFrame:
    """Without the rows of devices that are absent, unless all are: the caption says as much."""
    present = whole[whole["status"] != "unavailable"]
    return whole if present.empty else present


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
