"""The view of one run."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

import pandas as pd

from bench.analysis import rows
from bench.figures.captions import label_of
from bench.figures.figure_tables import of_a_run
from bench.page.charts import charts_of
from bench.page.images import pictures_of
from bench.page.strip import strip, verdicts
from bench.page.view import LONG, View
from bench.results.runs import Run
from bench.statistics.metric_table import METRICS
from bench.text import cell_words
from bench.text.answer import answer, headline_of
from bench.text.claims import claims
from bench.text.failures import attempt
from bench.text.labels import plain
from bench.text.methods import methods
from bench.text.provenance import provenance_of

T = TypeVar("T")

MOST_COLUMNS = 8
"""Columns of the measurements that are seen at first."""

_FIRST = ("verdict", "variance", "bias", "seconds", "work_normalized_variance", "mse", "snr", "kurtosis")


def one_run(run: Run, control: str | None = None, name: str = "", title: str | None = None) -> View:
    """Return what is shown of a run.

    Args:
        run: the run.
        control: with which estimator others are compared, by label or name; None for the first.
        name: what comes before the names of its elements.
        title: a line; None for the name of the scenario.

    Raises:
        Invalid: if there is no such estimator.
    """
    scenario, headline = run.record["scenario"], headline_of(run)
    whole = rows.whole(run.measurements)
    label = None if control is None else label_of(run, control)
    nothing: list[str] = []
    failed: list[str] = []
    said = _made("the answer", partial(answer, run, control), nothing, failed)
    further = attempt(
        "the further sentences could not be made", partial(claims, run, control), nothing, failed
    )
    figures, undrawn = charts_of(of_a_run(run, label))
    table = _made("the table of verdicts", partial(verdicts, whole), None, failed)
    return View(
        name=name,
        title=plain(scenario["name"] if title is None else title, LONG),
        question=plain(scenario.get("question"), LONG),
        answer=[plain(sentence, LONG) for sentence in said],
        claims=[plain(claim, LONG) for claim in further if claim not in said],
        strip=attempt(
            "the table of estimators could not be made", partial(strip, run, headline), None, failed
        ),
        tables=[table] if table else [],
        figures=figures,
        measurements=run.measurements,
        columns=first_columns(run.measurements, headline),
        headline=headline,
        labels=list(dict.fromkeys(run.measurements["estimator"].astype(str))),
        pictures=_made("the pictures", lambda: pictures_of(run.pictures), {}, failed),
        provenance=attempt(
            "the provenance could not be made", lambda: list(provenance_of(run.record)), [], failed
        ),
        methods=_made("the methods", partial(methods, run, control), "", failed),
        remarks=[*cell_words.not_finite(whole), *cell_words.rough_times(whole)],
        rough=[str(row.cell) for row in whole.itertuples() if cell_words.is_rough(row)],
        failed=[*failed, *(plain(line, LONG) for line in undrawn)],
    )


def first_columns(measurements: pd.DataFrame, headline: str) -> list[str]:
    """Return the columns that are seen at first: what tells rows apart, the headline, other metrics."""
    apart = [name for name in ("problem", "sample_size", "device", "dtype", "parameter", "status")
             if measurements[name].nunique() > 1]  # fmt: skip
    names = dict.fromkeys(["estimator", *apart, METRICS[headline].columns[0].name, *_FIRST])
    return list(names)[:MOST_COLUMNS]


def _made(what: str, make: Callable[[], T], otherwise: T, failed: list[str]) -> T:
    return attempt(f"{what} could not be made", make, otherwise, failed)
