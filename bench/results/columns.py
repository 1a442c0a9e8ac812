"""The columns of the tables of a run, and tables of earlier versions that lack some."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bench.engine.kept_coordinates import MOST_COORDINATES
from bench.statistics.metric_table import METRICS
from estimators import ALIASES

BEFORE_METRICS = [
    "scenario", "scenario_version", "problem", "estimator", "estimator_name", "options", "sample_size",
    "device", "dtype", "parameter", "dim", "replicates", "nonfinite", "truth", "truth_norm", "truth_se",
    "truth_families", "mean",
]  # fmt: skip

AFTER_METRICS = [
    "claim", "contradiction",
    "sampling_variance", "sampling_variance_low", "sampling_variance_high",
    "data_variance", "data_variance_low", "data_variance_high",
    "gradient_evaluations", "fit_seconds", "fit_evaluations", "fit_gradient_evaluations",
    "draws", "status", "reason", "cell",
]  # fmt: skip

MEASUREMENTS = [
    *BEFORE_METRICS,
    *(name for metric in METRICS.values() for name in metric.names),
    *AFTER_METRICS,
]
"""The columns of the table of measurements, in order; those of a metric stand in the table of metrics."""

COORDINATES = {
    "cell": "str", "parameter": "category", "index": "int64", "truth": "float64", "mean": "float64",
    "variance": "float64", "variance_low": "float64", "variance_high": "float64", "kurtosis": "float64",
    "kept": "int64",
}  # fmt: skip
"""The columns of the table of coordinates, in order, with their types.

`kept` is k where `estimate_k` of the replicates is of this coordinate, and 0 where no estimates are kept.
"""

REPLICATES = {
    "cell": "str", "parameter": "str", "replicate": "int64", "squared_deviation": "float64",
    "squared_error": "float64", "cosine": "float64",
    **{f"estimate_{k}": "float32" for k in range(1, MOST_COORDINATES + 1)},
}  # fmt: skip
"""The columns of the table of replicates, in order, with their types.

`estimate_k` are estimates of single coordinates as they are, of the whole gradient's first replicates; NaN
elsewhere.
"""

WORDS = {
    "scenario", "problem", "estimator", "estimator_name", "options", "device", "dtype", "parameter", "truth",
    "claim", "contradiction", "draws", "status", "reason", "cell",
    *(column.name for metric in METRICS.values() for column in metric.columns if column.words),
}  # fmt: skip
"""The columns of measurements that hold text."""

COUNTS = {"scenario_version", "sample_size", "dim", "replicates", "nonfinite"}
"""The columns of measurements that hold whole numbers."""

MEASUREMENT_TYPES = {
    name: "str" if name in WORDS else "int64" if name in COUNTS else "float64" for name in MEASUREMENTS
}

TYPES = {"measurements": MEASUREMENT_TYPES, "coordinates": COORDINATES, "replicates": REPLICATES}
"""Table -> its columns with their types."""

LATER_WORDS = {"claim", "contradiction", "draws"}
"""Words that the first runs did not record; numbers that were not recorded are not known."""

LATER_COUNTS = {"kept"}
"""Counts that the first runs did not record, and that are zero there."""


def no_rows(table: str) -> pd.DataFrame:
    """Return a table without rows."""
    return pd.DataFrame(columns=list(TYPES[table])).astype(TYPES[table])


def completed(frame: pd.DataFrame, table: str) -> pd.DataFrame:
    """Return a table with all of its columns: those that were not recorded are unknown, NaN or "".

    Args:
        frame: as it was read; columns that this version does not know stay, behind the others.
        table: a key of `TYPES`.

    Raises:
        ValueError: if a column is missing that every version writes, or holds what it cannot; the
            message says which.
    """
    kinds = TYPES[table]
    absent = [name for name in kinds if name not in frame]
    later = LATER_WORDS | LATER_COUNTS
    if needed := [name for name in absent if not kinds[name].startswith("float") and name not in later]:
        raise ValueError(f"it has no column {needed[0]!r}")
    unknown = {name: "" if name in WORDS else 0 if name in LATER_COUNTS else np.nan for name in absent}
    others = [name for name in frame if name not in kinds]
    return _typed(frame.assign(**unknown)[[*kinds, *others]], kinds)


def of_layout_1(frame: pd.DataFrame, table: str) -> pd.DataFrame:
    """Return a table of the first layout as later ones have it.

    Estimators have their own names there, not the other names that a scenario may use. The same estimator
    under two labels was the same cell twice.
    """
    if table == "measurements":
        names = frame["estimator_name"].map(lambda name: ALIASES.get(name, name))
        return frame.assign(estimator_name=names.astype("str"))
    where = "replicate" if table == "replicates" else "index"
    return frame.drop_duplicates(["cell", "parameter", where], ignore_index=True)


def _typed(frame: pd.DataFrame, kinds: dict[str, str]) -> pd.DataFrame:
    for name, kind in kinds.items():
        if frame[name].dtype != kind:
            try:
                frame = frame.astype({name: kind})
            except (TypeError, ValueError) as error:
                raise ValueError(f"its column {name!r} does not hold what it should") from error
        if kind == "str" and frame[name].hasnans:
            frame = frame.assign(**{name: frame[name].fillna("")})
    return frame
