"""Errors that estimators reach with a budget of seconds or of evaluations."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from bench.analysis import rows
from bench.analysis.kept import kept
from bench.analysis.together import together
from bench.results.run import Run

COLUMNS = {
    "run": "str", "scenario": "str", "device": "str", "dtype": "str", "currency": "str", "budget": "float64",
    "estimator": "str", "sample_size": "int64", "error": "float64", "low": "float64", "high": "float64",
    "best": "bool", "tied": "bool",
}  # fmt: skip

MARKET = ["run", "scenario", "device", "dtype", "currency"]
"""The columns within which estimators compete."""


def reached(frame: pd.DataFrame) -> pd.DataFrame:
    r"""Return the squared error that every estimator reaches with each budget, at its best sample size.

    With a budget b one can average b/cost independent estimates of sample size N, so that the variance falls
    to variance · cost / b; Glynn & Whitt (1992), The asymptotic efficiency of simulation estimators. This
    leaves a bias where it is: a biased cell (verdict "biased") reaches bias² + variance · cost / b. A bias
    that was not found counts as none, however large the budget. Of the sample sizes with cost ≤ b the one
    with the least error counts; b/cost is not rounded down to whole estimates, which flatters by less than a
    factor of two.

    The cost of an estimate is its seconds, or its evaluations of f and of the gradient of f, one each.
    Budgets go from the first that pays for any estimate to the first that pays for all.

    The interval is of 95 %, and wider where there is a bias, whose own interval is added end by end. That the
    best N is chosen by its estimate is not in it. An estimator is tied if its interval and that of the best
    overlap, or one of them is not known: not told apart, and not equal.

    Left out are cells without a variance or a cost, biased ones whose bias is not known, and those of unknown
    bias that do not claim to be unbiased. Estimators compete within a market, see `MARKET`: measurements have
    a column `run` for it.
    """
    if (offers := _offers(frame)).empty:
        return rows.stacked([], COLUMNS)
    offers = offers.assign(market=offers.groupby(MARKET, sort=False, dropna=False).ngroup())
    costs = offers.groupby("market")["cost"].agg(["min", "max"])
    grid = costs.apply(lambda cost: budgets(cost["min"], cost["max"]), axis=1).rename("budget").explode()
    paid = offers.merge(grid.astype(float).reset_index(), on="market")
    paid = paid[paid["cost"] <= paid["budget"]]
    for name, end in {"error": "", "low": "_low", "high": "_high"}.items():
        paid[name] = paid[f"squared_bias{end}"] + paid[f"spent{end}"].astype(float) / paid["budget"]
    found = paid.loc[paid.groupby(["market", "budget", "estimator"], sort=False)["error"].idxmin()]
    group = found.groupby(["market", "budget"]).ngroup()
    best, apart = rows.best_and_apart(found["error"], found["low"], found["high"], group)
    labels = list(offers["estimator"].unique())
    found = found.assign(best=best, tied=~best & ~apart, order=found["estimator"].map(labels.index))
    return rows.stacked([found.sort_values(["market", "budget", "order"])], COLUMNS)


@kept
def budgets_of(run: Run) -> pd.DataFrame:
    """Return what budgets reach, each problem of a scenario by itself: `COLUMNS`, and `problem` for `run`."""
    found = reached(run.measurements.assign(run=run.measurements["problem"]))
    return found.rename(columns={"run": "problem"})


@kept
def budgets_together(runs: Sequence[Run]) -> pd.DataFrame:
    """Return what budgets reach in each problem of several runs; see `COLUMNS`."""
    frame = together(runs)
    several = frame.groupby("run")["problem"].transform("nunique") > 1
    return reached(frame.assign(run=frame["run"].mask(several, frame["run"] + ", " + frame["problem"])))


@kept
def wins(runs: Sequence[Run]) -> pd.DataFrame:
    """Return for each `currency` and `estimator` on how many problems it is `taken`, the most first.

    That is at the largest budget, if it has the least error or is not told apart from that one; `of` is the
    number of problems on which it was measured; a problem is one on a device with a dtype.
    """
    found = budgets_together(runs)
    last = found[found["budget"] == found.groupby(MARKET, dropna=False)["budget"].transform("max")]
    taken = last.assign(taken=last["best"] | last["tied"])
    counts = taken.groupby(["currency", "estimator"], sort=False)["taken"].agg(taken="sum", of="size")
    return counts.reset_index().sort_values("taken", ascending=False, kind="stable", ignore_index=True)


def budgets(least: float, most: float) -> list[float]:
    """Return 1, 3, 10, 30, … from the first that pays the least cost to the first that pays the most."""
    powers = range(math.floor(math.log10(least)) - 1, math.ceil(math.log10(most)) + 2)
    steps = [float(f"{digit}e{power}") for power in powers for digit in (1, 3)]
    enough = next(step for step in steps if step >= most)
    return [step for step in steps if least <= step <= enough]


def _offers(frame: pd.DataFrame) -> pd.DataFrame:
    """Return each cell in both currencies, with its cost, and its squared bias with an interval."""
    whole = rows.measured(rows.whole(frame), "variance")
    bias, low, high = (whole[name].astype(float) for name in ("bias", "bias_low", "bias_high"))
    nearest = low.clip(lower=0) + (-high).clip(lower=0)  # zero between the ends
    farthest = low.abs().where(low.abs() > high.abs(), high.abs())
    # Zero where none was found, NaN where it is not known and may be there.
    unsure = (whole["verdict"] == "unknown") & whole["claim"].isin(["biased", "consistent"])
    zero = pd.Series(0.0, whole.index).mask(unsure)
    for name, value in {"": bias, "_low": nearest, "_high": farthest}.items():
        whole[f"squared_bias{name}"] = zero.mask(whole["verdict"] == "biased", value**2)
    costs = {
        "seconds": whole["seconds"],
        "evaluations": whole["evaluations"] + whole["gradient_evaluations"].fillna(0.0),
    }
    every = []
    for currency, cost in costs.items():
        spent = {f"spent{end}": whole[f"variance{end}"].astype(float) * cost for end in ("", "_low", "_high")}
        every.append(whole.assign(currency=currency, cost=cost, **spent))
    # The ends of variance × seconds have the timing's error in them.
    timed = {f"spent{end}": whole[f"work_normalized_variance{end}"] for end in ("_low", "_high")}
    cells = pd.concat([every[0].assign(**timed), every[1]])
    known = rows.measured(cells, "variance", "cost", "squared_bias")
    return known[known["cost"] > 0].reset_index(drop=True)
