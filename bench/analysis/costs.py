"""Variance against cost, and the points that no other beats in both."""

from __future__ import annotations

import math

import pandas as pd

from bench.analysis import rows
from bench.analysis.kept import kept
from bench.results.runs import Run

COSTS = ("seconds", "evaluations")
"""The kinds of cost of one estimate."""


@kept
def costs(run: Run) -> pd.DataFrame:
    """Return variance against each kind of cost, and whether no point of the same device and type beats it.

    As in `evaluation_normalized_variance`, evaluations are those of f, without those of its gradient.
    """
    whole = rows.measured(rows.whole(run.measurements), "variance")
    numbers = ["variance", "variance_low", "variance_high"]
    known = whole[rows.CELL].join(whole[numbers].astype(float))
    found = [known.assign(cost=cost, value=whole[cost].astype(float)) for cost in COSTS]
    every: pd.DataFrame = pd.concat(found, ignore_index=True).dropna(subset=["value"])
    return every.assign(front=_front(every))


def _front(points: pd.DataFrame) -> pd.Series[bool]:
    ordered = points.sort_values(["value", "variance"], kind="stable")
    least = ordered.groupby(["cost", "problem", "device", "dtype"])["variance"].transform(
        lambda variance: variance.cummin().shift(fill_value=math.inf)
    )
    return (ordered["variance"] < least).reindex(points.index)
