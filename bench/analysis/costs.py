"""Seconds, evaluations and variance of one estimate: against one another, and by device and type."""

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


@kept
def settings(run: Run) -> pd.DataFrame:
    """Return seconds and variance of one estimate, in a row each, by device and type of numbers in words."""
    whole = rows.whole(run.measurements)
    whole = whole[whole["status"] == "ok"].reset_index(drop=True)
    cells = whole[rows.CELL].assign(setting=rows.device_and_dtype(whole))
    found = [
        cells.assign(
            metric=metric, value=whole[metric], low=whole[f"{metric}_low"], high=whole[f"{metric}_high"]
        )
        for metric in ("seconds", "variance")
    ]
    return pd.concat(found, ignore_index=True)
