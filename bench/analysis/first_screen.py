"""The estimators of a run from the best to the worst, and the histograms that show them first."""

from __future__ import annotations

import pandas as pd

from bench.analysis import rows
from bench.analysis.comparison import compare
from bench.analysis.histograms import histograms
from bench.analysis.kept import kept
from bench.analysis.pairs import within
from bench.analysis.sweeps import sweep_of
from bench.results.runs import Run
from bench.statistics.metric_table import COMPARED, METRICS

MOST_SHOWN, MOST_BIASED = 5, 2
"""Estimators whose histograms are seen at first, and biased ones if others would have no room."""


@kept
def standings(run: Run, metric: str = "variance") -> pd.DataFrame:
    """Return the measurements of all estimators at one place, from the best to the worst by a metric.

    The place is the largest N, of the last problem and the first device, at which most estimators were
    measured. Biased estimators come last, whatever their metric is, after those without any variance that
    are not shown to be unbiased; `leads` says that an estimator is neither. `value`, `value_low` and
    `value_high` are the metric; `ratio`, `low` and `high` are its ratio to the best, and NaN for metrics that
    are not compared. The intervals of all ratios hold together. Metrics are those of `METRICS`.
    """
    here = _at_one_place(rows.whole(run.measurements))
    main, better = METRICS[metric].columns[0], METRICS[metric].better
    for name in main.names:
        here[name.replace(main.name, "value")] = here[name].astype(float)
    goodness = here["value"].abs() if "zero" in better else here["value"] * (-1 if better == "higher" else 1)
    here = here.assign(biased=here["verdict"] == "biased", leads=rows.may_be_unbiased(here))
    order = here.assign(behind=~here["leads"], goodness=goodness)
    order = order.sort_values(["biased", "behind", "goodness"], ignore_index=True)[[*here]]
    if metric not in COMPARED or order.empty:
        return order.assign(ratio=float("nan"), low=float("nan"), high=float("nan"))
    pairs = within(run, str(order["estimator"].iloc[0])).of("cell", order["cell"])
    ratios = compare(pairs, (metric,)).frame[["cell", "ratio", "low", "high"]]
    return order.merge(ratios, on="cell", how="left")


def _at_one_place(whole: pd.DataFrame) -> pd.DataFrame:
    measured = whole[whole["status"] == "ok"]
    if measured.empty:
        return measured.copy()
    count = measured.groupby(rows.PLACE, sort=False)["estimator"].transform("nunique")
    most = measured[count == count.max()]
    device, dtype = most[["device", "dtype"]].iloc[0]
    most = most[(most["device"] == device) & (most["dtype"] == dtype)]
    most = most[most["sample_size"] == most["sample_size"].max()]
    found: pd.DataFrame = most[most["problem"] == most["problem"].iloc[-1]]
    return found.drop_duplicates("estimator")


@kept
def pictured(run: Run, metric: str = "variance", control: str | None = None) -> pd.DataFrame:
    """Return the histograms of `histograms` with their order, and along what they stand side by side.

    `order` counts the estimators from the top: biased ones, then from the best to the worst; those that are
    `folded` are not seen at first. `along` is the number that differs from column to column, of the option
    `option`, or N if that is empty; `rest` are the other options in words. The estimator with the label
    `control`, by default the first one, is always seen.
    """
    found, order = histograms(run), standings(run, metric)
    every = list(dict.fromkeys(run.measurements["estimator"]))
    biased = list(order.loc[order["biased"], "estimator"])
    best_first = list(order.loc[~order["biased"], "estimator"])
    ranked = [label for label in dict.fromkeys([*best_first, *every]) if label not in biased]
    wanted = [*biased[:MOST_BIASED], *ranked[:1], control or every[0], *ranked[-1:], *biased, *ranked]
    seen = list(dict.fromkeys(wanted))[:MOST_SHOWN]
    sweep = sweep_of(rows.whole(run.measurements))
    return found.assign(
        order=found["estimator"].map([*biased, *ranked].index),
        folded=~found["estimator"].isin(seen),
        biased=found["estimator"].isin(biased),
        option="" if sweep is None else sweep.name,
        along=found["sample_size"].astype(float) if sweep is None else sweep.along(found),
        rest="" if sweep is None else sweep.beside(found),
    )
