"""Small tables of one run: the estimators from the best to the worst, and the verdicts on bias."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from bench.analysis import rows
from bench.analysis.first_screen import standings
from bench.page.view import Field, Table
from bench.results.runs import Run
from bench.statistics.metric_table import COMPARED, LABELS, METRICS
from bench.text import cell_words
from bench.text.labels import plain
from bench.text.numbers import grouped, interval, measured_duration, significant

_MOST_VERDICTS = 20


def strip(run: Run, metric: str) -> Table | None:
    """Return the estimators at one place, from the best to the worst; None if nothing was measured.

    Args:
        run: the run.
        metric: by which they are ordered and compared.
    """
    found = standings(run, metric)
    if found.empty:
        return None
    first, several = found.iloc[0], run.measurements["problem"].nunique() > 1
    at = [f"N = {grouped(first['sample_size'])}", plain(first["problem"]) * several]
    place = ", ".join(filter(None, [*at, plain(first["device"]), plain(first["dtype"])]))
    name = METRICS[metric].columns[0].name
    label = LABELS.get(name, name).partition("\n")[0]
    head = [f"{COMPARED[metric].label}, ratio to the best" if metric in COMPARED else label]
    head = ["estimator", *head, "bias", "time", "variance × time"]
    notice = "The intervals of all ratios hold together with 95 %." if metric in COMPARED else ""
    records = list(found.itertuples(index=False))
    return Table(
        "strip", f"At {place}", head, [_standing(row, metric, i) for i, row in enumerate(records)], notice
    )


def _standing(row: Any, metric: str, place: int) -> list[Field]:
    if metric not in COMPARED:
        main = Field(interval(row.value, row.value_low, row.value_high))
    elif place == 0 and row.leads:
        main = Field("best", note=f"{metric} {interval(row.value, row.value_low, row.value_high)}")
    else:
        main = Field(interval(row.ratio, row.low, row.high), note=f"{metric} {significant(row.value)}")
    work = row.work_normalized_variance
    return [
        Field(plain(row.estimator)),
        main,
        _verdict(row),
        Field(measured_duration(row.seconds, row.seconds_low, row.seconds_high)),
        Field(
            significant(work),
            note=interval(work, row.work_normalized_variance_low, row.work_normalized_variance_high),
        ),
    ]


def verdicts(whole: pd.DataFrame) -> Table:
    """Return a row for each estimator, device and type, with a verdict on bias for each N."""
    every = sorted(whole["sample_size"].unique())
    step = max(1, math.ceil(len(every) / _MOST_VERDICTS))
    sizes = every[::step]
    notice = f"one in {step} of {len(every)} sample sizes is shown" if step > 1 else ""
    found = list(_rows_of_verdicts(whole, sizes))
    return Table(
        "verdicts", "Verdicts on bias", ["estimator", *(f"N = {grouped(N)}" for N in sizes)], found, notice
    )


def _rows_of_verdicts(whole: pd.DataFrame, sizes: Sequence[int]) -> Iterator[list[Field]]:
    settings = cell_words.setting_of(whole[whole["status"] != "unavailable"]).reindex(whole.index)
    for (label, setting), group in whole.groupby([whole["estimator"], settings], sort=False):
        if not rows.with_numbers(group).any():
            continue  # the list of what was not measured has it
        found = {row.sample_size: row for row in group.itertuples()}
        name = f"{plain(label)} ({setting})" if setting else plain(label)
        yield [Field(name), *(_verdict(found.get(N)) for N in sizes)]


def _verdict(row: Any) -> Field:
    """Return the verdict in a word or two, which links to the figure of biases."""
    if row is None:
        return Field("", "failed")
    if row.status != "ok":
        return Field(cell_words.share_not_finite(row) or plain(row.status).replace("_", " "), "failed")
    said = plain(row.verdict, 200)
    word = said.partition(" (")[0]
    note = f"{said}; bias {interval(row.bias, row.bias_low, row.bias_high)}"
    return Field(word, word.partition(" ")[0], "bias", note)
