"""The results of a run as a table, by estimator and N."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd

from bench.analysis import rows
from bench.tables.table import Column, Table
from bench.text import cell_words
from bench.text.labels import distinct, plain
from bench.text.numbers import MISSING, bounds, count, measured_duration, rough, significant

Row = Any
"""A row of measurements, by `itertuples`: one attribute a column."""


def verdict(row: Row) -> str:
    """Return the verdict on the bias of a row, or why it has none."""
    if row.status == "ok":
        return plain(row.verdict).replace("_", " ") or MISSING
    return cell_words.share_not_finite(row) or plain(row.status).replace("_", " ") or MISSING


def brief_verdict(row: Row) -> str:
    """Return the verdict without what would resolve it, which is for the sentences to say."""
    return verdict(row).split(" (")[0]


def _exact(row: Row) -> str:
    """Return the exact variance, and by how many standard errors the measured one differs."""
    z = "" if math.isnan(row.variance_z) else f" (z = {round(row.variance_z, 1) + 0.0:.1f})"
    return f"{significant(row.variance_exact)}{z}"


def _interval(name: str) -> Callable[[Row], str]:
    return lambda row: cell_words.interval_of(row, name)


def _color(text: str) -> str:
    return "bold red" if text.startswith("biased") or text.endswith("not finite") else ""


COLUMNS = (
    Column("N", lambda row: count(getattr(row, "samples", row.sample_size)), key=True),
    Column("on", lambda row: str(row.setting), align="left", key=True),
    Column("bias", _interval("bias"), lambda row: bounds(row.bias_low, row.bias_high), yields=8),
    Column("variance", _interval("variance"), lambda row: significant(row.variance), yields=9),
    Column("exact", _exact, brief=lambda row: significant(row.variance_exact), yields=5),
    Column("kurtosis", lambda row: significant(row.kurtosis), yields=7),
    Column("SNR", _interval("snr"), lambda row: significant(row.snr)),
    Column("cosine", _interval("cosine"), lambda row: significant(row.cosine)),
    Column("MSE", lambda row: significant(row.mse), yields=1),
    Column("time", lambda row: measured_duration(row.seconds, *cell_words.ends(row, "seconds")), yields=6),
    Column("f evaluations", lambda row: count(row.evaluations), yields=0),
    Column(
        "var × time",
        lambda row: (rough if cell_words.is_rough(row) else significant)(row.work_normalized_variance),
        yields=3,
    ),
    Column("p", lambda row: significant(row.bias_p, 2), yields=4),
    Column("verdict", verdict, brief=brief_verdict, yields=2, align="left", style=_color),
)

HEADLINES = {
    "mse": "MSE",
    "snr": "SNR",
    "cosine": "cosine",
    "cost": "time",
    "work_normalized_variance": "var × time",
}
"""Metrics that a scenario may be about -> their column, which then gives way last."""


def results_table(measurements: pd.DataFrame, headline: str = "variance") -> Table:
    """Return the results as a table; a row that failed says why across the columns that it cannot fill.

    Rows of absent devices are left out, unless all are: one note says as much. Signal-to-noise ratio and
    cosine are there if the scenario is about them.
    """
    told = HEADLINES.get(headline)
    whole = rows.whole(measurements)
    present = whole[whole["status"] != "unavailable"]
    frame = whole if present.empty else present
    names = distinct(frame["estimator"])
    frame = frame.assign(
        order=frame["estimator"].map(list(names).index),
        setting=cell_words.setting_of(frame),
        numbers=rows.with_numbers(frame),
    ).sort_values(["order", "sample_size"], kind="stable")
    empty = {"on": frame["setting"].nunique() < 2, "exact": frame["variance_exact"].isna().all()}
    empty |= {name: name != told for name in ("SNR", "cosine")}
    facts = (cell_words.replicates(whole), cell_words.common_setting(frame), "95 % intervals")
    return Table(
        [replace(c, yields=10) if c.name == told else c for c in COLUMNS if not empty.get(c.name)],
        list(frame.itertuples(index=False)),
        group=lambda row: names[row.estimator],
        across=lambda row: "" if row.numbers else _failure(row),
        notes=[
            " · ".join(filter(None, facts)),
            *cell_words.not_finite(whole),
            *(f"not measured: {remark}" for remark in cell_words.not_measured(whole)),
            *cell_words.rough_times(whole),
        ],
    )


def plain_table(measurements: pd.DataFrame, headline: str = "variance") -> str:
    """Return the results as a Markdown table, and notes below it."""
    return results_table(measurements, headline).markdown() if len(measurements) else "no results\n"


def _failure(row: Row) -> str:
    reason = plain(row.reason, 200)
    return verdict(row) + (f": {reason}" if reason else "")
