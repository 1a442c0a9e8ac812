"""The tables of a run that figures draw."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from bench.report import pairs, rates, rows
from bench.report.comparison import COLUMNS, METRICS, compare
from bench.report.pairs import Measured
from bench.report.remarks import FEWEST_DEGREES, LARGEST_SHARE
from bench.report.sweeps import in_words

MOST_RATIOS = 1500
"""Ratios that are formed; of more, with the first estimator as the control and at some sample sizes only."""

MOST_POINTS = 3000
"""Coordinates that are drawn of all cells; of more, evenly chosen ones."""

MOST_HISTOGRAMS = 12
"""Sample sizes whose estimates are drawn."""

COSTS = ("seconds", "evaluations")
"""What an estimate may cost."""

_BINS = 40
_CELL = ["cell", "problem", "estimator", "sample_size", "device", "dtype"]


def ratios(run: Measured, control: str | None = None) -> tuple[pd.DataFrame, str]:
    """Ratios of every estimator to every other, for each metric, and a notice if only some are formed.

    The intervals of a control hold together.

    Args:
        run: what it left.
        control: the label of the control where there are too many ratios for all; None for the first.
    """
    labels = list(dict.fromkeys(run.measurements["estimator"]))
    cells = int((run.measurements["parameter"] == "all").sum())
    controls = labels if cells * len(labels) * len(METRICS) <= MOST_RATIOS else [control or labels[0]]
    sizes = sorted(run.measurements["sample_size"].unique())
    step = max(1, math.ceil(cells * len(controls) * len(METRICS) / MOST_RATIOS))
    some = run if step == 1 else pairs.of_sample_sizes(run, [int(N) for N in sizes[::step]])
    found = [compare(pairs.within(some, label), list(METRICS)).frame for label in controls if len(labels) > 1]
    found = [frame for frame in found if not frame.empty]
    notice = f"one in {step} of {len(sizes)} sample sizes is compared" if step > 1 else ""
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=list(COLUMNS)), notice


def spread(run: Measured) -> tuple[pd.DataFrame, str]:
    """How the squared deviations of a cell are distributed, and a notice if only some sample sizes are kept.

    A histogram over multiples of their mean, whose first and last bin also hold all beyond them.
    """
    whole = run.measurements[run.measurements["parameter"] == "all"]
    sizes = sorted(whole["sample_size"].unique())
    step = max(1, math.ceil(len(sizes) / MOST_HISTOGRAMS))
    cells = whole[whole["sample_size"].isin(sizes[::step])][_CELL]
    every = run.replicates[run.replicates["parameter"] == "all"]
    kept = every["cell"].isin(cells["cell"]) & np.isfinite(every["squared_deviation"].to_numpy(float))
    deviations = every[kept]
    means = deviations.groupby("cell")["squared_deviation"].transform("mean")
    deviations = deviations.assign(multiple=deviations["squared_deviation"] / means)
    deviations = deviations[np.isfinite(deviations["multiple"])]
    found = cells.merge(_histograms(deviations), on="cell", how="inner")
    notice = f"one in {step} of {len(sizes)} sample sizes is drawn" if step > 1 else ""
    return _with_tails(found, deviations, whole), notice


def _histograms(deviations: pd.DataFrame) -> pd.DataFrame:
    """One row for each bin of each cell that is not empty."""
    edges = np.logspace(-4, 3, _BINS + 1)
    bins = np.clip(np.digitize(deviations["multiple"], edges) - 1, 0, _BINS - 1)
    counts: pd.DataFrame = (
        deviations.assign(bin=bins).groupby(["cell", "bin"]).size().reset_index(name="count")
    )
    counts["share"] = counts["count"] / counts.groupby("cell")["count"].transform("sum")
    counts["low"], counts["high"] = edges[counts["bin"]], edges[counts["bin"] + 1]
    return counts.drop(columns="bin")


def _with_tails(bins: pd.DataFrame, deviations: pd.DataFrame, whole: pd.DataFrame) -> pd.DataFrame:
    """The same with the largest deviation of each cell in its last row, and a flag if its tail is heavy.

    Flags are numbered within a sample size, the heaviest first, to be written below one another.
    """
    last = ~bins.duplicated(["cell", "estimator"], keep="last")
    largest = bins["cell"].map(deviations.groupby("cell")["multiple"].max())
    known = whole.drop_duplicates("cell").set_index("cell")
    heavy = last & bins["cell"].map(heavy_tailed(known)).astype(bool)
    kurtosis = bins["cell"].map(known["kurtosis"].astype(float))
    words = [
        f"heavy tail: kurtosis {value:.3g}{f' ({setting})' if setting else ''}" if flagged else ""
        for value, setting, flagged in zip(kurtosis, _settings(bins), heavy, strict=True)
    ]
    place = kurtosis[heavy].groupby(bins["sample_size"]).rank(method="first", ascending=False) - 1
    return bins.assign(
        largest=largest.where(last),
        kurtosis=kurtosis,
        heavy=heavy,
        flag=words,
        place=place,
    )


def heavy_tailed(cells: pd.DataFrame) -> pd.Series[bool]:
    """Whether the tail of a cell makes its variance uncertain, by the rule of the remarks."""
    return (cells["effective_dof"] < FEWEST_DEGREES) | (cells["largest_share"] > LARGEST_SHARE)


def costs(measurements: pd.DataFrame) -> pd.DataFrame:
    """Variance against each kind of cost, and which points none of the same device and type beats in both.

    As in `evaluation_normalized_variance`, evaluations are those of f, without those of its gradient.
    """
    whole = rows.measured(rows.whole(measurements), "variance")
    numbers = ["variance", "variance_low", "variance_high"]
    known = whole[_CELL].join(whole[numbers].astype(float))
    found = [known.assign(cost=cost, value=whole[cost].astype(float)) for cost in COSTS]
    every: pd.DataFrame = pd.concat(found, ignore_index=True).dropna(subset=["value"])
    return every.assign(front=_front(every))


def _front(points: pd.DataFrame) -> pd.Series[bool]:
    ordered = points.sort_values(["value", "variance"], kind="stable")
    least = ordered.groupby(["cost", "problem", "device", "dtype"])["variance"].transform(
        lambda variance: variance.cummin().shift(fill_value=math.inf)
    )
    return (ordered["variance"] < least).reindex(points.index)


def rate_fits(measurements: pd.DataFrame) -> pd.DataFrame:
    """The fitted powers of N, with device and type of numbers in words where they vary."""
    found = rates.fits(measurements)
    return found.assign(setting=_settings(found))


def settings(measurements: pd.DataFrame) -> pd.DataFrame:
    """Seconds and variance of one estimate, in a row each, by device and type of numbers in words."""
    whole = rows.whole(measurements)
    whole = whole[whole["status"] == "ok"].reset_index(drop=True)
    cells = whole[_CELL].assign(setting=_settings(whole))
    found = [
        cells.assign(
            metric=metric, value=whole[metric], low=whole[f"{metric}_low"], high=whole[f"{metric}_high"]
        )
        for metric in ("seconds", "variance")
    ]
    return pd.concat(found, ignore_index=True)


def _settings(frame: pd.DataFrame) -> list[str]:
    varying = [name for name in ("device", "dtype") if frame[name].nunique() > 1]
    return [", ".join(map(str, values)) for values in frame[varying].itertuples(index=False)] or [""] * len(
        frame
    )


def scatter(run: Measured, coordinates: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Mean against truth of coordinates at the largest N, and a notice if only some are kept."""
    whole = run.measurements[run.measurements["parameter"] == "all"]
    whole = whole[whole["sample_size"] == whole["sample_size"].max()]
    known = coordinates.drop_duplicates(["cell", "parameter", "index"])
    known = known[np.isfinite(known["truth"].to_numpy(float))]
    known = known[known["cell"].isin(whole["cell"])]
    largest = int(known.groupby("cell").size().max()) if len(known) else 0
    step = max(1, math.ceil(len(known) / MOST_POINTS))
    kept = known[known.groupby("cell").cumcount() % step == 0] if len(known) else known
    notice = f"one in {step} of {largest} coordinates is drawn" if step > 1 else ""
    found = kept.merge(whole[[*_CELL, "replicates", "nonfinite"]], on="cell", how="inner")
    error = np.sqrt(found["variance"].astype(float) / (found["replicates"] - found["nonfinite"]))
    found = found.drop(columns=["replicates", "nonfinite"])
    return found.assign(low=found["mean"] - error, high=found["mean"] + error), notice


def guides(measurements: pd.DataFrame) -> pd.DataFrame:
    """Lines of slope −1 through the first point of each estimator: what 1/N would be."""
    found = []
    drawn = measurements[
        (measurements["parameter"] == "all") & np.isfinite(measurements["variance"].astype(float))
    ]
    for (problem, label), cells in drawn[drawn["variance"] > 0].groupby(["problem", "estimator"], sort=False):
        first = cells.sort_values("sample_size").iloc[0]
        for N in sorted(cells["sample_size"].unique()):
            value = float(first["variance"]) * float(first["sample_size"]) / float(N)
            found.append({"problem": problem, "estimator": label, "sample_size": int(N), "guide": value})
    return pd.DataFrame(found, columns=["problem", "estimator", "sample_size", "guide"])


def along(measurements: pd.DataFrame) -> pd.DataFrame:
    """Variance against each number over which the scenario ranges, the other options being fixed.

    Columns: `option`, its `value`, the other options as `rest`, and those of a cell with its variance.
    """
    whole = rows.measured(rows.whole(measurements), "variance")
    swept = [name for name in measurements.columns if "." in name]
    numbers = [name for name in swept if whole[name].dtype.kind == "f" and whole[name].nunique() > 1]
    metrics = [f"{name}{end}" for name in ("variance", "bias", "snr") for end in ("", "_low", "_high")]
    known = whole[[*_CELL, *metrics, "variance_exact", "truth_norm", "replicates"]]
    found = []
    for name in numbers:
        others = [other for other in swept if other != name]
        rest = [in_words(others, row) for row in whole[others].itertuples(index=False, name=None)]
        found.append(known.assign(option=name, value=whole[name], rest=rest or ""))
    empty = known.assign(option="", value=math.nan, rest="")[:0]
    return pd.concat(found, ignore_index=True) if found else empty
