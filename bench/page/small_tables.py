"""Small tables: of one run the estimators from the best to the worst, and the verdicts on bias."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bench.analysis import rows
from bench.analysis.first_screen import standings
from bench.results.run import Run
from bench.statistics.metric_table import COMPARED, LABELS, METRICS
from bench.text import cell_words
from bench.text.labels import plain
from bench.text.numbers import grouped, interval, measured_duration, significant
from bench.text.size_words import size_said

_MOST_VERDICTS = 20


@dataclass(frozen=True)
class Field:
    """A field of a table: text, class in the style sheet, figure that it links to, note on hovering."""

    text: str
    kind: str = ""
    figure: str = ""
    note: str = ""


@dataclass(frozen=True)
class SmallTable:
    """A table that needs no script; its first column names the rows, and a note stands below it."""

    name: str
    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[Field]]
    note: str = ""


def strip(run: Run, metric: str) -> SmallTable | None:
    """Return the estimators at one place, from the best to the worst by a metric; None without any."""
    found = standings(run, metric)
    if found.empty:
        return None
    first = found.iloc[0]
    told = ["problem"] * (run.measurements["problem"].nunique() > 1) + ["device", "dtype"]
    size = size_said(found, grouped(first["sample_size"]))
    place = ", ".join(filter(None, [size, *map(plain, first[told])]))
    name = METRICS[metric].columns[0].name
    main, note = LABELS.get(name, name).partition("\n")[0], ""
    if metric in COMPARED:
        main = f"{COMPARED[metric].label}, ratio to the best"
        note = "The intervals of all ratios hold together with 95 %."
    head = ["estimator", main, "bias", "time", "variance × time"]
    records: list[Any] = list(found.itertuples(index=False))
    fields = [
        [
            Field(plain(row.estimator)),
            _standing(row, metric, place=i),
            _verdict(row),
            Field(measured_duration(row.seconds, row.seconds_low, row.seconds_high)),
            Field(significant(row.work_normalized_variance), note=_interval(row, "work_normalized_variance")),
        ]
        for i, row in enumerate(records)
    ]
    return SmallTable("strip", f"At {place}", head, fields, note)


def _standing(row: Any, metric: str, place: int) -> Field:
    value = _interval(row, "value")
    if metric not in COMPARED:
        return Field(value)
    if place == 0 and row.leads:
        return Field("best", note=f"{metric} {value}")
    return Field(interval(row.ratio, row.low, row.high), note=f"{metric} {significant(row.value)}")


def _interval(row: Any, name: str) -> str:
    return interval(*(getattr(row, f"{name}{end}") for end in ("", "_low", "_high")))


def verdicts(whole: pd.DataFrame) -> SmallTable:
    """Return a row for each estimator, device and type, with a verdict on bias for each N."""
    known = sorted(whole["sample_size"].unique())
    sizes, note = rows.one_in(len(known) / _MOST_VERDICTS, known, "sample sizes is shown")
    settings = cell_words.setting_of(whole[whole["status"] != "unavailable"]).reindex(whole.index)
    every = whole.assign(setting=settings, known=rows.with_numbers(whole))
    lines: dict[tuple[str, str], dict[int, Any]] = {}
    row: Any
    for row in every.itertuples():
        lines.setdefault((row.estimator, row.setting), {})[row.sample_size] = row
    fields = []
    for (label, setting), found in lines.items():
        if any(row.known for row in found.values()):  # others are in the list of what was not measured
            name = f"{plain(label)} ({setting})" if setting else plain(label)
            fields.append([Field(name), *(_verdict(found.get(N)) for N in sizes)])
    head = ["estimator", *(size_said(whole, grouped(N)) for N in sizes)]
    return SmallTable("verdicts", "Verdicts on bias", head, fields, note)


def _verdict(row: Any) -> Field:
    """Return the verdict in a word or two, which links to the figure of biases."""
    if row is None:
        return Field("", "failed")
    if row.status != "ok":
        return Field(cell_words.share_not_finite(row) or plain(row.status).replace("_", " "), "failed")
    said = plain(row.verdict, 200)
    word = said.partition(" (")[0]
    return Field(word, word.partition(" ")[0], "bias", f"{said}; bias {_interval(row, 'bias')}")
