"""Histograms of single coordinates of the estimates about the truth."""

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
"""The columns of the histograms, in order, with their types."""

BINS = 30

TAIL = 0.005
"""The share of the estimates on either side that is beyond the bins, but for a margin."""

_MARGIN = 0.1


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
    whole = rows.whole(run.measurements)
    sizes, notice = rows.drawn_sizes(whole)
    cells = whole.loc[whole["sample_size"].isin(sizes), rows.CELL]
    wanted = (run.replicates["parameter"] == "all") & run.replicates["cell"].isin(cells["cell"])
    replicates = run.replicates[wanted]
    parts = dict(tuple(replicates.groupby("cell", sort=False)))
    found = [
        bin_
        for row in cells.merge(_coordinates(run, whole), on=["cell", "problem"]).to_dict("records")
        if row["cell"] in parts
        for bin_ in _bins(row, parts[row["cell"]])
    ]
    frame = pd.DataFrame(found, columns=list(COLUMNS)).astype(COLUMNS)
    frame.attrs["notice"] = rows.noted(notice, run.thinned)
    return frame


def _coordinates(run: Run, whole: pd.DataFrame) -> pd.DataFrame:
    """Return the coordinate that is drawn, in all cells of each problem."""
    kept = run.coordinates[run.coordinates["kept"] > 0].drop_duplicates(["cell", "index"])
    problems = whole[["cell", "problem", "sample_size"]].drop_duplicates("cell")
    every = kept.merge(problems, on="cell").astype({"parameter": "str"})
    known = every[np.isfinite(every["variance"])]
    smallest = known[known["sample_size"] == known.groupby("problem")["sample_size"].transform("min")]
    chosen = smallest.loc[smallest.groupby("problem")["variance"].idxmax(), ["problem", "index"]]
    return every.merge(chosen, on=["problem", "index"]).drop(columns="sample_size")


def _bins(row: dict[Any, Any], replicates: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Yield the bins of one cell that are not empty."""
    estimates = replicates[f"estimate_{row['kept']}"].to_numpy(float)
    estimates = estimates[np.isfinite(estimates)]
    if not len(estimates):
        return
    edges = _edges(estimates)
    counts = np.histogram(estimates, edges)[0] if len(edges) > 2 else np.array([len(estimates)])
    known = {name: row[name] for name in (*rows.CELL, "parameter", "index", "truth", "mean")}
    known |= {"sd": math.sqrt(row["variance"]), "replicates": len(estimates)}
    known["beyond"] = 1 - counts.sum() / len(estimates)
    for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True):
        if count:
            yield {**known, "low": low, "high": high, "share": count / len(estimates)}


def _edges(estimates: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return edges of bins over all but the tails, over all if most are the same; equal ones if all are."""
    least, most = estimates.min(), estimates.max()
    if least == most:
        return np.array([least, most])
    low, high = (
        np.quantile(estimates, TAIL, method="lower"),
        np.quantile(estimates, 1 - TAIL, method="higher"),
    )
    margin = _MARGIN * (high - low)
    if margin > 0:
        least, most = max(least, low - margin), min(most, high + margin)
    return np.linspace(least, most, BINS + 1)
