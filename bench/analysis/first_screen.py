"""The estimators of a run from the best to the worst, and the histograms that show them first."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from bench.analysis import rows
from bench.analysis.comparison import compare
from bench.analysis.histograms import histograms
from bench.analysis.kept import kept
from bench.analysis.pairs import within
from bench.analysis.sweeps import sweep_of
from bench.results.runs import Run
from bench.statistics.metric_table import COMPARED, METRICS

MOST_SHOWN = 5
"""Estimators whose histograms are seen at first."""

MOST_BIASED = 2
"""Biased estimators among them, if others would have no room."""

PLACE = ["problem", "device", "dtype", "sample_size"]


@kept
def standings(run: Run, metric: str = "variance") -> pd.DataFrame:
    """Return the measurements of all estimators at one place, from the best to the worst by a metric.

    The place is the largest N, of the last problem and the first device, at which most estimators were
    measured. Biased estimators come last, whatever their metric is, after those without any variance that
    are not shown to be unbiased; `leads` says that an estimator is neither. `value`, `value_low` and
    `value_high` are the metric; `ratio`, `low` and `high` are its ratio to the best, and NaN for metrics that
    are not compared. The intervals of all ratios hold together.

    Args:
        run: the run.
        metric: of `bench.statistics.metric_table.METRICS`.
    """
    here = _at_one_place(rows.whole(run.measurements))
    main = METRICS[metric].columns[0].name
    columns = {
        end: here[f"{main}{end}"].astype(float) for end in ("", "_low", "_high") if f"{main}{end}" in here
    }
    here = here.assign(**{f"value{end}": values for end, values in columns.items()})
    sign = -1 if METRICS[metric].better == "higher" else 1
    goodness = here["value"].abs() if "zero" in METRICS[metric].better else sign * here["value"]
    biased, leads = here["verdict"] == "biased", rows.may_be_unbiased(here)
    ordered = here.assign(biased=biased, leads=leads, behind=~leads, goodness=goodness)
    ordered = ordered.sort_values(["biased", "behind", "goodness"], kind="stable", ignore_index=True)
    ordered = ordered.drop(columns=["behind", "goodness"])
    return ordered.merge(_ratios_to_the_best(run, ordered, metric), on="cell", how="left")


def _at_one_place(whole: pd.DataFrame) -> pd.DataFrame:
    measured = whole[whole["status"] == "ok"]
    if measured.empty:
        return measured
    count = measured.groupby(PLACE, sort=False)["estimator"].transform("nunique")
    most = measured[count == count.max()]
    most = most[most["device"] == most["device"].iloc[0]]
    most = most[(most["dtype"] == most["dtype"].iloc[0]) & (most["sample_size"] == most["sample_size"].max())]
    found: pd.DataFrame = most[most["problem"] == most["problem"].iloc[-1]]
    return found.drop_duplicates("estimator")


def _ratios_to_the_best(run: Run, ordered: pd.DataFrame, metric: str) -> pd.DataFrame:
    if metric not in COMPARED or ordered.empty:
        return pd.DataFrame({"cell": [], "ratio": [], "low": [], "high": []}).astype({"cell": "str"})
    every, here = within(run, str(ordered["estimator"].iloc[0])), set(ordered["cell"])
    pairs = replace(every, pairs=tuple(pair for pair in every.pairs if pair.estimator.cell in here), kept={})
    return compare(pairs, (metric,)).frame[["cell", "ratio", "low", "high"]]


@kept
def pictured(run: Run, metric: str = "variance", control: str | None = None) -> pd.DataFrame:
    """Return the histograms of `histograms` with their order, and along what they stand side by side.

    `order` counts the estimators from the top: biased ones, then from the best to the worst; those that are
    `folded` are not seen at first. `along` is the number that differs from column to column, of the option
    `option`, or N if that is empty; `rest` are the other options in words.

    Args:
        run: the run.
        metric: by which estimators are ordered.
        control: the label of an estimator that is always seen; None for the first.
    """
    found, order = histograms(run), standings(run, metric)
    every = list(dict.fromkeys(run.measurements["estimator"]))
    biased = list(order.loc[order["biased"], "estimator"])
    ranked = list(order.loc[~order["biased"], "estimator"])
    ranked += [label for label in every if label not in {*biased, *ranked}]
    wanted = [*biased[:MOST_BIASED], *ranked[:1], control or every[0], *ranked[-1:], *biased, *ranked]
    seen = set(list(dict.fromkeys(wanted))[:MOST_SHOWN])
    place = {label: i for i, label in enumerate([*biased, *ranked])}
    sweep = sweep_of(rows.whole(run.measurements))
    along = found["sample_size"].astype(float) if sweep is None else sweep.along(found)
    return found.assign(
        order=found["estimator"].map(place),
        folded=[label not in seen for label in found["estimator"]],
        biased=found["estimator"].isin(biased),
        option="" if sweep is None else sweep.name,
        along=along,
        rest="" if sweep is None else sweep.beside(found),
    )
