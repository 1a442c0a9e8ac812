"""Selections of the rows of `measurements`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from bench.errors import did_you_mean, invalid
from bench.results.columns import OF_TRAININGS
from bench.results.run import Run

SETTINGS = ("problem", "device", "dtype")
"""The columns in which rows of the same estimator and sample size differ."""

PLACE = [*SETTINGS, "sample_size"]
"""The columns that a cell has in common with those that it is compared with."""

CELL = ["cell", "problem", "estimator", "sample_size", "granted", "device", "dtype"]
"""The columns that say which cell a row of a figure is about."""

FEWEST_DEGREES, LARGEST_SHARE = 50, 0.05
"""Effective degrees of freedom below which an interval of the variance may cover 85 to 90 %, and the share of
the variance above which a single estimate makes it uncertain."""

MOST_SIZES = 12
"""Sample sizes whose estimates are drawn."""


def without_empty(measurements: pd.DataFrame) -> pd.DataFrame:
    """Return measurements without the columns of monitored trainings where nothing is in them."""
    empty = [name for name in OF_TRAININGS if name in measurements and measurements[name].isna().all()]
    return measurements.drop(columns=empty)


def whole(measurements: pd.DataFrame) -> pd.DataFrame:
    """Return the rows about the whole gradient, see `at_equal_size`."""
    return at_equal_size(measurements[measurements["parameter"] == "all"].reset_index(drop=True))


def are_granted(frame: pd.DataFrame) -> bool:
    """Whether the sizes of some rows are evaluations of f that an estimate may take."""
    return "granted" in frame and bool((pd.to_numeric(frame["granted"], errors="coerce") > 0).any())


def at_equal_size(measurements: pd.DataFrame) -> pd.DataFrame:
    """Return rows whose `sample_size` is what they are compared at.

    Where the scenario grants evaluations of f that is their number; N then is in `samples`.
    """
    if not are_granted(measurements):
        return measurements
    granted = measurements["granted"].fillna(measurements["sample_size"]).astype("int64")
    return measurements.assign(samples=measurements["sample_size"], sample_size=granted)


def block(measurements: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return the rows about a part of the gradient, or the whole, called all; `Invalid` without any."""
    found = at_equal_size(measurements[measurements["parameter"] == name].reset_index(drop=True))
    if found.empty:
        near = did_you_mean(name, set(measurements["parameter"]))
        raise invalid(f"no block of parameters {name!r}; {near}")
    return found


def with_numbers(frame: pd.DataFrame) -> pd.Series[bool]:
    """Return whether each row has numbers: those of the finite estimates, where some are not."""
    some: pd.Series[bool] = (frame["status"] == "nonfinite") & (frame["replicates"] > frame["nonfinite"])
    return (frame["status"] == "ok") | some


def measured(frame: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """Return the rows that succeeded and have a finite number in each of the columns."""
    finite = np.isfinite(frame[list(columns)].to_numpy(float)).all(axis=1)
    rows: pd.DataFrame = frame[(frame["status"] == "ok") & finite]
    return rows


def biased_cells(whole: pd.DataFrame) -> set[str]:
    """Return the cells that are biased, by all rows of the run together."""
    return set(whole.loc[(whole["status"] == "ok") & (whole["verdict"] == "biased"), "cell"])


def may_be_unbiased(cells: pd.DataFrame) -> pd.Series[bool]:
    """Return whether each cell could be unbiased: one without any variance only if that is shown."""
    shown = cells["verdict"].str.startswith("within")
    return (cells["verdict"] != "biased") & ((cells["variance"] != 0) | shown)


def unbiased_beside(whole: pd.DataFrame, control: str) -> dict[str, str]:
    """Return within which margin a cell is unbiased, where the control at the same N is within it too."""
    shown = whole[(whole["status"] == "ok") & whole["verdict"].str.startswith("within")]
    same = [*PLACE, "verdict"]
    both = shown.merge(shown.loc[shown["estimator"] == control, same].drop_duplicates(), on=same)
    return dict(zip(both["cell"], both["verdict"], strict=True))


def heavy_tailed(cells: pd.DataFrame) -> pd.Series[bool]:
    """Return whether a tail heavier than a normal one makes the variance of each cell uncertain."""
    uncertain = (cells["effective_dof"] < FEWEST_DEGREES) | (cells["largest_share"] > LARGEST_SHARE)
    return uncertain & (cells["kurtosis"] > 3)


def device_and_dtype(frame: pd.DataFrame) -> list[str]:
    """Return device and type of numbers of each row, as far as they vary within the frame: `cpu, float32`."""
    varying = [name for name in ("device", "dtype") if frame[name].nunique() > 1]
    found = [", ".join(map(str, values)) for values in frame[varying].itertuples(index=False)]
    return found or [""] * len(frame)


def best_and_apart(
    value: pd.Series[float], low: pd.Series[float], high: pd.Series[float], groups: pd.Series[Any]
) -> tuple[pd.Series[bool], pd.Series[bool]]:
    """Return which rows have the least value of their group, and which are told apart from those.

    Less is better, and NaN has no part in it. Told apart is a row whose interval, from `low` to `high`, lies
    above that of the best by more than rounding; one without an interval is not.
    """
    best = value == value.groupby(groups).transform("min")
    most = high.where(best).groupby(groups).transform("max")
    return best, ~best & (low > most + ROUNDING * most.abs().where(most.abs() < math.inf, 0.0))


ROUNDING = 1e-5
"""The rounding of float32 in a ratio of variances, as of two estimates that are the same formula."""


def stacked(frames: Iterable[pd.DataFrame], columns: Mapping[str, str]) -> pd.DataFrame:
    """Return frames below one another, with these columns of these types; empty ones without any row."""
    filled = [frame for frame in frames if len(frame)] or [pd.DataFrame(columns=list(columns))]
    return pd.concat(filled, ignore_index=True)[list(columns)].astype(columns)


def one_in(step: float, values: Sequence[Any], are_taken: str) -> tuple[list[Any], str]:
    """Return one in so many of the values, and a notice if these are only some."""
    whole = max(1, math.ceil(step))
    return list(values[::whole]), f"one in {whole} of {len(values)} {are_taken}" if whole > 1 else ""


def drawn_cells(run: Run) -> tuple[pd.DataFrame, str]:
    """Return the cells whose estimates are drawn, and a notice if others are not."""
    cells = whole(run.measurements)[CELL]
    every = sorted(cells["sample_size"].unique())
    sizes, notice = one_in(len(every) / MOST_SIZES, every, "sample sizes is drawn")
    return cells[cells["sample_size"].isin(sizes) & cells["cell"].isin(run.replicated)], notice


def noted(frame: pd.DataFrame, notice: str, replicates: int) -> pd.DataFrame:
    """Set the notice of a frame: what is left out, and of how many kept replicates it is; 0 for all."""
    kept = f"of a run that kept {replicates} replicates of each cell, and not all coordinates"
    frame.attrs["notice"] = "; ".join(filter(None, (notice, kept if replicates else "")))
    return frame
