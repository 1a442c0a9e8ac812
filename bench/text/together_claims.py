"""What several runs say together, in plain sentences that go no further than their intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from bench.analysis.before_after import Changes
from bench.analysis.budgets import budgets_together
from bench.analysis.comparison import BETTER, FALSE_CLAIMS, NO_INTERVAL, UNDECIDED, WORSE
from bench.analysis.geometric import Means, geometric_means
from bench.analysis.ranking import mean_ranks, ranks
from bench.analysis.together import together
from bench.results.runs import Run
from bench.statistics.metric_table import COMPARED
from bench.text.budget_claims import budget_claims
from bench.text.change_claims import change_claims
from bench.text.labels import distinct
from bench.text.left_out import notes
from bench.text.numbers import count, significant
from bench.text.ratio_text import level_text, ratio_text
from bench.text.words import few, listed, notes_on

Row = Any
"""A row of a frame, by `itertuples`: one attribute a column."""

NOTHING = "Nothing was measured."
MOST_RANKS = 8

_DIRECTION = {BETTER: "less", WORSE: "more"}


def claims(runs: Sequence[Run], changed: Changes, control: str | None = None) -> list[str]:
    """The answer of several runs: mean ratios, ranks, what changed, and what to take at which budget.

    Text on one line each; labels are data and must be escaped for where they go.

    Args:
        runs: from the first to the last.
        changed: how they differ from the first.
        control: of the mean ratios, by label or name; None for the label that most runs have.

    Raises:
        Invalid: if no run has such an estimator.
    """
    frame = together(runs)
    if frame.empty or not (frame["status"] == "ok").any():
        return [NOTHING]
    return [
        *mean_claims(geometric_means(runs, control)),
        *rank_claims(mean_ranks(ranks(frame, "variance"))),
        *change_claims(changed),
        *budget_claims(budgets_together(runs)),
    ]


def mean_claims(found: Means) -> list[str]:
    """One sentence for each estimator on its mean ratio to the control.

    Args:
        found: as `geometric_means` gives it.
    """
    names = distinct([found.control, *found.frame["estimator"]])
    records: list[Row] = list(found.frame.itertuples(index=False))
    said = few([_mean(row, names) for row in records])
    intervals, together = int(found.frame["low"].notna().sum()), level_text(1 - FALSE_CLAIMS)
    if intervals == 1:
        said.append(f"The interval of this mean is one of {together}; it speaks of these scenarios only.")
    if intervals > 1:
        each = f"The intervals of all {intervals} means, {level_text(found.level)} each, hold together"
        said.append(f"{each} with {together}; they speak of these scenarios only.")
    return [*said, *notes_on(notes(found.left_out))]


def rank_claims(means: pd.DataFrame) -> list[str]:
    """A sentence for each metric on mean ranks, and one on who failed.

    A problem is a run at a sample size, on a device, with a dtype. Ranks are those of the estimates.

    Args:
        means: as `mean_ranks` gives it, of any metrics.
    """
    said: list[str] = []
    names = distinct(means["estimator"])
    for metric, part in means.groupby("metric", sort=False):
        records: list[Row] = list(part.itertuples(index=False))
        if len(records) < 2:
            continue
        said.append(_ranked(str(metric), records, names))
        failed = [f"{names[row.estimator]} on {count(row.failed)}" for row in records if row.failed]
        if failed:
            said.append(f"Ranked last there, as failed or biased: {listed(failed, most=MOST_RANKS)}.")
    return said


def _ranked(metric: str, records: Sequence[Row], names: Mapping[str, str]) -> str:
    problems = max(row.problems for row in records)
    texts = []
    for row in records:
        fewer = f" (over {count(row.problems)} of them)" if row.problems < problems else ""
        texts.append(f"{names[row.estimator]} {significant(row.mean_rank)}{fewer}")
    over = f"{count(problems)} problem{'s' if problems > 1 else ''}"
    return f"Mean ranks by {COMPARED[metric].label} over {over}, 1 is best: {listed(texts, most=MOST_RANKS)}."


def _mean(row: Row, names: Mapping[str, str]) -> str:
    who, control, metric = names[row.estimator], names[row.control], COMPARED[row.metric].label
    over = "In one scenario" if row.scenarios == 1 else f"Over {row.scenarios} scenarios"
    if row.mark == NO_INTERVAL:
        ratio = f"the mean ratio of {who} to {control} in {metric}"
        return f"{over} {ratio} is {significant(row.ratio)}, without an interval."
    if row.mark == UNDECIDED:
        apart = f"{who} and {control} cannot be told apart in {metric}"
        return f"{over} {apart}: the mean ratio is {_to(row.ratio, row.low, row.high)}{_range(row, False)}."
    less = row.mark == BETTER
    ends = (1 / row.ratio, _inverse(row.high), _inverse(row.low)) if less else (row.ratio, row.low, row.high)
    times = f"{_to(*ends)} times {_DIRECTION[row.mark]} {metric} than {control}"
    return f"{over} {who} has {times}{_averaged(row)}{_range(row, less)}."


def _averaged(row: Row) -> str:
    if row.scenarios > 1:
        return " in the geometric mean"
    return f" in the geometric mean over {row.cells} cells" if row.cells > 1 else ""


def _range(row: Row, inverted: bool) -> str:
    """The ratios of single scenarios."""
    if row.scenarios == 1:
        return ""
    ends = (_inverse(row.most), _inverse(row.least)) if inverted else (row.least, row.most)
    return f"; in single scenarios {significant(ends[0])} to {significant(ends[1])}"


def _to(value: float, low: float, high: float) -> str:
    return ratio_text(value, low, high).replace("…", "to")


def _inverse(ratio: float) -> float:
    return 1 / ratio if ratio else math.inf
