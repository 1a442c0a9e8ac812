"""The view of one run."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from bench.analysis import rows
from bench.figures import Tables
from bench.page import tables
from bench.page.charts import charts_of
from bench.page.images import pictures_of
from bench.page.view import Field, Table, View
from bench.results.runs import Run
from bench.text import cell_words
from bench.text.labels import plain
from bench.text.provenance import provenance_of

LONG = 1000
"""Characters of a text that are shown; beyond it nobody reads."""

_MOST_VERDICTS = 20


def one_run(
    run: Run,
    drawn: Tables,
    claims: Sequence[str],
    methods: str,
    name: str = "",
    title: str | None = None,
    value: float | None = None,
) -> View:
    """What is shown of a run.

    Args:
        run: the run.
        drawn: the tables of its figures.
        claims: the answer, a sentence each.
        methods: by what statistics.
        name: what comes before the names of its elements.
        title: a line; None for the name of the scenario.
        value: what the run differs in from others, if that is a number.
    """
    scenario = run.record["scenario"]
    whole = rows.whole(run.measurements)
    figures, failed = charts_of(drawn)
    return View(
        name=name,
        title=plain(scenario["name"] if title is None else title, LONG),
        question=plain(scenario.get("question"), LONG),
        claims=[plain(claim, LONG) for claim in claims],
        tables=[_verdicts(whole)],
        figures=figures,
        failed=[plain(line, LONG) for line in failed],
        frames={"measurements": run.measurements},
        labels=list(tables.labels_of(run)),
        pictures=pictures_of(run.pictures),
        provenance=list(provenance_of(run.record)),
        methods=methods,
        value=value,
        remarks=[*cell_words.not_finite(whole), *cell_words.rough_times(whole)],
        rough=[str(row.cell) for row in whole.itertuples() if cell_words.is_rough(row)],
    )


def _verdicts(whole: pd.DataFrame) -> Table:
    """A row for each estimator, device and type, with a verdict on bias for each N."""
    every = sorted(whole["sample_size"].unique())
    step = max(1, math.ceil(len(every) / _MOST_VERDICTS))
    sizes = every[::step]
    notice = f"one in {step} of {len(every)} sample sizes is shown" if step > 1 else ""
    found = list(_rows_of_verdicts(whole, sizes))
    return Table("verdicts", "Verdicts on bias", ["estimator", *(f"N = {N}" for N in sizes)], found, notice)


def _rows_of_verdicts(whole: pd.DataFrame, sizes: Sequence[int]) -> Iterator[list[Field]]:
    settings = cell_words.setting_of(whole[whole["status"] != "unavailable"]).reindex(whole.index)
    for (label, setting), group in whole.groupby([whole["estimator"], settings], sort=False):
        if not rows.with_numbers(group).any():
            continue  # the list of what was not measured has it
        found = {row.sample_size: row for row in group.itertuples()}
        name = f"{plain(label)} ({setting})" if setting else plain(label)
        yield [Field(name), *(_verdict(found.get(N)) for N in sizes)]


def _verdict(row: Any) -> Field:
    if row is None:
        return Field("", "failed")
    if row.status != "ok":
        return Field(cell_words.share_not_finite(row) or plain(row.status).replace("_", " "), "failed")
    return Field(plain(row.verdict), plain(row.verdict).split(" ")[0], "bias")
