"""The view of several runs together."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from bench.analysis.before_after import changes
from bench.analysis.ranking import mean_ranks_of
from bench.analysis.together import named, table, varied
from bench.figures import Tables
from bench.page.charts import charts_of
from bench.page.images import pictures_of
from bench.page.view import LONG, Field, Table, View
from bench.results.runs import Run
from bench.text.labels import plain
from bench.text.together_claims import claims


def several_runs(runs: Sequence[Run], drawn: Tables, control: str | None, name: str) -> View:
    """What is shown of several runs together.

    Args:
        runs: from the first to the last.
        drawn: the tables of their figures.
        control: with which estimators are compared in the sentences; None for the most common.
        name: what comes before the names of its elements.

    Raises:
        Invalid: if no run has such a control.
    """
    questions = dict.fromkeys(plain(run.record["scenario"].get("question"), LONG) for run in runs)
    # Runs that were meant to differ in an option are not before and after.
    changed = changes(runs[:1] if varied(runs) else runs)
    figures, failed = charts_of(drawn)
    return View(
        name=name,
        title="All runs",
        question=" · ".join(questions),
        claims=[plain(claim, LONG) for claim in claims(runs, changed, control)],
        tables=[_runs(runs), _mean_ranks(runs)],
        figures=figures,
        failed=[plain(line, LONG) for line in failed],
        labels=list(dict.fromkeys(label for run in runs for label in run.measurements["estimator"])),
        pictures=_pictures(runs),
    )


def _runs(runs: Sequence[Run]) -> Table:
    found = table(runs)
    head = ["run", "scenario", "version", "differs", "commit", "machine", "finished"]
    shown = found.assign(commit=found["commit"].str[:12] + found["dirty"].map({True: ", changed", False: ""}))
    rows = [[Field(str(row[column])) for column in head] for _, row in shown.iterrows()]
    return Table("runs", "Runs", head, rows)


def _mean_ranks(runs: Sequence[Run]) -> Table:
    """By each metric, the mean rank of the estimators over all problems."""
    rows = [[Field(text) for text in _ranked(row)] for row in mean_ranks_of(runs).to_dict("records")]
    head = ["estimator", "by", "mean rank", "best on", "best or not told apart from it on", "failed on"]
    notice = "Ranks go by the estimates alone; what is not told apart has overlapping 95 % intervals."
    return Table("ranks", "Ranks over all problems (run × N × device × type)", head, rows, notice)


def _ranked(row: Mapping[Hashable, Any]) -> list[str]:
    near = row["problems"] - row["told_apart"] - row["failed"]
    return [
        plain(row["estimator"]),
        str(row["metric"]).replace("_", " "),
        f"{row['mean_rank']:.2f} of {row['competitors']:.3g}",
        f"{row['best']} of {row['problems']}",
        str(near),
        str(row["failed"]),
    ]


def _pictures(runs: Sequence[Run]) -> dict[str, Sequence[str]]:
    """The pictures of all runs, of what is the same in all only once."""
    rows: dict[str, Sequence[str]] = {}
    for name, run in zip(named(runs), runs, strict=True):
        for label, addresses in pictures_of(run.pictures).items():
            if list(addresses) not in [list(known) for known in rows.values()]:
                rows[f"{label}, {name}" if label != "data" else label] = addresses
    return rows
