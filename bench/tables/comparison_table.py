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
from bench.statistics.metric_table import COMPARED
from bench.text import cell_words
from bench.text.labels import code, distinct, markdown
from bench.text.left_out import notes
from bench.text.numbers import MISSING, significant
from bench.text.ratio_text import ratio_text, remarks

Row = Any
"""A row of a comparison, by `itertuples`: one attribute a column."""

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
