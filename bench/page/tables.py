"""What the page holds of a run: its numbers as they are."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from bench.results.runs import Run


def column_table(frame: pd.DataFrame) -> dict[str, list[Any]]:
    """A frame column by column: numbers unchanged, what is not finite as null."""
    return {str(name): _column(frame[name]) for name in frame.columns}


def as_data(tables: Mapping[str, pd.DataFrame]) -> dict[str, dict[str, list[Any]]]:
    """All tables, column by column."""
    return {name: column_table(frame) for name, frame in tables.items()}


def _column(column: pd.Series[Any]) -> list[Any]:
    values = column.tolist()
    if column.dtype.kind == "f":
        return [value if math.isfinite(value) else None for value in values]
    missing = column.isna().tolist()
    return [None if gone else value for value, gone in zip(values, missing, strict=True)]


def labels_of(run: Run) -> Iterable[str]:
    """The labels of the estimators, in the order of the scenario."""
    return dict.fromkeys(run.measurements["estimator"].astype(str))
