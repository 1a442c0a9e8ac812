"""A comparison as a table, and as JSON."""

from __future__ import annotations

import json
import math
from typing import Any

import pandas as pd

from bench.analysis.comparison import Comparison
from bench.statistics.metric_table import COMPARED
from bench.tables.table import Column, Table
from bench.text import cell_words
from bench.text.labels import distinct
from bench.text.left_out import notes
from bench.text.numbers import MISSING, count, significant
from bench.text.ratio_text import ratio_text, remarks

Row = Any
"""A row of a comparison, by `itertuples`: one attribute a column."""

_COLORS = {"better": "green", "worse": "red"}

COLUMNS = (
    Column("N", lambda row: count(row.sample_size), key=True),
    Column("on", lambda row: str(row.setting), align="left", key=True),
    Column("metric", lambda row: COMPARED[row.metric].label, align="left"),
    Column("ratio", lambda row: ratio_text(row.ratio, row.low, row.high)),
    # As many digits as a ratio deserves.
    Column("equivalent samples", lambda row: _samples(row.equivalent_samples), yields=1),
    Column("comparison", lambda row: "paired" if row.paired else "unpaired", yields=0, align="left"),
    Column("mark", lambda row: str(row.mark), align="left", style=lambda text: _COLORS.get(text, "")),
)


def comparison_table(found: Comparison) -> Table:
    """Return ratios to the control by estimator, with the level and what is not compared."""
    frame = found.frame.assign(setting=cell_words.setting_of(found.frame))
    names = distinct(found.estimators)
    absent = {
        "on": not (frame["setting"] != "").any(),
        "equivalent samples": not frame["equivalent_samples"].notna().any(),
    }
    return Table(
        [column for column in COLUMNS if not absent.get(column.name)],
        list(frame.itertuples(index=False)),
        group=lambda row: names[row.estimator],
        notes=remarks(found),
    )


def as_json(found: Comparison) -> str:
    """Return a comparison as strict JSON: what is not a finite number is null; `mark` still tells."""
    records = [
        {name: _plain(value) for name, value in record.items()} for record in found.frame.to_dict("records")
    ]
    content = {
        "scenario": found.scenario,
        "control": found.control,
        "level": found.level,
        "rows": records,
        "notes": list(notes(found.left_out)),
    }
    return json.dumps(content, indent=1, allow_nan=False)


def _samples(value: float) -> str:
    return MISSING if math.isnan(value) else significant(value)


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return None if value is pd.NA else value
