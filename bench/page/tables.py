"""What the page holds of a run: its numbers as they are, and what is drawn of replicates and coordinates."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from bench.report import pairs
from bench.report.comparison import COLUMNS, METRICS, compare
from bench.report.pairs import Measured

MOST_RATIOS = 1500
"""Ratios that are formed; of more, with the first estimator as the control and at some sample sizes only."""

MOST_POINTS = 2000
"""Coordinates that are drawn of a cell; of more, evenly chosen ones."""

MOST_HISTOGRAMS = 12
"""Sample sizes whose estimates are drawn."""

_BINS = 40
_CELL = ["cell", "estimator", "sample_size", "device", "dtype"]


def column_table(frame: pd.DataFrame) -> dict[str, list[Any]]:
    """A frame column by column: numbers unchanged, what is not finite as null."""
    return {str(name): _column(frame[name]) for name in frame.columns}


def ratios(run: Measured) -> tuple[pd.DataFrame, str]:
    """Ratios of every estimator to every other, for each metric, and a notice if only some are formed.

    The intervals of a control hold together.
    """
    labels = list(dict.fromkeys(run.measurements["estimator"]))
    cells = int((run.measurements["parameter"] == "all").sum())
    controls = labels if cells * len(labels) * len(METRICS) <= MOST_RATIOS else labels[:1]
    sizes = sorted(run.measurements["sample_size"].unique())
    step = max(1, math.ceil(cells * len(controls) * len(METRICS) / MOST_RATIOS))
    some = run if step == 1 else pairs.of_sample_sizes(run, [int(N) for N in sizes[::step]])
    found = [compare(pairs.within(some, label), list(METRICS)).frame for label in controls if len(labels) > 1]
    found = [frame for frame in found if not frame.empty]
    notice = f"of {len(sizes)} sample sizes every {step}th is compared" if step > 1 else ""
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=list(COLUMNS)), notice


def spread(run: Measured) -> tuple[pd.DataFrame, str]:
    """How the squared deviations of a cell are distributed, and a notice if only some sample sizes are kept.

    A histogram over multiples of their mean, whose first and last bin also hold all beyond them.
    """
    whole = run.measurements[run.measurements["parameter"] == "all"]
    sizes = sorted(whole["sample_size"].unique())
    step = max(1, math.ceil(len(sizes) / MOST_HISTOGRAMS))
    cells = whole[whole["sample_size"].isin(sizes[::step])][_CELL]
    rows = run.replicates[run.replicates["parameter"] == "all"]
    rows = rows[rows["cell"].isin(cells["cell"]) & np.isfinite(rows["squared_deviation"].to_numpy(float))]
    multiples = rows["squared_deviation"] / rows.groupby("cell")["squared_deviation"].transform("mean")
    edges = np.logspace(-4, 3, _BINS + 1)
    bins = np.clip(np.digitize(multiples, edges) - 1, 0, _BINS - 1)
    rows = rows.assign(bin=bins)[np.isfinite(multiples)]
    counts = rows.groupby(["cell", "bin"], sort=False).size().reset_index(name="count")
    counts["share"] = counts["count"] / counts.groupby("cell")["count"].transform("sum")
    counts["low"], counts["high"] = edges[counts["bin"]], edges[counts["bin"] + 1]
    found = counts.sort_values(["cell", "bin"]).merge(cells, on="cell", how="inner").drop(columns="bin")
    notice = f"of {len(sizes)} sample sizes every {step}th is drawn" if step > 1 else ""
    return found, notice


def scatter(run: Measured, coordinates: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Mean against truth of coordinates at the largest N, and a notice if only some are kept."""
    whole = run.measurements[run.measurements["parameter"] == "all"]
    whole = whole[whole["sample_size"] == whole["sample_size"].max()]
    known = coordinates[np.isfinite(coordinates["truth"].to_numpy(float))]
    known = known[known["cell"].isin(whole["cell"])]
    largest = int(known.groupby("cell").size().max()) if len(known) else 0
    step = max(1, math.ceil(largest / MOST_POINTS))
    kept = known[known.groupby("cell").cumcount() % step == 0] if len(known) else known
    notice = f"every {step}th of {largest} coordinates is drawn" if step > 1 else ""
    return kept.merge(whole[_CELL], on="cell", how="inner"), notice


def guides(measurements: pd.DataFrame) -> pd.DataFrame:
    """Lines of slope −1 through the first point of each estimator: what 1/N would be."""
    found = []
    drawn = measurements[
        (measurements["parameter"] == "all") & np.isfinite(measurements["variance"].astype(float))
    ]
    for label, rows in drawn[drawn["variance"] > 0].groupby("estimator", sort=False):
        first = rows.sort_values("sample_size").iloc[0]
        for N in sorted(rows["sample_size"].unique()):
            value = float(first["variance"]) * float(first["sample_size"]) / float(N)
            found.append({"estimator": label, "sample_size": int(N), "guide": value})
    return pd.DataFrame(found, columns=["estimator", "sample_size", "guide"])


def as_data(tables: Mapping[str, pd.DataFrame]) -> dict[str, dict[str, list[Any]]]:
    """All tables, column by column."""
    return {name: column_table(frame) for name, frame in tables.items()}


def _column(column: pd.Series[Any]) -> list[Any]:
    values = column.tolist()
    if column.dtype.kind == "f":
        return [value if math.isfinite(value) else None for value in values]
    missing = column.isna().tolist()
    return [None if gone else value for value, gone in zip(values, missing, strict=True)]


def labels_of(run: Measured) -> Iterable[str]:
    """The labels of the estimators, in the order of the scenario."""
    return dict.fromkeys(run.measurements["estimator"].astype(str))
