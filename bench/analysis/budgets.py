"""Which estimator makes the most of a budget of seconds or of evaluations."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from bench.analysis import rows
from bench.analysis.kept import kept, kept_together
from bench.analysis.together import together
from bench.results.runs import Run

SECONDS, EVALUATIONS = "seconds", "evaluations"

COLUMNS = {
    "run": "str", "scenario": "str", "device": "str", "dtype": "str", "currency": "str", "budget": "float64",
    "estimator": "str", "sample_size": "int64", "error": "float64", "low": "float64", "high": "float64",
    "best": "bool", "tied": "bool",
}  # fmt: skip
"""The columns of what budgets reach, in order, with their types."""

MARKET = ["run", "scenario", "device", "dtype", "currency"]
"""The columns within which estimators compete."""

POSSIBLE = (1e-300, 1e300)
"""Costs for which powers of ten on either side are numbers, too."""

MOST_BUDGETS = 60
"""Budgets of a market: thirty powers of ten, more than any cost can span that was really measured."""


Market = tuple[str, str, str, str, str]
"""The values of `MARKET`."""


@dataclass(frozen=True)
class Range:
    """Budgets with the same answer.

    Attributes:
        least: the smallest of them.
        most: the largest.
        estimators: the best, at the smallest budget, and those that are not told apart from it.
    """

    least: float
    most: float
    estimators: tuple[str, ...]


def reached(frame: pd.DataFrame) -> pd.DataFrame:
    r"""The squared error that every estimator reaches with each budget, at its best sample size.

    With a budget b one can average b/cost independent estimates of sample size N, so that the
    variance falls to variance · cost / b; Glynn & Whitt (1992), The asymptotic efficiency of simulation
    estimators. Averaging leaves a bias where it is: a biased cell (verdict "biased") reaches
    bias² + variance · cost / b. A bias that was not found counts as none, however large the budget. Of the
    sample sizes with cost ≤ b the one with the least error counts; b/cost is not rounded down to whole
    estimates, which flatters by less than a factor of two.

    The cost of an estimate is its seconds, or its evaluations of f and of the gradient of f, one
    each. Budgets are the powers of ten, and three times those, from the first that pays for any
    estimate to the first that pays for all.

    The interval is of 95 %, and wider where there is a bias, whose own interval is added end by end. That the
    best N is chosen by its estimate is not in it. An estimator is tied if its interval and that of
    the best overlap, or one of them is not known: not told apart, and not equal.

    Left out are cells without a variance or a cost, biased ones whose bias is not known, and those of
    unknown bias that do not claim to be unbiased.

    Args:
        frame: measurements of one run or several, as `together` gives them.

    Returns:
        One row for each market (see `MARKET`), budget and estimator that can pay, see `COLUMNS`.
    """
    offers = _offers(_problems_apart(frame)) if len(frame) else frame
    if offers.empty:
        return pd.DataFrame(columns=list(COLUMNS)).astype(COLUMNS)
    market = offers.groupby(MARKET, sort=False, dropna=False)["cost"]
    offers = offers.assign(
        market=market.ngroup(), least=market.transform("min"), most=market.transform("max")
    )
    markets = offers.drop_duplicates("market")
    ranges = zip(markets["market"], markets["least"], markets["most"], strict=True)
    grid = [(name, budget) for name, least, most in ranges for budget in budgets(least, most)]
    paid = offers.merge(pd.DataFrame(grid, columns=["market", "budget"]), on="market")
    paid = _with_errors(paid[paid["cost"] <= paid["budget"]])
    chosen = paid.groupby(["market", "budget", "estimator"], sort=False)["error"].idxmin()
    found = _compared(paid.loc[chosen])
    order = found["estimator"].map({label: i for i, label in enumerate(offers["estimator"].unique())})
    found = found.assign(order=order).sort_values(["market", "budget", "order"], kind="stable")
    return found[list(COLUMNS)].astype(COLUMNS).reset_index(drop=True)


@kept
def budgets_of(run: Run) -> pd.DataFrame:
    """Return what budgets reach, each problem of a scenario by itself: `COLUMNS`, and `problem` for `run`."""
    found = reached(run.measurements.assign(run=run.measurements["problem"]))
    return found.assign(problem=found["run"]).drop(columns="run")


@kept_together
def budgets_together(runs: Sequence[Run]) -> pd.DataFrame:
    """Return what budgets reach in each of several runs; see `COLUMNS`."""
    return reached(together(runs))


def _problems_apart(frame: pd.DataFrame) -> pd.DataFrame:
    """Runs of several problems as so many runs."""
    if "problem" not in frame:
        return frame
    several = frame.groupby("run", sort=False)["problem"].transform("nunique") > 1
    return frame.assign(run=frame["run"].mask(several, frame["run"] + ", " + frame["problem"]))


def budgets(least: float, most: float) -> list[float]:
    """1, 3, 10, 30, … from the first that is at least the least cost to the first that is at least the most.

    Args:
        least: the smallest cost, positive.
        most: the largest cost.

    Returns:
        At most `MOST_BUDGETS`, thinned out where there are more.
    """
    powers = range(math.floor(math.log10(least)) - 1, math.ceil(math.log10(most)) + 2)
    steps = [float(f"{digit}e{power}") for power in powers for digit in (1, 3)]
    enough = next(step for step in steps if step >= most)
    found = [step for step in steps if least <= step <= enough]
    return found[:: math.ceil(len(found) / MOST_BUDGETS)]


def _offers(frame: pd.DataFrame) -> pd.DataFrame:
    """Each cell in both currencies, with its cost, and its squared bias with an interval."""
    whole = rows.whole(frame)
    whole = whole[whole["status"] == "ok"]
    gradients = _column(whole, "gradient_evaluations").fillna(0.0)
    costs = {SECONDS: _column(whole, "seconds"), EVALUATIONS: _column(whole, "evaluations") + gradients}
    bias = _squared_bias(whole)
    cells = pd.concat(
        [whole.assign(currency=name, cost=cost, **bias) for name, cost in costs.items()], ignore_index=True
    )
    numbers = cells[["variance", "cost", "squared_bias"]].astype(float)
    known = (numbers.abs() < math.inf).all(axis=1) & cells["cost"].between(*POSSIBLE)
    return cells[known]


def _squared_bias(whole: pd.DataFrame) -> dict[str, pd.Series[float]]:
    """Zero where none was found, NaN where it is not known and may be there."""
    bias, low, high = (_column(whole, name) for name in ("bias", "bias_low", "bias_high"))
    biased = whole["verdict"] == "biased"
    claim = whole["claim"] if "claim" in whole else pd.Series("", whole.index)
    unsure = (whole["verdict"] == "unknown") & claim.isin(["biased", "consistent"])
    least = low.clip(lower=0) + (-high).clip(lower=0)  # the end nearer to zero, or zero between the ends
    most = low.abs().where(low.abs() > high.abs(), high.abs())
    zero = pd.Series(0.0, whole.index).mask(unsure)
    return {
        "squared_bias": zero.mask(biased, bias**2),
        "squared_bias_low": zero.mask(biased, least**2),
        "squared_bias_high": zero.mask(biased, most**2),
    }


def _column(whole: pd.DataFrame, name: str) -> pd.Series[float]:
    return whole[name].astype(float) if name in whole else pd.Series(math.nan, whole.index)


def _with_errors(paid: pd.DataFrame) -> pd.DataFrame:
    """The squared error at each budget; the interval of variance × seconds has the timing's error in it."""
    timed = paid["currency"] == SECONDS
    ends = {"error": "", "low": "_low", "high": "_high"}
    errors = {}
    for name, end in ends.items():
        spent = (_column(paid, f"variance{end}") * paid["cost"]).mask(
            timed & bool(end), _column(paid, f"work_normalized_variance{end}")
        )
        errors[name] = paid[f"squared_bias{end}"] + spent / paid["budget"]
    return paid.assign(**errors)


def _compared(chosen: pd.DataFrame) -> pd.DataFrame:
    """Who is best at each budget, and who is not told apart from it."""
    at = ["market", "budget"]
    best = pd.Series(False, chosen.index)
    best[chosen.groupby(at, sort=False)["error"].idxmin()] = True
    reach = chosen["high"].where(best).groupby([chosen[name] for name in at], sort=False).transform("max")
    return chosen.assign(best=best, tied=~best & ~(chosen["low"] > reach))


def answers(found: pd.DataFrame) -> Iterator[tuple[Market, list[Range]]]:
    """The estimators to take in each market, over ranges of budgets within which they stay the same.

    Args:
        found: as `reached` gives it.

    Yields:
        The market's run, scenario, device, dtype and currency, and its ranges, from the smallest budget on.
    """
    taken = found[found["best"] | found["tied"]]
    best_first = taken.sort_values("best", ascending=False, kind="stable")
    for names, market in best_first.groupby(MARKET, sort=False, dropna=False):
        run, scenario, device, dtype, currency = map(str, names)
        ranges: list[Range] = []
        for _, part in market.groupby("budget"):
            budget, estimators = float(part["budget"].iloc[0]), tuple(part["estimator"])
            if ranges and set(ranges[-1].estimators) == set(estimators):
                ranges[-1] = replace(ranges[-1], most=budget)
            else:
                ranges.append(Range(budget, budget, estimators))
        yield (run, scenario, device, dtype, currency), ranges
