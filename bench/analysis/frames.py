"""Rows of the figures of a run: costs, settings, rates, coordinates, deviations, options."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from bench.analysis import rows
from bench.analysis.budgets import budgets_of
from bench.analysis.comparison import ratios
from bench.analysis.kept import kept
from bench.analysis.option_sweeps import along_option
from bench.analysis.sweeps import Sweep, sweep_of
from bench.results.run import Run
from bench.statistics.rate import rate, verdict

RATES = ("problem", "estimator", "device", "dtype", "slope", "low", "high", "lack_of_fit", "verdict")

EDGES = np.logspace(-4, 3, 41)
"""Edges of the bins of squared deviations, in multiples of their mean."""

MOST_POINTS = 3000
"""Coordinates that are drawn of all cells; of more, evenly chosen ones."""


@kept
def costs(run: Run) -> pd.DataFrame:
    """Return variance against each kind of cost, and whether no point of the same device and type beats it.

    As in `evaluation_normalized_variance`, evaluations are those of f, without those of its gradient.
    """
    cells = rows.measured(rows.whole(run.measurements), "variance")
    numbers = ["variance", "variance_low", "variance_high"]
    every = cells.astype(dict.fromkeys([*numbers, "seconds", "evaluations"], float)).melt(
        [*rows.CELL, *numbers], ["seconds", "evaluations"], "cost"
    )
    points = every.dropna(subset=["value"]).reset_index(drop=True)
    ordered = points.sort_values(["value", "variance"])
    least = ordered.groupby(["cost", *rows.SETTINGS])["variance"].transform(
        lambda variance: variance.cummin().shift(fill_value=math.inf)
    )
    return points.assign(front=ordered["variance"] < least)


@kept
def settings(run: Run) -> pd.DataFrame:
    """Return seconds and variance of one estimate, in a row each, by device and type of numbers as text."""
    whole = rows.measured(rows.whole(run.measurements))
    cells = whole[rows.CELL].assign(setting=rows.device_and_dtype(whole))
    ends = {"value": "", "low": "_low", "high": "_high"}
    found = (
        cells.assign(metric=metric, **{name: whole[f"{metric}{end}"] for name, end in ends.items()})
        for metric in ("seconds", "variance")
    )
    return pd.concat(found, ignore_index=True)


@kept
def rate_fits(run: Run) -> pd.DataFrame:
    """Return the slope of log variance on log N with its 95 % interval, where N are enough; see `RATES`.

    Device and type of numbers are there as `setting`, too, where they vary.
    """
    frame, found = rows.whole(run.measurements), []
    for which, cells in frame[frame["status"] == "ok"].groupby(list(RATES[:4]), sort=False):
        error = np.sqrt(2 / cells["effective_dof"])
        fit = rate(cells["sample_size"].tolist(), cells["variance"].tolist(), error.tolist())
        if said := verdict(fit):
            found.append((*which, fit.slope.value, fit.slope.low, fit.slope.high, fit.lack_of_fit, said))
    fits = pd.DataFrame(found, columns=list(RATES))
    return fits.assign(setting=rows.device_and_dtype(fits))


@kept
def scatter(run: Run) -> pd.DataFrame:
    """Return mean against truth of coordinates at the largest N, with one standard error on either side.

    `attrs["notice"]` says if only some are kept.
    """
    whole = rows.whole(run.measurements)
    if run.record["scenario"].get("coordinates", "all") != "all":
        whole = whole.iloc[:0]  # the few that are kept are not like the others
    cells = whole[whole["sample_size"] == whole["sample_size"].max()]
    known = run.coordinates.drop_duplicates(["cell", "parameter", "index"])
    known = known[np.isfinite(known["truth"].to_numpy(float)) & known["cell"].isin(cells["cell"])]
    places = known.groupby("cell").cumcount()
    every = range(places.max() + 1 if len(places) else 0)
    some, notice = rows.one_in(len(known) / MOST_POINTS, every, "coordinates is drawn")
    found = known[places.isin(some)].merge(cells[[*rows.CELL, "replicates", "nonfinite"]], on="cell")
    error = np.sqrt(found["variance"].astype(float) / (found["replicates"] - found["nonfinite"]))
    found = found.drop(columns=["replicates", "nonfinite"])
    found = found.assign(low=found["mean"] - error, high=found["mean"] + error)
    return rows.noted(found, notice, run.thinned)


@kept
def spread(run: Run) -> pd.DataFrame:
    """Return histograms of the squared deviations of each cell, over multiples of their mean.

    The first and the last bin also hold all beyond them. The last row of a cell has its largest deviation,
    and a `flag` if its tail is heavy; flags are numbered within a sample size, the heaviest first, to be
    written below one another. `attrs["notice"]` says if only some sample sizes are kept.
    """
    cells, notice = rows.drawn_cells(run)
    bins = cells.merge(_deviations(run, list(cells["cell"].unique())), on="cell")
    last = ~bins.duplicated(["cell", "estimator"], keep="last")
    known = rows.whole(run.measurements).drop_duplicates("cell").set_index("cell")
    heavy = last & bins["cell"].map(rows.heavy_tailed(known)).astype(bool)
    kurtosis = bins["cell"].map(known["kurtosis"].astype(float))
    settings = [f" ({setting})" if setting else "" for setting in rows.device_and_dtype(bins)]
    flags = [f"heavy tail: kurtosis {k:.3g}{each}" for k, each in zip(kurtosis, settings, strict=True)]
    found = bins.assign(
        largest=bins["largest"].where(last),
        kurtosis=kurtosis,
        heavy=heavy,
        flag=pd.Series(flags, bins.index, dtype=str).where(heavy, ""),
        place=kurtosis[heavy].groupby(bins["sample_size"]).rank(method="first", ascending=False) - 1,
    )
    return rows.noted(found, notice, run.thinned)


def _deviations(run: Run, cells: Sequence[str]) -> pd.DataFrame:
    """Return the bins of squared deviations that are not empty, of all cells, each with its largest one."""
    every = (run.replicate_column(cell, "squared_deviation") for cell in cells)
    found = [_counts(place, squares) for place, squares in enumerate(every)]
    bins = pd.DataFrame(np.concatenate([_NO_COUNTS, *found]), columns=list(_COUNTS)).astype({"count": int})
    return bins.assign(cell=np.asarray(cells, dtype=object)[bins["cell"].astype(int)])


_COUNTS = ("cell", "low", "high", "count", "share", "largest")
_NO_COUNTS = np.empty((0, len(_COUNTS)))


def _counts(place: int, squares: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the bins of one cell, each with the columns of `_COUNTS`."""
    if not (finite := np.isfinite(squares)).all():
        squares = squares[finite]
    mean = squares.mean() if len(squares) else 0.0
    if not mean > 0:
        return _NO_COUNTS
    squares = squares / mean
    counts = np.histogram(squares, [-math.inf, *EDGES[1:-1], math.inf])[0]
    cell, largest = (np.full(len(counts), value) for value in (place, squares.max()))
    bins = np.stack([cell, EDGES[:-1], EDGES[1:], counts, counts / len(squares), largest], 1)
    return bins[counts > 0]


@kept
def along(run: Run) -> pd.DataFrame:
    """Return the cells with a variance along the number over which the scenario ranges, if there is one.

    That is an option of the problem, else one of estimators.

    They have an `option`, its `value`, and the options that vary besides as `rest`.
    """
    whole = rows.measured(rows.whole(run.measurements), "variance")
    sweep = sweep_of(whole)
    if sweep is None and (of_estimators := along_option(run, whole)) is not None:
        return of_estimators
    sweep = sweep or Sweep("", {}, {})
    found = whole.assign(option=sweep.name, value=sweep.along(whole), rest=sweep.beside(whole))
    return found.dropna(subset=["value"])


FRAMES: dict[str, Callable[[Run], pd.DataFrame]] = {
    "measurements": lambda run: run.measurements,
    "ratios": ratios,
    "spread": spread,
    "coordinates": scatter,
    "costs": costs,
    "rates": rate_fits,
    "settings": settings,
    "along": along,
    "budget": budgets_of,
}
"""Name -> the function that gives the frame, once for each run."""
