"""Ratios to a control as tables, and as JSON."""

from __future__ import annotations

import json
import math
from operator import itemgetter
from typing import Any

import pandas as pd

from bench.analysis.comparison import Comparison
from bench.statistics.metric_table import COMPARED
from bench.tables.table import Column, Table
from bench.text.cell_words import setting_of
from bench.text.labels import distinct, plain
from bench.text.left_out import notes
from bench.text.numbers import MISSING, count, significant
from bench.text.ratio_text import TOGETHER, ratio_text, remarks

_COLORS = {"better": "green", "worse": "red", "biased": "bold red"}

COLUMNS = (
    Column("N", lambda row: count(row.sample_size), key=True),
    Column("on", lambda row: str(row.setting), align="left", key=True),
    Column("metric", lambda row: COMPARED[row.metric].label, align="left"),
    Column("ratio", lambda row: ratio_text(row.ratio, row.low, row.high)),
    # As many digits as a ratio deserves.
    Column("equivalent samples", lambda row: significant(row.equivalent_samples), yields=1),
    Column("comparison", lambda row: "paired" if row.paired else "unpaired", yields=0, align="left"),
    Column("mark", lambda row: str(row.mark), align="left", style=lambda text: _COLORS.get(text, "")),
)

PROBLEM_NOTICE = (
    f"Below 1 is better. The intervals of all problems hold together with {TOGETHER}, and so do those of the "
    "means; these count each scenario once, and hold for these scenarios only. Biased cells have no ratio."
)
"""The note that a reader needs below the ratios on each problem."""


def comparison_table(found: Comparison) -> Table:
    """Return ratios to the control by estimator, with the level and what is not compared."""
    frame = _judged(found).assign(setting=setting_of(found.frame))
    names = distinct(found.estimators)
    empty = {
        "on": (frame["setting"] == "").all(),
        "equivalent samples": frame["equivalent_samples"].isna().all(),
    }
    return Table(
        [column for column in COLUMNS if not empty.get(column.name)],
        list(frame.itertuples(index=False)),
        group=lambda row: names[row.estimator],
        notes=remarks(found),
    )


def as_json(found: Comparison) -> str:
    """Return a comparison as strict JSON: what is not a finite number is null; `mark` still tells."""
    content = {
        "scenario": found.scenario,
        "control": found.control,
        "level": found.level,
        "rows": [{key: _finite(x) for key, x in row.items()} for row in _judged(found).to_dict("records")],
        "notes": list(notes(found.left_out)),
    }
    return json.dumps(content, indent=1, allow_nan=False)


def _judged(found: Comparison) -> pd.DataFrame:
    """Return the ratios, marked as biased where a low one is no win, which no number of samples equals."""
    frame = found.frame
    no_win = [not COMPARED[metric].counts_bias for metric in frame["metric"]]
    biased = frame["cell"].isin(found.biased) & pd.Series(no_win, frame.index, dtype=bool)
    samples = frame.filter(like="equivalent_samples").mask(biased)
    return frame.assign(mark=frame["mark"].mask(biased, "biased"), **samples)


def problem_frame(found: Comparison) -> pd.DataFrame:
    """Return texts of `ratios_by_problem`: a row for each estimator, problems as columns, the mean last."""
    frame, names = found.frame, distinct(found.frame["estimator"])
    problems = distinct(frame["problem"], 80)
    texts = frame.assign(text=list(map(ratio_text, frame["ratio"], frame["low"], frame["high"])))
    wide = texts.pivot(index="estimator", columns="problem", values="text").fillna(MISSING)
    return wide.reindex(index=list(names), columns=list(problems)).rename(index=names, columns=problems)


def problem_title(found: Comparison) -> str:
    """Return what `problem_frame` shows."""
    metric = COMPARED[found.frame["metric"].iloc[0]].label if len(found.frame) else "metrics"
    return f"Ratios of {metric} to {plain(found.control) or '(no name)'} on each problem"


def problem_table(found: Comparison) -> Table:
    """Return `problem_frame` as a table."""
    frame = problem_frame(found)
    columns = [Column(str(name), itemgetter(i)) for i, name in enumerate(frame, 1)]
    return Table(columns, list(frame.itertuples(name=None)), group=itemgetter(0), notes=[PROBLEM_NOTICE])


def _finite(value: Any) -> Any:
    return None if value is pd.NA or (isinstance(value, float) and not math.isfinite(value)) else value
