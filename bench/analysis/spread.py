"""Histograms of squared deviations."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bench.analysis import rows
from bench.analysis.kept import kept
from bench.results.runs import Run

_BINS = 40


@kept
def spread(run: Run) -> pd.DataFrame:
    """Return histograms of the squared deviations of each cell, over multiples of their mean.

    The first and the last bin also hold all beyond them. `attrs["notice"]` says if only some sample sizes
    are kept.
    """
    whole = rows.whole(run.measurements)
    sizes, notice = rows.drawn_sizes(whole)
    cells = whole.loc[whole["sample_size"].isin(sizes), rows.CELL]
    every = run.replicates[run.replicates["parameter"] == "all"]
    kept = every["cell"].isin(cells["cell"]) & np.isfinite(every["squared_deviation"].to_numpy(float))
    deviations = every[kept]
    means = deviations.groupby("cell")["squared_deviation"].transform("mean")
    deviations = deviations.assign(multiple=deviations["squared_deviation"] / means)
    deviations = deviations[np.isfinite(deviations["multiple"])]
    found = _with_tails(cells.merge(_histograms(deviations), on="cell"), deviations, whole)
    found.attrs["notice"] = rows.noted(notice, run.thinned)
    return found


def _histograms(deviations: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each bin of each cell that is not empty."""
    edges = np.logspace(-4, 3, _BINS + 1)
    bins = np.clip(np.digitize(deviations["multiple"], edges) - 1, 0, _BINS - 1)
    counts: pd.DataFrame = (
        deviations.assign(bin=bins).groupby(["cell", "bin"]).size().reset_index(name="count")
    )
    counts["share"] = counts["count"] / counts.groupby("cell")["count"].transform("sum")
    counts["low"], counts["high"] = edges[counts["bin"]], edges[counts["bin"] + 1]
    return counts.drop(columns="bin")


def _with_tails(bins: pd.DataFrame, deviations: pd.DataFrame, whole: pd.DataFrame) -> pd.DataFrame:
    """Return the bins with the largest deviation of each cell in its last row, and a flag on heavy tails.

    Flags are numbered within a sample size, the heaviest first, to be written below one another.
    """
    last = ~bins.duplicated(["cell", "estimator"], keep="last")
    largest = bins["cell"].map(deviations.groupby("cell")["multiple"].max())
    known = whole.drop_duplicates("cell").set_index("cell")
    heavy = last & bins["cell"].map(rows.heavy_tailed(known)).astype(bool)
    kurtosis = bins["cell"].map(known["kurtosis"].astype(float))
    words = [
        f"heavy tail: kurtosis {value:.3g}{f' ({setting})' if setting else ''}" if flagged else ""
        for value, setting, flagged in zip(kurtosis, rows.device_and_dtype(bins), heavy, strict=True)
    ]
    place = kurtosis[heavy].groupby(bins["sample_size"]).rank(method="first", ascending=False) - 1
    return bins.assign(
        largest=largest.where(last),
        kurtosis=kurtosis,
        heavy=heavy,
        flag=words,
        place=place,
    )
