"""Histograms: of one coordinate of the estimates about the truth, and of squared deviations."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from bench.analysis import rows
from bench.analysis.kept import kept
from bench.results.runs import Run

COLUMNS = {
    "problem": "str", "estimator": "str", "sample_size": "int64", "device": "str", "dtype": "str",
    "parameter": "str", "index": "int64", "low": "float64", "high": "float64", "share": "float64",
    "beyond": "float64", "truth": "float64", "mean": "float64", "sd": "float64", "replicates": "int64",
    "cell": "str",
}  # fmt: skip
"""The columns of the histograms of estimates, in order, with their types."""

BINS, TAIL, MARGIN = 30, 0.005, 0.1
"""Bins over all but a share of the estimates on either side, and a part of their width around them."""

_EDGES = np.logspace(-4, 3, 41)
"""Edges of the bins of squared deviations, in multiples of their mean."""


@kept
def histograms(run: Run) -> pd.DataFrame:
    """Return histograms of the estimates of one coordinate, the same in all cells of a problem.

    It is the coordinate of the largest variance of any cell at the smallest sample size, among those whose
    estimates are kept. Bins reach over all but the tails of the estimates of a cell: `share` is that of the
    bin from `low` to `high` among all `replicates` that are kept, and `beyond` is the share outside of bins.
    Estimates that are all the same are a bin without width. `truth`, `mean` and `sd` of one estimate are
    those of all replicates. `attrs["notice"]` says if only some sample sizes are there. Empty for runs that
    kept no estimates; see `COLUMNS`.
    """
    cells, replicates, notice = _drawn(run)
    parts = dict(tuple(replicates.groupby("cell", sort=False)))
    drawn = cells.merge(_coordinates(run), on=["cell", "problem"])
    records = drawn[drawn["cell"].isin(list(parts))].to_dict("records")
    found = [pd.DataFrame(_bins(row, parts[row["cell"]][f"estimate_{row['kept']}"])) for row in records]
    return rows.noted(rows.stacked(found, COLUMNS), notice, run.thinned)


def _drawn(run: Run) -> tuple[pd.DataFrame, pd.DataFrame, str]:
    """Return the cells whose estimates are drawn, their replicates, and a notice if others are not."""
    whole = rows.whole(run.measurements)
    sizes, notice = rows.drawn_sizes(whole)
    cells = whole.loc[whole["sample_size"].isin(sizes), rows.CELL]
    every = run.replicates
    return cells, every[(every["parameter"] == "all") & every["cell"].isin(cells["cell"])], notice


def _coordinates(run: Run) -> pd.DataFrame:
    """Return the coordinate that is drawn, in all cells of each problem."""
    kept = run.coordinates[run.coordinates["kept"] > 0].drop_duplicates(["cell", "index"])
    problems = rows.whole(run.measurements)[["cell", "problem", "sample_size"]].drop_duplicates("cell")
    every = kept.merge(problems, on="cell").astype({"parameter": "str"})
    known = every[np.isfinite(every["variance"])]
    smallest = known[known["sample_size"] == known.groupby("problem")["sample_size"].transform("min")]
    chosen = smallest.loc[smallest.groupby("problem")["variance"].idxmax(), ["problem", "index"]]
    return every.merge(chosen, on=["problem", "index"]).drop(columns="sample_size")


def _bins(row: dict[Any, Any], every: pd.Series[float]) -> Iterator[dict[Any, Any]]:
    """Yield the bins of one cell that are not empty."""
    estimates = every.to_numpy(float)
    estimates = estimates[np.isfinite(estimates)]
    if not len(estimates):
        return
    edges = _edges(estimates)
    counts = np.histogram(estimates, edges)[0] if len(edges) > 2 else np.array([len(estimates)])
    known = {**row, "sd": math.sqrt(row["variance"]), "replicates": len(estimates)}
    known["beyond"] = 1 - counts.sum() / len(estimates)
    for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True):
        if count:
            yield {**known, "low": low, "high": high, "share": count / len(estimates)}


def _edges(estimates: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return edges of bins over all but the tails, over all if most are the same; equal ones if all are."""
    least, most = estimates.min(), estimates.max()
    if least == most:
        return np.array([least, most])
    low = np.quantile(estimates, TAIL, method="lower")
    high = np.quantile(estimates, 1 - TAIL, method="higher")
    margin = MARGIN * (high - low)
    if margin > 0:
        least, most = max(least, low - margin), min(most, high + margin)
    return np.linspace(least, most, BINS + 1)


@kept
def spread(run: Run) -> pd.DataFrame:
    """Return histograms of the squared deviations of each cell, over multiples of their mean.

    The first and the last bin also hold all beyond them. The last row of a cell has its largest deviation,
    and a `flag` if its tail is heavy; flags are numbered within a sample size, the heaviest first, to be
    written below one another. `attrs["notice"]` says if only some sample sizes are kept.
    """
    cells, every, notice = _drawn(run)
    every = every[np.isfinite(every["squared_deviation"].astype(float))]
    means = every.groupby("cell")["squared_deviation"].transform("mean")
    every = every.assign(multiple=every["squared_deviation"] / means)
    every = every[np.isfinite(every["multiple"])]
    places = np.clip(np.digitize(every["multiple"], _EDGES) - 1, 0, len(_EDGES) - 2)
    counts = every.groupby(["cell", places]).size().rename_axis(["cell", "bin"]).reset_index(name="count")
    counts["share"] = counts["count"] / counts.groupby("cell")["count"].transform("sum")
    counts["low"], counts["high"] = _EDGES[counts["bin"]], _EDGES[counts["bin"] + 1]
    bins = cells.merge(counts.drop(columns="bin"), on="cell")
    last = ~bins.duplicated(["cell", "estimator"], keep="last")
    known = rows.whole(run.measurements).drop_duplicates("cell").set_index("cell")
    heavy = last & bins["cell"].map(rows.heavy_tailed(known)).astype(bool)
    kurtosis = bins["cell"].map(known["kurtosis"].astype(float))
    settings = [f" ({setting})" if setting else "" for setting in rows.device_and_dtype(bins)]
    found = bins.assign(
        largest=bins["cell"].map(every.groupby("cell")["multiple"].max()).where(last),
        kurtosis=kurtosis,
        heavy=heavy,
        flag=("heavy tail: kurtosis " + kurtosis.map("{:.3g}".format) + settings).where(heavy, ""),
        place=kurtosis[heavy].groupby(bins["sample_size"]).rank(method="first", ascending=False) - 1,
    )
    return rows.noted(found, notice, run.thinned)
