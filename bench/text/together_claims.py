"""Answers of several runs together, in at most six sentences that go no further than their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from bench.analysis.budgets import wins
from bench.analysis.comparison import BETTER, NO_INTERVAL, UNDECIDED, WORSE, Comparison
from bench.analysis.geometric import geometric_means
from bench.analysis.ranking import Common, common_problems, mean_ranks
from bench.results.run import Run
from bench.statistics.metric_table import COMPARED
from bench.text.cell_words import setting_of
from bench.text.labels import distinct, plain
from bench.text.left_out import notes
from bench.text.numbers import count, significant
from bench.text.ratio_text import TOGETHER, inverse, ratio_said
from bench.text.words import NOTHING, listed

NOT_RANKED = "Nothing is ranked: no two estimators were measured in every run."
MACHINE = "what else the machine did during either run is in its seconds, and in no interval of them"
MOST_RANKS = 8


def claims(runs: Sequence[Run], changed: Comparison, control: str | None = None) -> list[str]:
    """Return the answer of several runs: mean ratios, ranks, changes, budgets, and what is left out.

    Text on one line each; labels are data and must be escaped for where they go.

    Raises:
        Invalid: if no run has an estimator with the label or name `control`; None is that of most runs.
    """
    if not any((run.measurements["status"] == "ok").any() for run in runs):
        return [NOTHING]
    means = geometric_means(runs, control)
    left_out = notes([*means.left_out, *changed.left_out])
    return [
        *mean_claims(means),
        *rank_claims(common_problems(runs), mean_ranks(runs)),
        *change_claims(changed),
        *budget_claims(wins(runs)),
        *([f"Note: {listed(left_out, most=6)}."] if left_out else []),
    ]


_MEANS = {
    NO_INTERVAL: "has {} times as much",
    UNDECIDED: "is undecided, at {} times as much",
    BETTER: "has {} times less",
    WORSE: "has {} times more",
}
"""Marks -> what is said of a mean ratio, inverted where it is better."""


def mean_claims(found: Comparison) -> list[str]:
    """Return a sentence on `geometric_means` of one metric, those over most scenarios and the least first."""
    if found.frame.empty:
        return []
    names = distinct([found.control, *found.frame["estimator"]])
    means = found.frame.sort_values(["scenarios", "ratio"], ascending=[False, True], kind="stable")
    most = means["scenarios"].max()
    better = means["mark"] == BETTER
    means[better] = inverse(means[better])
    rows: list[Any] = list(means.itertuples())
    texts = [
        f"{names[row.estimator]} {_MEANS[row.mark].format(ratio_said(row.ratio, row.low, row.high))}"
        + ("" if row.scenarios == most else f" (in {row.scenarios} of them)")
        for row in rows
    ]
    over = f"over {most} scenarios" if most > 1 else "over the cells of one scenario"
    head = f"In {COMPARED[means['metric'].iloc[0]].label}, in the geometric mean {over}"
    said = f"{head}, relative to {names[found.control]}: {listed(texts)}{_hold(found)}"
    return [f"{said}; this holds for these scenarios only."]


def _hold(found: Comparison) -> str:
    """Return how far the intervals may be believed together; empty for a single one."""
    intervals = int(found.frame["low"].notna().sum())
    return f"; all {intervals} intervals hold together with {TOGETHER}" if intervals > 1 else ""


def rank_claims(common: Common, means: pd.DataFrame) -> list[str]:
    """Return a sentence on the mean ranks by variance over common problems, and on who is not ranked."""
    rows: list[Any] = list(means[means["metric"] == "variance"].itertuples(index=False))
    if len(rows) < 2:
        return [NOT_RANKED]
    names = distinct([*common.estimators, *common.without])
    ranked = listed([f"{names[row.estimator]} {significant(row.mean_rank)}" for row in rows], most=MOST_RANKS)
    failed = [f"{names[row.estimator]} on {count(row.failed)}" for row in rows if row.failed]
    problems = "the one problem" if common.problems == 1 else f"the {count(common.problems)} problems"
    every = "both" if len(rows) == 2 else f"all {len(rows)}"
    others = f" ({count(common.left_out)} left out)" if common.left_out else ""
    last = f"; last there as failed or biased: {listed(failed, most=MOST_RANKS)}" if failed else ""
    without = [names[label] for label in common.without]
    return [
        f"Mean ranks by variance over {problems} on which {every} were measured{others}, 1 is best: {ranked}"
        f"{last}{f'; not measured in every run: {listed(without)}' if without else ''}."
    ]


def budget_claims(found: pd.DataFrame) -> list[str]:
    """Return a sentence on who has the least error at the largest budget of each kind, as `wins` gives it."""
    names = distinct(found["estimator"].unique())
    found = found[found["taken"] > 0].astype({"taken": str, "of": str})
    whos = found["estimator"].map(names) + " on " + found["taken"] + " of " + found["of"]
    kinds = whos.groupby(found["currency"], sort=False)
    texts = [f"in {currency} {listed(list(who))}" for currency, who in kinds]
    least = "the least error, or one not told apart from it, on so many problems"
    return [f"At the largest budget, {least}: {'; '.join(texts)}."] if texts else []


def change_claims(found: Comparison) -> list[str]:
    """Return a sentence on `changes`: for each metric how many cells are worse, or better, and which most."""
    frame = found.frame
    if frame.empty:
        return []
    runs = frame[["run", "against"]].drop_duplicates()
    first = f"{plain(runs['run'].iloc[0], 80)} against {plain(runs['against'].iloc[0], 80)}"
    head = first if len(runs) == 1 else f"{len(runs)} later runs against the first"
    whose = "" if len(runs) == 1 else " of " + frame["run"].map(plain)
    who = frame["estimator"].map(distinct(frame["estimator"])) + whose
    on = setting_of(frame).map(lambda setting: f" on {setting}" if setting else "")
    moved = frame.assign(
        cell=who + " at N = " + frame["sample_size"].map(count) + on,
        size=np.log(frame["ratio"].clip(1e-300, 1e300)).abs().fillna(np.inf),
    )
    parts = [_changed(str(metric), part) for metric, part in moved.groupby("metric", sort=False)]
    timed = frame["metric"].map(lambda metric: COMPARED[metric].timed)
    machine = f"; {MACHINE}" if frame.loc[timed, "mark"].isin([BETTER, WORSE]).any() else ""
    return [f"{head}: {'; '.join(parts)}{_hold(found)}{machine}."]


def _changed(metric: str, cells: pd.DataFrame) -> str:
    name, marks = COMPARED[metric].label, cells["mark"]
    same = (cells["ratio"] == 1) & (marks == UNDECIDED)
    kinds = {
        f"worse{_most(cells[marks == WORSE])}": marks == WORSE,
        f"better{_most(cells[marks == BETTER])}": marks == BETTER,
        "not told apart": (marks == UNDECIDED) & ~same,
        "exactly the same": same,
        "without an interval": marks == NO_INTERVAL,
    }
    said = [f"{which.sum()} {words}" for words, which in kinds.items() if which.any()]
    return f"{name} of {len(cells)} cell{'s' if len(cells) > 1 else ''}: {', '.join(said)}"


def _most(cells: pd.DataFrame) -> str:
    """Return the cells that changed most, with their ratios; empty without any."""
    ordered = cells.sort_values("size", ascending=False, kind="stable")
    ratios = map(ratio_said, ordered["ratio"], ordered["low"], ordered["high"])
    texts = [f"{cell} by {ratio}" for cell, ratio in zip(ordered["cell"], ratios, strict=True)]
    return f" ({listed(texts)})" if texts else ""
