"""The view of several runs together."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from bench.analysis.comparison import Comparison, changes_shown
from bench.analysis.geometric import ratios_by_problem
from bench.analysis.ranking import common_problems, mean_ranks
from bench.analysis.together import named, table
from bench.figures import Tables
from bench.page.charts import charts_of
from bench.page.images import pictures_of
from bench.page.view import LONG, Field, Table, View
from bench.results.runs import Run
from bench.tables.comparison_table import PROBLEM_NOTICE, problem_frame, problem_title
from bench.text.labels import plain
from bench.text.together_claims import claims


def several_runs(runs: Sequence[Run], drawn: Tables, control: str | None, name: str) -> View:
    """Return the view of several runs together.

    Args:
        runs: from the first to the last.
        drawn: the tables of their figures.
        control: with which estimators are compared in the sentences; None for the most common.
        name: what comes before the names of its elements.

    Raises:
        Invalid: if no run has such a control.
    """
    questions = dict.fromkeys(plain(run.record["scenario"].get("question"), LONG) for run in runs)
    said = [plain(claim, LONG) for claim in claims(runs, changes_shown(runs), control)]
    figures, failed = charts_of(drawn)
    return View(
        name=name,
        title="All runs",
        question=" · ".join(questions),
        answer=said[:1],
        claims=said[1:],
        tables=[
            _ratios(ratios_by_problem(runs, control)),
            _table("runs", "Runs", table(runs)),
            _mean_ranks(runs),
        ],
        figures=figures,
        failed=[plain(line, LONG) for line in failed],
        labels=list(dict.fromkeys(label for run in runs for label in run.measurements["estimator"])),
        pictures=_pictures(runs),
    )


def _ratios(found: Comparison) -> Table:
    frame = problem_frame(found).rename_axis("estimator").reset_index()
    return _table("ratios", problem_title(found), frame, PROBLEM_NOTICE)


def _mean_ranks(runs: Sequence[Run]) -> Table:
    """Return by each metric the mean rank of the estimators over the problems that all have in common."""
    common, found = common_problems(runs), mean_ranks(runs)
    near = found["problems"] - found["told_apart"] - found["failed"]
    shown = pd.DataFrame(
        {
            "estimator": found["estimator"].map(plain),
            "by": found["metric"].str.replace("_", " "),
            "mean rank": found["mean_rank"].map("{:.2f}".format),
            "best on": found["best"],
            "best or not told apart from it on": near,
            "failed or biased on": found["failed"],
        }
    )
    others = f", {common.left_out} others left out" if common.left_out else ""
    title = (
        f"Ranks over {common.problems} problems (run × N × device × type) on which all were measured{others}"
    )
    unranked = (
        f"Not measured in every run: {', '.join(map(plain, common.without))}. " if common.without else ""
    )
    notice = "Ranks go by the estimates alone; what is not told apart has overlapping 95 % intervals."
    return _table("ranks", title, shown, unranked + notice)


def _table(name: str, title: str, frame: pd.DataFrame, notice: str = "") -> Table:
    rows = [[Field(str(value)) for value in row] for row in frame.itertuples(index=False, name=None)]
    return Table(name, title, [str(column) for column in frame], rows, notice)


def _pictures(runs: Sequence[Run]) -> dict[str, Sequence[str]]:
    """The pictures of all runs, of what is the same in all only once."""
    rows: dict[str, Sequence[str]] = {}
    for name, run in zip(named(runs), runs, strict=True):
        for label, addresses in pictures_of(run.pictures).items():
            if list(addresses) not in [list(known) for known in rows.values()]:
                rows[f"{label}, {name}" if label != "data" else label] = addresses
    return rows
