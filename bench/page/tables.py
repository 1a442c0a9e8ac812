"""What the page holds of a run: its numbers as they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from bench.figures.composition import column
from bench.results.runs import Run


def column_table(frame: pd.DataFrame) -> dict[str, list[Any]]:
    """A frame column by column: numbers unchanged, what is not finite as null."""
    return {str(name): column(frame[name]) for name in frame.columns}


def packed(frame: pd.DataFrame) -> dict[str, Any]:
    """A frame column by column; of a column with one value throughout that value alone."""
    columns = column_table(frame)
    alike = [name for name, each in columns.items() if len(each) > 1 and each.count(each[0]) == len(each)]
    if len(alike) == len(columns):
        return dict(columns)
    return {name: values[0] if name in alike else values for name, values in columns.items()}


def as_data(tables: Mapping[str, pd.DataFrame]) -> dict[str, dict[str, list[Any]]]:
    """All tables, column by column."""
    return {name: column_table(frame) for name, frame in tables.items()}


def labels_of(run: Run) -> Iterable[str]:
    """The labels of the estimators, in the order of the scenario."""
    return dict.fromkeys(run.measurements["estimator"].astype(str))
