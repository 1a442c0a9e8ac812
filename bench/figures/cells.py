"""Rows of `measurements` as figures take them."""

from __future__ import annotations

import pandas as pd

from bench.analysis import rows
from bench.text.cell_words import setting_of

CELL = ["problem", "estimator", "sample_size", "device", "dtype"]
"""The columns that together name a cell."""


def cells(measurements: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """Return the cells that succeeded, with these columns of theirs and their `setting`."""
    return _with(rows.whole(measurements), columns)


def blocks(measurements: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """Return the same for each block of parameters, the whole gradient included as `all`."""
    return _with(measurements, ("parameter", *columns))


def with_setting(frame: pd.DataFrame) -> pd.DataFrame:
    """Add a column `setting`: device and type of numbers in words, where they vary among the rows."""
    return frame.assign(setting=setting_of(frame.assign(problem="")))


def _with(measurements: pd.DataFrame, columns: tuple[str, ...]) -> pd.DataFrame:
    known = [name for name in columns if name in measurements]
    succeeded = measurements[measurements["status"] == "ok"]
    return with_setting(succeeded[[*CELL, *known]].reset_index(drop=True))
