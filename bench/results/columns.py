"""The columns of the tables of a run, and tables of earlier versions that lack some."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bench.engine.kept_coordinates import MOST_COORDINATES
from bench.statistics.metric_table import METRICS
from estimators import ALIASES

OF_TRAININGS = [f"{name}{end}" for name in ("noise_scale", "batch_cosine") for end in ("", "_low", "_high")]
"""Columns of measurements that only a monitored training fills."""

TYPES: dict[str, dict[str, str]] = {
    "measurements": {
        "scenario": "str", "scenario_version": "int64", "problem": "str", "estimator": "str",
        "estimator_name": "str", "options": "str", "sample_size": "int64", "granted": "float64",
        "device": "str", "dtype": "str",
        "parameter": "str", "dim": "int64", "replicates": "int64", "nonfinite": "int64", "truth": "str",
        "truth_norm": "float64", "truth_se": "float64", "truth_families": "float64", "mean": "float64",
        **{
            name: "str" if column.words else "float64"
            for metric in METRICS.values() for column in metric.columns for name in column.names
        },
        "claim": "str", "ascends": "str", "contradiction": "str",
        **{
            f"{part}_variance{end}": "float64"
            for part in ("sampling", "data") for end in ("", "_low", "_high")
        },
        **dict.fromkeys(OF_TRAININGS, "float64"),
        "gradient_evaluations": "float64", "fit_seconds": "float64", "fit_evaluations": "float64",
        "fit_gradient_evaluations": "float64",
        "draws": "str", "status": "str", "reason": "str", "cell": "str",
    },
    "coordinates": {
        "cell": "str", "parameter": "category", "index": "int64", "truth": "float64", "mean": "float64",
        "variance": "float64", "variance_low": "float64", "variance_high": "float64", "kurtosis": "float64",
        "center": "float64",
        "kept": "int64",
    },
    "replicates": {
        "cell": "str", "parameter": "str", "replicate": "int64", "squared_deviation": "float64",
        "squared_error": "float64", "cosine": "float64",
        **{f"estimate_{k}": "float32" for k in range(1, MOST_COORDINATES + 1)},
    },
}  # fmt: skip
"""Table -> its columns in order, with their types; those of metrics stand in the table of metrics.

`kept` of a coordinate is k where `estimate_k` of the replicates is of it, and 0 where no estimates are kept.
`estimate_k` are estimates as they are, of the whole gradient's first replicates; NaN elsewhere.
"""

MEASUREMENTS = list(TYPES["measurements"])
WORDS = {name for name, kind in TYPES["measurements"].items() if kind == "str"}

LATER: dict[str, str | int] = {"claim": "", "ascends": "", "contradiction": "", "draws": "", "kept": 0}
"""Columns that the first runs did not record -> what stands there; numbers that were not are not known."""


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
    if needed := [name for name in absent if name not in LATER and not kinds[name].startswith("float")]:
        raise ValueError(f"it has no column {needed[0]!r}")
    columns = {}
    for name, kind in kinds.items():
        values = frame[name] if name in frame else pd.Series(LATER.get(name, np.nan), frame.index)
        try:
            columns[name] = values.astype(kind)  # type: ignore[call-overload]
        except (TypeError, ValueError) as error:
            raise ValueError(f"its column {name!r} does not hold what it should") from error
        if kind == "str":
            columns[name] = columns[name].fillna("")
    columns |= {str(name): frame[name] for name in frame if name not in kinds}
    return pd.DataFrame(columns, frame.index)


def of_layout_1(frame: pd.DataFrame, table: str) -> pd.DataFrame:
    """Return a table of the first layout as later ones have it.

    Estimators have their own names there, not the other names that a scenario may use. The same estimator
    under two labels was the same cell twice.
    """
    if table == "measurements":
        return frame.assign(estimator_name=frame["estimator_name"].replace(ALIASES))
    where = "replicate" if table == "replicates" else "index"
    return frame.drop_duplicates(["cell", "parameter", where], ignore_index=True)
