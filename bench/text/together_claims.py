"""Answers of several runs together, in at most six sentences that go no further than their intervals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from bench.analysis.budgets import wins
from bench.analysis.comparison import BETTER, FALSE_CLAIMS, NO_INTERVAL, UNDECIDED, Comparison
from bench.analysis.geometric import geometric_means
from bench.analysis.pairs import LeftOut
from bench.analysis.ranking import Common, common_problems, mean_ranks
from bench.results.runs import Run
from bench.statistics.metric_table import COMPARED
from bench.text.change_claims import change_claims
from bench.text.labels import distinct
from bench.text.left_out import notes
from bench.text.numbers import count, significant
from bench.text.ratio_text import level_text, ratio_text
from bench.text.words import listed

Row = Any
"""A row of a frame, by `itertuples`: one attribute a column."""

NOTHING = "Nothing was measured."
NOT_RANKED = "Nothing is ranked: no two estimators were measured in every run."
MOST_RANKS = 8


def claims(runs: Sequence[Run], changed: Comparison, control: str | None = None) -> list[str]:
    """Return the answer of several runs: mean ratios, ranks, changes, budgets, and what is left out.

    Text on one line each; labels are data and must be escaped for where they go.

    Args:
        runs: from the first to the last.
        changed: the later runs against the first.
        control: of the mean ratios, by label or name; None for the label that most runs have.

    Raises:
        Invalid: if no run has such an estimator.
    """
    if not any((run.measurements["status"] == "ok").any() for run in runs):
        return [NOTHING]
    means = geometric_means(runs, control)
    return [
        *mean_claims(means),
        *rank_claims(common_problems(runs), mean_ranks(runs)),
        *change_claims(changed),
        *budget_claims(wins(runs)),
        *_left_out([*means.left_out, *changed.left_out]),
    ]


def mean_claims(found: Comparison) -> list[str]:
    """Return a sentence on the mean ratios to the control, those over most scenarios and the least first.

    Args:
        found: as `geometric_means` gives it, of one metric.
    """
    if found.frame.empty:
        return []
    names = distinct([found.control, *found.frame["estimator"]])
    rows: list[Row] = list(_ordered(found.frame).itertuples(index=False))
    most = max(row.scenarios for row in rows)
    over = f"over {most} scenarios" if most > 1 else "over the cells of one scenario"
    texts = [
        f"{names[row.estimator]} {_mean(row)}" + (f" (in {row.scenarios} of them)" * (row.scenarios < most))
        for row in rows
    ]
    metric = COMPARED[rows[0].metric].label
    said = f"In {metric}, in the geometric mean {over}, relative to {names[found.control]}: {listed(texts)}"
    intervals = sum(row.mark != NO_INTERVAL for row in rows)
    if intervals > 1:
        said += f"; all {intervals} intervals hold together with {level_text(1 - FALSE_CLAIMS)}"
    return [f"{said}; this speaks of these scenarios only."]


def _ordered(means: pd.DataFrame) -> pd.DataFrame:
    return means.sort_values(["scenarios", "ratio"], ascending=[False, True], kind="stable")


def _mean(row: Row) -> str:
    if row.mark == NO_INTERVAL:
        return f"has {significant(row.ratio)} times as much, without an interval"
    if row.mark == UNDECIDED:
        return f"is undecided, at {_to(row.ratio, row.low, row.high)} times as much"
    if row.mark == BETTER:
        return f"has {_to(1 / row.ratio, 1 / row.high, 1 / row.low)} times less"
    return f"has {_to(row.ratio, row.low, row.high)} times more"


def _to(value: float, low: float, high: float) -> str:
    return ratio_text(value, low, high).replace("…", "to")


def rank_claims(common: Common, means: pd.DataFrame) -> list[str]:
    """Return a sentence on the mean ranks by variance, and who is not ranked.

    Args:
        common: the problems over which they are formed.
        means: as `mean_ranks` gives it.
    """
    rows: list[Row] = list(means[means["metric"] == "variance"].itertuples(index=False))
    if len(rows) < 2:
        return [NOT_RANKED]
    names = distinct([*common.estimators, *common.without])
    ranked = listed([f"{names[row.estimator]} {significant(row.mean_rank)}" for row in rows], most=MOST_RANKS)
    one = common.problems == 1
    every = "both" if len(rows) == 2 else f"all {len(rows)}"
    problems = "the one problem" if one else f"the {count(common.problems)} problems"
    others = f" ({count(common.left_out)} left out)" if common.left_out else ""
    parts = [
        f"Mean ranks by variance over {problems} on which {every} were measured{others}, 1 is best: {ranked}"
    ]
    if failed := [f"{names[row.estimator]} on {count(row.failed)}" for row in rows if row.failed]:
        parts.append(f"last there as failed or biased: {listed(failed, most=MOST_RANKS)}")
    if common.without:
        parts.append(f"not measured in every run: {listed([names[label] for label in common.without])}")
    return [f"{'; '.join(parts)}."]


def budget_claims(found: pd.DataFrame) -> list[str]:
    """Return a sentence on who has the least error at the largest budget, for each kind of budget.

    Args:
        found: as `wins` gives it.
    """
    if found.empty:
        return []
    names = distinct(found["estimator"].unique())
    texts = []
    for currency, part in found.groupby("currency", sort=False):
        rows: list[Row] = list(part[part["taken"] > 0].itertuples(index=False))
        whos = [f"{names[row.estimator]} on {count(row.taken)} of {count(row.of)}" for row in rows]
        texts.append(f"in {currency} {listed(whos)}")
    least = "the least error, or one not told apart from it, on so many problems"
    return [f"At the largest budget, {least}: {'; '.join(texts)}."]


def _left_out(left_out: Iterable[LeftOut]) -> list[str]:
    found = notes(left_out)
    return [f"Note: {listed(found, most=6)}."] if found else []
