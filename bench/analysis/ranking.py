"""Estimators by the number of problems on which they are best: ranks, and performance profiles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from bench.analysis import rows
from bench.analysis.kept import kept
from bench.analysis.together import together
from bench.results.run import Run
from bench.statistics.metric_table import COMPARED

PROBLEM = ["run", "scenario", "problem", "sample_size", "device", "dtype"]
"""The columns that together name a problem on which estimators compete."""

RANKS = {
    "metric": "str", "estimator": "str", "failed": "bool", "rank": "float64", "factor": "float64",
    "best": "bool", "told_apart": "bool",
}  # fmt: skip
PROFILE = {"metric": "str", "estimator": "str", "factor": "float64", "share": "float64", "problems": "int64"}
"""The columns of ranks, and of a performance profile, in order, with their types."""


class Common(NamedTuple):
    """The measurements of `estimators` on the `problems`, so many, that they have in common.

    On so many others, `left_out`, one of them was not measured; those `without` are not compared.
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
    found = some[some.groupby("place")["estimator"].transform("size") == len(compared)]
    problems = found["place"].nunique()
    without = [label for label in tried["estimator"].unique() if label not in compared]
    return Common(found, tuple(compared), problems, tried["place"].nunique() - problems, tuple(without))


def ranks(frame: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Rank the estimators on every problem of the whole gradient: run × sample size × device × dtype.

    Ranks go by the estimates alone, and equal ones share their mean rank; differences within the noise are
    ranked too, so that `told_apart` says which are not: an estimator is told apart from the best if their
    95 % intervals do not overlap. That is conservative, also where both took the same draws, and is said of
    one problem at a time. `factor` is how many times the best value it is.

    An estimator that was tried and has no number on a problem has `failed` there, shares the last ranks with
    all that did, and has an infinite factor. So has a biased one (verdict "biased") in variance and in
    variance × seconds: a low variance of a wrong gradient is no win. Left out for all are problems whose
    device was not available, and those on which nobody has a number.
    """
    tried = _tried(frame)
    wrong = (tried["verdict"] == "biased") & (not COMPARED[metric].counts_bias)
    failed = (tried["status"] != "ok") | wrong | ~np.isfinite(tried[metric].astype(float))
    some = ~failed.groupby(tried["place"]).transform("all")
    ends = {"value": metric, "low": f"{metric}_low", "high": f"{metric}_high"}
    values = {end: tried[name].astype(float).mask(failed) for end, name in ends.items()}
    found = tried.assign(metric=metric, failed=failed, **values)[some]
    place, value = found["place"], found["value"]
    best, told_apart = rows.best_and_apart(value, found["low"], found["high"], place)
    least = value.groupby(place).transform("min")
    # 0/0 is the best value itself, and a positive one over zero is beyond any factor.
    factor = (value / least).where(least != 0, math.inf).mask(best, 1.0)
    ranked = found.assign(
        rank=value.fillna(math.inf).groupby(place).rank(method="average"),
        factor=factor.fillna(math.inf),
        best=best,
        told_apart=told_apart,
    )
    return rows.stacked([ranked], RANKS)


@kept
def mean_ranks(runs: Sequence[Run]) -> pd.DataFrame:
    """Return the mean rank of every estimator by each metric over the common problems, from the best on."""
    frame, means = common_problems(runs).frame, []
    for metric in COMPARED:
        of_each = ranks(frame, metric).groupby(["metric", "estimator"], sort=False)
        counts = of_each[["best", "told_apart", "failed"]].sum()
        counts = counts.assign(mean_rank=of_each["rank"].mean(), problems=of_each.size())
        means.append(counts.reset_index().sort_values("mean_rank", kind="stable"))
    return pd.concat(means, ignore_index=True)


def performance_profile(frame: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return for every estimator the share of problems on which it is within a factor of the best.

    The points are those of step functions, see `PROFILE`: from each factor on, of which the first is 1, the
    share holds up to the next one. It is of the problems on which the estimator was tried; arguments and
    failures are those of `ranks`. Dolan & Moré (2002), Benchmarking optimization software with performance
    profiles, §2.
    """
    profiles = []
    for label, factors in ranks(frame, metric).groupby("estimator", sort=False)["factor"]:
        counts = factors[np.isfinite(factors)].value_counts()
        reached = counts.reindex(sorted({1.0, *counts.index}), fill_value=0).cumsum() / len(factors)
        profile = reached.rename_axis("factor").reset_index(name="share")
        profiles.append(profile.assign(metric=metric, estimator=label, problems=len(factors)))
    return rows.stacked(profiles, PROFILE)


@kept
def profiles(runs: Sequence[Run]) -> pd.DataFrame:
    """Return the steps of the performance profile of each metric, each line as long as the longest."""
    found = []
    for profile in (performance_profile(together(runs), metric) for metric in COMPARED):
        last = profile.groupby("estimator", sort=False).tail(1)
        found += [profile, last.assign(factor=1.1 * profile["factor"].max())]
    return rows.stacked(found, PROFILE)


def _tried(frame: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each estimator on each problem whose device was available, which `place` numbers."""
    tried = rows.whole(frame).drop_duplicates([*PROBLEM, "estimator"])
    tried = tried.assign(place=tried.groupby(PROBLEM, sort=False, dropna=False).ngroup())
    lost = tried.loc[tried["status"] == "unavailable", "place"]
    return tried[~tried["place"].isin(lost)]
