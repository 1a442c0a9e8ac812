"""Which estimator is best on how many problems: ranks, and performance profiles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bench.analysis import rows
from bench.analysis.kept import kept_together
from bench.analysis.together import together
from bench.results.runs import Run
from bench.statistics.metric_table import COMPARED

if TYPE_CHECKING:
    from pandas.core.groupby import SeriesGroupBy

PROBLEM = ["run", "scenario", "problem", "sample_size", "device", "dtype"]
"""The columns that together name a problem on which estimators compete."""

RANKS = {
    "metric": "str", "run": "str", "scenario": "str", "problem": "str", "sample_size": "int64",
    "device": "str", "dtype": "str", "estimator": "str",
    "value": "float64", "low": "float64", "high": "float64", "failed": "bool",
    "rank": "float64", "competitors": "int64", "factor": "float64", "best": "bool", "told_apart": "bool",
}  # fmt: skip
"""The columns of ranks, in order, with their types."""

MEAN_RANKS = {
    "metric": "str", "estimator": "str", "mean_rank": "float64", "problems": "int64",
    "competitors": "float64", "best": "int64", "told_apart": "int64", "failed": "int64",
}  # fmt: skip
"""The columns of mean ranks, in order, with their types."""

PROFILE = {
    "metric": "str", "estimator": "str", "factor": "float64", "share": "float64", "problems": "int64",
}  # fmt: skip
"""The columns of a performance profile, in order, with their types."""


def ranks(frame: pd.DataFrame, metric: str) -> pd.DataFrame:
    """The rank of every estimator on every problem: run × sample size × device × dtype, whole gradient.

    Ranks go by the estimates alone, and equal ones share their mean rank; differences within the
    noise are ranked too, so that `told_apart` says which are not: an estimator is told apart from the
    best if their 95 % intervals do not overlap. That is conservative, also where both took the same
    draws, and is said of one problem at a time.

    An estimator that was tried and has no number on a problem has `failed` there and shares the last
    ranks with all that did. So has a biased one (verdict "biased") in variance and in
    variance × seconds: a low variance of a wrong gradient is no win. Left out for all are problems whose
    device was not available, and those on which nobody has a number.

    Args:
        frame: measurements of runs, as `together` gives them.
        metric: of `bench.statistics.metric_table.COMPARED`.

    Returns:
        One row per problem and estimator, see `RANKS`: `competitors` is the number of estimators that were
        tried on the problem, `factor` how many times the best value it is, infinite if it failed.
    """
    tried = rows.whole(frame) if len(frame) else frame
    if tried.empty:
        return pd.DataFrame(columns=list(RANKS)).astype(RANKS)
    found = tried[[*PROBLEM, "estimator"]].assign(metric=metric, **_numbers(tried, metric))
    found["lost"] = tried["status"] == "unavailable"
    found = found.drop_duplicates([*PROBLEM, "estimator"])
    problem = found.groupby(PROBLEM, sort=False, dropna=False)
    anyone = (~found["failed"]).groupby([found[name] for name in PROBLEM], dropna=False).transform("any")
    found = found[anyone & ~problem["lost"].transform("any")]
    if found.empty:
        return pd.DataFrame(columns=list(RANKS)).astype(RANKS)
    return _ranked(found)[list(RANKS)].astype(RANKS)


def mean_ranks(found: pd.DataFrame) -> pd.DataFrame:
    """The mean rank of every estimator over the problems on which it was tried.

    Mean ranks of estimators that were not tried on the same problems do not compare; `problems` tells.

    Args:
        found: as `ranks` gives it, of one metric.

    Returns:
        One row per estimator, from the best on, see `MEAN_RANKS`: the mean number of competitors, and on
        how many problems it is best, is told apart from the best, and failed.
    """
    means = found.groupby(["metric", "estimator"], sort=False, as_index=False).agg(
        mean_rank=("rank", "mean"),
        problems=("rank", "size"),
        competitors=("competitors", "mean"),
        best=("best", "sum"),
        told_apart=("told_apart", "sum"),
        failed=("failed", "sum"),
    )
    best_first = means.sort_values("mean_rank", kind="stable", ignore_index=True)
    return best_first[list(MEAN_RANKS)].astype(MEAN_RANKS)


def performance_profile(frame: pd.DataFrame, metric: str) -> pd.DataFrame:
    """For every estimator the share of problems on which it is within a factor of the best.

    Problems and failures are those of `ranks`: an estimator that failed on a problem is within no
    factor there, and so is one that is biased, but for the mean squared error. The share is of the
    problems on which the estimator was tried, whose number is given.

    Dolan & Moré (2002), Benchmarking optimization software with performance profiles, §2.

    Args:
        frame: measurements of runs, as `together` gives them.
        metric: of `bench.statistics.metric_table.COMPARED`.

    Returns:
        The points of the step functions, see `PROFILE`: from each factor on the share holds up to the next
        one. The first is at 1.
    """
    found = ranks(frame, metric)
    if found.empty:
        return pd.DataFrame(columns=list(PROFILE)).astype(PROFILE)
    finite = found[np.isfinite(found["factor"])]
    problems = found.groupby("estimator", sort=False).size()
    starts = pd.DataFrame({"estimator": problems.index, "factor": 1.0, "reached": 0})
    points = pd.concat([starts, finite[["estimator", "factor"]].assign(reached=1)], ignore_index=True)
    points["estimator"] = points["estimator"].astype("str")
    order = {label: i for i, label in enumerate(problems.index)}
    steps = points.groupby(["estimator", "factor"], as_index=False)["reached"].sum()
    steps = steps.iloc[steps["estimator"].map(order).argsort(kind="stable")]
    counts = steps["estimator"].map(problems)
    share = steps.groupby("estimator", sort=False)["reached"].cumsum() / counts
    profile = pd.DataFrame({**steps, "metric": metric, "share": share, "problems": counts})
    return profile[list(PROFILE)].astype(PROFILE).reset_index(drop=True)


@kept_together
def profiles(runs: Sequence[Run]) -> pd.DataFrame:
    """Return the steps of the performance profile of each metric, each line as long as the longest."""
    whole = together(runs)
    return pd.concat([_as_long(performance_profile(whole, metric)) for metric in COMPARED], ignore_index=True)


@kept_together
def mean_ranks_of(runs: Sequence[Run]) -> pd.DataFrame:
    """Return the mean ranks by each metric over all problems; see `MEAN_RANKS`."""
    whole = together(runs)
    return pd.concat([mean_ranks(ranks(whole, metric)) for metric in COMPARED], ignore_index=True)


def _as_long(profile: pd.DataFrame) -> pd.DataFrame:
    last = profile.groupby("estimator", sort=False).tail(1)
    return pd.concat([profile, last.assign(factor=1.1 * profile["factor"].max())], ignore_index=True)


def _numbers(tried: pd.DataFrame, metric: str) -> dict[str, pd.Series[Any]]:
    """The metric with its interval, NaN where the estimator failed, and whether it did."""
    ends = {"value": metric, "low": f"{metric}_low", "high": f"{metric}_high"}
    numbers = {
        end: tried[name].astype(float) if name in tried else pd.Series(math.nan, tried.index)
        for end, name in ends.items()
    }
    wrong = (tried["verdict"] == "biased") & (not COMPARED[metric].counts_bias)
    failed = (tried["status"] != "ok") | wrong | ~np.isfinite(numbers["value"])
    return {**{end: number.mask(failed) for end, number in numbers.items()}, "failed": failed}


def _ranked(found: pd.DataFrame) -> pd.DataFrame:
    """With the columns that compare the estimators of a problem."""
    problem = [found[name] for name in PROBLEM]

    def within(values: pd.Series[Any]) -> SeriesGroupBy[Any, Any]:
        return values.groupby(problem, sort=False, dropna=False)

    least = within(found["value"]).transform("min")
    best = found["value"] == least
    reach = within(found["high"].where(best)).transform("max")
    # 0/0 is the best value itself, and a positive one over zero is beyond any factor.
    factor = (found["value"] / least.where(least != 0)).where(least != 0, math.inf).mask(best, 1.0)
    return found.assign(
        rank=within(found["value"].fillna(math.inf)).rank(method="average"),
        competitors=within(found["value"]).transform("size"),
        factor=factor.fillna(math.inf),
        best=best,
        told_apart=~best & (found["low"] > reach),
    )
