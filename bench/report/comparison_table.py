"""A comparison as text: for a terminal, as Markdown, as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import pandas as pd
from rich import box
from rich.table import Table
from rich.text import Text

from bench.analysis.comparison import Comparison
from bench.report import cell_words
from bench.report.labels import code, distinct, markdown
from bench.report.left_out import notes
from bench.report.numbers import MISSING, significant
from bench.statistics.metric_table import COMPARED

Row = Any
"""A row of a comparison, by `itertuples`: one attribute a column."""

MOST_DIGITS = 6
RIGHT = ("N", "ratio", "equivalent samples")
_COLORS = {"better": "green", "worse": "red"}


def as_table(found: Comparison) -> Table:
    """For a terminal; labels are data, not markup."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    columns = _columns(found)
    for name in columns:
        table.add_column(name, justify="right" if name in RIGHT else "left", no_wrap=True)
    for row in found.frame.assign(setting=cell_words.setting_of(found.frame)).itertuples(index=False):
        texts = [text(row) for text in columns.values()]
        table.add_row(*(Text(text, style=_COLORS.get(text, "")) for text in texts))
    return table


def as_markdown(found: Comparison) -> str:
    """As a Markdown table, and remarks below it."""
    columns = _columns(found)
    lines = [
        f"| {' | '.join(columns)} |",
        f"|{'|'.join('---:' if n in RIGHT else '---' for n in columns)}|",
    ]
    for row in found.frame.assign(setting=cell_words.setting_of(found.frame)).itertuples(index=False):
        texts = [
            code(text(row)) if name == "estimator" else markdown(text(row)) for name, text in columns.items()
        ]
        lines.append(f"| {' | '.join(texts)} |")
    return "\n".join([*lines, "", *(f"{markdown(remark)}  " for remark in remarks(found))]) + "\n"


def as_json(found: Comparison) -> str:
    """As strict JSON: what is not a finite number is null; `mark` still tells."""
    records = [
        {name: _plain(value) for name, value in record.items()} for record in found.frame.to_dict("records")
    ]
    whole = {
        "scenario": found.scenario,
        "control": found.control,
        "level": found.level,
        "rows": records,
        "notes": list(notes(found.left_out)),
    }
    return json.dumps(whole, indent=1, allow_nan=False)


def remarks(found: Comparison) -> list[str]:
    """The level, the control, and what is not compared."""
    intervals = int(found.frame["low"].notna().sum())
    return [
        f"ratio to {found.control} · below 1 is better · {level_text(found.level)} intervals, "
        f"so that all {intervals} hold together with 95 %",
        *notes(found.left_out),
    ]


def level_text(level: float) -> str:
    """A confidence level with the digits that tell it from 1: 95 %, 99.75 %."""
    digits = 2 - math.floor(math.log10(100 * (1 - level)))
    return f"{100 * level:.{digits}f}".rstrip("0").rstrip(".") + " %"


def ratio_text(value: float, low: float, high: float) -> str:
    """A ratio with its interval: as many digits as its width deserves, and more where 1 is just missed."""
    if math.isnan(low) or math.isnan(high):
        return f"{significant(value)} (no interval)" if not math.isnan(value) else MISSING
    wide = math.log(high / low) if 0 < low <= high < math.inf else 1.0
    least = min(max(math.ceil(1.5 - math.log10(wide)), 2), MOST_DIGITS) if wide > 0 else 3
    digits = next((d for d in range(least, MOST_DIGITS) if not _seems_one(low, high, d)), MOST_DIGITS)
    texts = [_digits(each, digits) for each in (value, low, high)]
    return f"{texts[0]} ({texts[1]} … {texts[2]})"


def _digits(x: float, digits: int) -> str:
    return f"{x:#.{digits}g}".rstrip(".") if 1e-3 <= x < 10**digits - 0.5 else significant(x, digits)


def _seems_one(low: float, high: float, digits: int) -> bool:
    return any(x != 1 and math.isfinite(x) and float(_digits(x, digits)) == 1 for x in (low, high))


def _columns(found: Comparison) -> dict[str, Callable[[Row], str]]:
    labels = distinct(found.estimators)
    columns: dict[str, Callable[[Row], str]] = {
        "estimator": lambda row: labels[row.estimator],
        "N": lambda row: str(row.sample_size),
        "on": lambda row: str(row.setting),
        "metric": lambda row: COMPARED[row.metric].label,
        "ratio": lambda row: ratio_text(row.ratio, row.low, row.high),
        "equivalent samples": lambda row: _samples(row.equivalent_samples),
        "comparison": lambda row: "paired" if row.paired else "unpaired",
        "mark": lambda row: str(row.mark),
    }
    if not (cell_words.setting_of(found.frame) != "").any():
        del columns["on"]
    if not found.frame["equivalent_samples"].notna().any():
        del columns["equivalent samples"]
    return columns


def _samples(value: float) -> str:
    """How many samples of the control are as good; as many digits as a ratio deserves."""
    return MISSING if math.isnan(value) else significant(value)


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return None if value is pd.NA else value
