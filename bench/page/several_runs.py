"""The view of several runs together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from bench.analysis.comparison import changes_shown
from bench.analysis.geometric import ratios_by_problem
from bench.analysis.ranking import common_problems, mean_ranks
from bench.analysis.together import named, table
from bench.figures.figure_tables import of_several_runs
from bench.page.charts import charts_of
from bench.page.one_run import LONG, pictures_of
from bench.page.small_tables import Field, SmallTable
from bench.results.run import Run
from bench.tables.comparison_table import PROBLEM_NOTICE, problem_frame, problem_title
from bench.text.labels import plain
from bench.text.together_claims import claims


def several_runs(runs: Sequence[Run], control: str | None, name: str) -> dict[str, Any]:
    """Return what is shown of several runs together, as `one_run` does of each.

    Args:
        runs: from the first to the last.
        control: with which estimators are compared in the sentences; None for the most common.
        name: what comes before the names of its elements.

    Raises:
        Invalid: if no run has such a control.
    """
    questions = dict.fromkeys(plain(run.record["scenario"].get("question"), LONG) for run in runs)
    said = [plain(claim, LONG) for claim in claims(runs, changes_shown(runs), control)]
    figures, failed = charts_of(of_several_runs(runs))
    ratios = ratios_by_problem(runs, control)
    wide = problem_frame(ratios).rename_axis("estimator").reset_index()
    return {
        "name": name,
        "title": "All runs",
        "question": " · ".join(questions),
        "answer": said[:1],
        "claims": said[1:],
        "strip": None,
        "tables": [
            _table("ratios", problem_title(ratios), wide, PROBLEM_NOTICE),
            _table("runs", "Runs", table(runs)),
            _mean_ranks(runs),
        ],
        "figures": figures,
        "headline": "variance",
        "failed": [plain(line, LONG) for line in failed],
        "labels": list(dict.fromkeys(label for run in runs for label in run.measurements["estimator"])),
        "pictures": _pictures(runs),
        "provenance": [],
        "methods": "",
    }


def _mean_ranks(runs: Sequence[Run]) -> SmallTable:
    """Return by each metric the mean rank of the estimators over the problems that all have in common."""
    common, found = common_problems(runs), mean_ranks(runs)
    shown = pd.DataFrame(
        {
            "estimator": found["estimator"].map(plain),
            "by": found["metric"].str.replace("_", " "),
            "mean rank": found["mean_rank"].map("{:.2f}".format),
            "best on": found["best"],
            "best or not told apart from it on": found["problems"] - found["told_apart"] - found["failed"],
            "failed or biased on": found["failed"],
        }
    )
    others = f", {common.left_out} others left out" if common.left_out else ""
    title = f"Ranks over {common.problems} problems (run × N × device × type) on which all were measured"
    note = "Ranks go by the estimates alone; what is not told apart has overlapping 95 % intervals."
    if common.without:
        note = f"Not measured in every run: {', '.join(map(plain, common.without))}. {note}"
    return _table("ranks", title + others, shown, note)


def _table(name: str, title: str, frame: pd.DataFrame, note: str = "") -> SmallTable:
    rows = [[Field(str(value)) for value in row] for row in frame.itertuples(index=False, name=None)]
    return SmallTable(name, title, list(map(str, frame)), rows, note)


def _pictures(runs: Sequence[Run]) -> dict[str, list[str]]:
    """Return the pictures of all runs, of what is the same in all only once."""
    rows: dict[str, list[str]] = {}
    for name, run in zip(named(runs), runs, strict=True):
        for label, addresses in pictures_of(run.pictures).items():
            if addresses not in rows.values():
                rows[f"{label}, {name}" if label != "data" else label] = addresses
    return rows
