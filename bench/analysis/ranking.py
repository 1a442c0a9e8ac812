"""Estimators by the number of problems on which they are best: ranks, and performance profiles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bench.analysis import rows
from bench.analysis.kept import kept
from bench.analysis.together import together
from bench.results.runs import Run
from bench.statistics.metric_table import COMPARED

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


@dataclass(frozen=True)
class Common:
    """The problems that estimators have in common.

    Attributes:
        frame: measurements on those problems, of the estimators that are compared.
        estimators: the labels of these.
        problems: how many problems there are.
        left_out: on how many others at least one of the estimators was not measured.
        without: the labels of the estimators that are not compared.
    """

    frame: pd.DataFrame
    estimators: tuple[str, ...]
    problems: int
    left_out: int
    without: tuple[str, ...]


@kept
def common_problems(runs: Sequence[Run]) -> Common:
    """Return the problems on which all estimators were measured that each of the runs has measured at all.

    A problem is a run × sample size × device × dtype, of the whole gradient; one whose device was not
    available is none.
    """
    tried = _tried(together(runs))
    measured = tried[tried["status"] == "ok"]
    within = measured.groupby("estimator", sort=False)["run"].nunique()
    compared = within.index[within == measured["run"].nunique()]
    some = measured[measured["estimator"].isin(compared)]
    problem = some.groupby(PROBLEM, sort=False, dropna=False)
    found = some[problem["estimator"].transform("size") == len(compared)]
    problems, every = (len(frame[PROBLEM].drop_duplicates()) for frame in (found, tried))
    without = [label for label in tried["estimator"].unique() if label not in compared]
    return Common(found, tuple(compared), problems, every - problems, tuple(without))


def ranks(frame: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Rank the estimators on every problem: run × sample size × device × dtype, of the whole gradient.

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
    tried = _tried(frame)
    if tried.empty:
        return pd.DataFrame(columns=list(RANKS)).astype(RANKS)
    found = tried[[*PROBLEM, "estimator"]].assign(metric=metric, **_numbers(tried, metric))
    problem = [found[name] for name in PROBLEM]
    known = ~found["failed"].groupby(problem, sort=False, dropna=False).transform("all")
    return _ranked(found[known])[list(RANKS)].astype(RANKS)


@kept
def mean_ranks(runs: Sequence[Run]) -> pd.DataFrame:
    """Return the mean rank of every estimator by each metric over the common problems.

    Returns:
        One row per metric and estimator, from the best on, see `MEAN_RANKS`: the number of competitors, and
        on how many problems it is best, is told apart from the best, and failed.
    """
    frame = common_problems(runs).frame
    found = pd.concat([ranks(frame, metric) for metric in COMPARED], ignore_index=True)
    means = found.groupby(["metric", "estimator"], sort=False, as_index=False).agg(
        mean_rank=("rank", "mean"),
        problems=("rank", "size"),
        competitors=("competitors", "mean"),
        best=("best", "sum"),
        told_apart=("told_apart", "sum"),
        failed=("failed", "sum"),
    )
    order = means["metric"].map(list(COMPARED).index)
    best_first = means.assign(order=order).sort_values(["order", "mean_rank"], kind="stable")
    return best_first[list(MEAN_RANKS)].astype(MEAN_RANKS).reset_index(drop=True)


def performance_profile(frame: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return for every estimator the share of problems on which it is within a factor of the best.

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
    profiles = [pd.DataFrame(columns=list(PROFILE)).astype(PROFILE)]
    for label, factors in found.groupby("estimator", sort=False)["factor"]:
        counts = factors[np.isfinite(factors)].value_counts()
        reached = counts.reindex(sorted({1.0, *counts.index}), fill_value=0).cumsum()
        steps = {"factor": reached.index, "share": reached.to_numpy() / len(factors)}
        profile = pd.DataFrame(steps).assign(metric=metric, estimator=label, problems=len(factors))
        profiles.append(profile[list(PROFILE)].astype(PROFILE))
    return pd.concat(profiles, ignore_index=True)


@kept
def profiles(runs: Sequence[Run]) -> pd.DataFrame:
    """Return the steps of the performance profile of each metric, each line as long as the longest."""
    whole = together(runs)
    return pd.concat([_as_long(performance_profile(whole, metric)) for metric in COMPARED], ignore_index=True)


def _as_long(profile: pd.DataFrame) -> pd.DataFrame:
    last = profile.groupby("estimator", sort=False).tail(1)
    return pd.concat([profile, last.assign(factor=1.1 * profile["factor"].max())], ignore_index=True)


def _tried(frame: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each estimator on each problem whose device was available."""
    if frame.empty:
        return frame.reindex(columns=[*PROBLEM, "estimator", "status"])
    tried = rows.whole(frame).drop_duplicates([*PROBLEM, "estimator"])
    lost = (tried["status"] == "unavailable").groupby([tried[name] for name in PROBLEM], dropna=False)
    return tried[~lost.transform("any")]


def _numbers(tried: pd.DataFrame, metric: str) -> dict[str, pd.Series[Any]]:
    """Return the metric with its interval, NaN where the estimator failed, and whether it did."""
    ends = {"value": metric, "low": f"{metric}_low", "high": f"{metric}_high"}
    numbers = {end: tried[name].astype(float) for end, name in ends.items()}
    wrong = (tried["verdict"] == "biased") & (not COMPARED[metric].counts_bias)
    failed = (tried["status"] != "ok") | wrong | ~np.isfinite(numbers["value"])
    return {**{end: number.mask(failed) for end, number in numbers.items()}, "failed": failed}


def _ranked(found: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with the columns that compare the estimators of a problem."""
    problem = [found[name] for name in PROBLEM]
    best, told_apart = rows.best_and_apart(found["value"], found["low"], found["high"], problem)
    values = found["value"].groupby(problem, sort=False, dropna=False)
    least = values.transform("min")
    filled = found["value"].fillna(math.inf).groupby(problem, sort=False, dropna=False)
    # 0/0 is the best value itself, and a positive one over zero is beyond any factor.
    factor = (found["value"] / least.where(least != 0)).where(least != 0, math.inf).mask(best, 1.0)
    return found.assign(
        rank=filled.rank(method="average"),
        competitors=values.transform("size"),
        factor=factor.fillna(math.inf),
        best=best,
        told_apart=told_apart,
    )
