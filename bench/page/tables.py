"""What the page holds of a run: its numbers as they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from bench.figures.sheet import column
from bench.results.runs import Run

MOST_SPELLED = 100
"""Rows up to which a column is spelled out, even if all its values are the same."""


def column_table(frame: pd.DataFrame) -> dict[str, Any]:
    """A frame column by column: numbers unchanged, what is not finite as null.

    In long tables a column with the same value in all rows is that value. The first column is always spelled
    out, so that the number of rows is known.
    """
    columns = {str(name): column(frame[name]) for name in frame.columns}
    if len(frame) <= MOST_SPELLED:
        return columns
    first = next(iter(columns))
    return {name: values if name == first else _short(values) for name, values in columns.items()}


def _short(values: list[Any]) -> Any:
    return values[0] if all(value == values[0] for value in values) else values


def as_data(tables: Mapping[str, pd.DataFrame]) -> dict[str, dict[str, Any]]:
    """All tables, column by column."""
    return {name: column_table(frame) for name, frame in tables.items()}


def labels_of(run: Run) -> Iterable[str]:
    """The labels of the estimators, in the order of the scenario."""
    return dict.fromkeys(run.measurements["estimator"].astype(str))
