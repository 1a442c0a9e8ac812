"""The estimators of a run from the best to the worst, and the histograms that show them first."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pandas as pd

from bench.analysis import rows
from bench.analysis.comparison import compare
from bench.analysis.kept import kept
from bench.analysis.pairs import within
from bench.analysis.sweeps import sweep_of
from bench.results.run import Run
from bench.statistics.metric_table import COMPARED, METRICS

COLUMNS = {
    "problem": "str", "estimator": "str", "sample_size": "int64", "device": "str", "dtype": "str",
    "parameter": "str", "index": "int64", "low": "float64", "high": "float64", "share": "float64",
    "beyond": "float64", "truth": "float64", "mean": "float64", "sd": "float64", "replicates": "int64",
    "cell": "str",
}  # fmt: skip

BINS, TAIL, MARGIN = 30, 0.005, 0.1
"""Bins over all but a share of the estimates on either side, and a part of their width around them."""

MOST_SHOWN, MOST_BIASED = 5, 2
"""Estimators whose histograms are seen at first, and biased ones if others would have no room."""


@kept
def standings(run: Run, metric: str = "variance") -> pd.DataFrame:
    """Return the measurements of all estimators at one place, from the best to the worst by a metric.

    The place is the largest N, of the last problem and the first device, at which most estimators were
    measured. Biased estimators come last, whatever their metric is, after those without any variance that
    are not shown to be unbiased; `leads` says that an estimator is neither. `value`, `value_low` and
    `value_high` are the metric; `ratio`, `low` and `high` are its ratio to the best, NaN if it has none. The
    intervals of all ratios hold together.
    """
    here = at_one_place(rows.whole(run.measurements))
    main, better = METRICS[metric].columns[0], METRICS[metric].better
    for name in main.names:
        here[name.replace(main.name, "value")] = here[name].astype(float)
    goodness = here["value"].abs() if "zero" in better else here["value"] * (-1 if better == "higher" else 1)
    here = here.assign(biased=here["verdict"] == "biased", leads=rows.may_be_unbiased(here))
    by = {"biased": True, "leads": False, "goodness": True}
    order = here.assign(goodness=goodness).sort_values([*by], ascending=[*by.values()], ignore_index=True)
    order = order.drop(columns="goodness")
    if metric not in COMPARED or order.empty:
        return order.assign(ratio=math.nan, low=math.nan, high=math.nan)
    pairs = within(run, str(order["estimator"].iloc[0])).of("cell", order["cell"])
    ratios = compare(pairs, (metric,)).frame[["cell", "ratio", "low", "high"]]
    return order.merge(ratios.drop_duplicates("cell"), on="cell", how="left")  # two labels may share a cell


def at_one_place(whole: pd.DataFrame) -> pd.DataFrame:
    """Return the rows where most estimators are measured: the first device, largest N, last problem."""
    measured = rows.measured(whole)
    if measured.empty:
        return measured
    count = measured.groupby(rows.PLACE, sort=False)["estimator"].transform("nunique")
    most = measured[count == count.max()]
    device, dtype = most[["device", "dtype"]].iloc[0]
    most = most[(most["device"] == device) & (most["dtype"] == dtype)]
    most = most[most["sample_size"] == most["sample_size"].max()]
    found: pd.DataFrame = most[most["problem"] == most["problem"].iloc[-1]]
    return found.drop_duplicates("estimator")


@kept
def histograms(run: Run) -> pd.DataFrame:
    """Return histograms of the estimates of one coordinate, the same in all cells of a problem.

    It is that of the largest variance at the smallest N, among those whose estimates are kept, if any. Bins
    reach over all but the tails of the estimates of a cell: `share` is that of the bin from `low` to `high`
    among all `replicates` that are kept, and `beyond` is the share outside of bins. Estimates that are all
    equal are a bin without width. `truth`, `mean` and `sd` of one estimate are those of all replicates.
    `attrs["notice"]` says if only some sample sizes are there; see `COLUMNS`.
    """
    cells, notice = rows.drawn_cells(run)
    drawn = cells.merge(_coordinates(run), on=["cell", "problem"]).rename_axis("place").reset_index()
    drawn = drawn.assign(sd=np.sqrt(drawn["variance"]))
    at = drawn[["place", "cell", "kept"]].itertuples(index=False)
    found = [_bins(place, _estimates(run, cell, kept)) for place, cell, kept in at]
    bins = pd.DataFrame(np.concatenate([np.empty((0, len(_BINS))), *found]), columns=list(_BINS))
    return rows.noted(rows.stacked([drawn.merge(bins, on="place")], COLUMNS), notice, run.thinned)


def _estimates(run: Run, cell: str, kept: int) -> npt.NDArray[np.float64]:
    """Return the estimates of a coordinate that are kept as they are."""
    every: npt.NDArray[np.float64] = run.replicate_column(cell, f"estimate_{kept}")
    return every[np.isfinite(every)]


def _coordinates(run: Run) -> pd.DataFrame:
    """Return the coordinate that is drawn, in all cells of each problem."""
    kept = run.coordinates[run.coordinates["kept"] > 0].drop_duplicates(["cell", "index"])
    problems = rows.whole(run.measurements)[["cell", "problem", "sample_size"]].drop_duplicates("cell")
    every = kept.merge(problems, on="cell").astype({"parameter": "str"})
    known = every[np.isfinite(every["variance"])]
    first = known.sort_values(["sample_size", "variance"], ascending=[True, False]).drop_duplicates("problem")
    return every.merge(first[["problem", "index"]], on=["problem", "index"]).drop(columns="sample_size")


_BINS = ("place", "low", "high", "share", "beyond", "replicates")


def _bins(place: int, estimates: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the bins of one cell that are not empty, each with the columns of `_BINS`."""
    R = len(estimates)
    if not R:
        return np.empty((0, len(_BINS)))
    edges = _edges(np.sort(estimates))
    counts = np.histogram(estimates, edges)[0] if len(edges) > 2 else np.array([R])
    same = (np.full(len(counts), value) for value in (1 - counts.sum() / R, R))
    return np.stack([np.full(len(counts), place), edges[:-1], edges[1:], counts / R, *same], 1)[counts > 0]


def _edges(ordered: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return edges of bins over all but the tails, over all if most are the same; equal ones if all are."""
    least, most, last = ordered[0], ordered[-1], len(ordered) - 1
    if least == most:
        return np.array([least, most])
    low, high = ordered[math.floor(TAIL * last)], ordered[math.ceil((1 - TAIL) * last)]
    margin = MARGIN * (high - low)
    if margin > 0:
        least, most = max(least, low - margin), min(most, high + margin)
    return np.linspace(least, most, BINS + 1)


@kept
def pictured(run: Run, metric: str = "variance", control: str | None = None) -> pd.DataFrame:
    """Return the histograms of `histograms` with their order, and along what they stand side by side.

    `order` counts the estimators from the top: biased ones, then from the best to the worst; those that are
    `folded` are not seen at first. `along` is the number that differs from column to column, of the option
    `option`, or N if that is empty; `rest` are the other options as text. The estimator with the label
    `control`, by default the first one, is always seen.
    """
    found, order = histograms(run), standings(run, metric)
    every = list(dict.fromkeys(run.measurements["estimator"]))
    biased = list(order.loc[order["biased"], "estimator"])
    best_first = list(order.loc[~order["biased"], "estimator"])
    ranked = [label for label in dict.fromkeys([*best_first, *every]) if label not in biased]
    wanted = [
        *biased[:MOST_BIASED],
        *ranked[:1],
        control or next(iter(every), ""),
        *ranked[-1:],
        *biased,
        *ranked,
    ]
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
