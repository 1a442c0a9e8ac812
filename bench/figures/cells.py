"""Rows of `measurements` as figures take them."""

from __future__ import annotations

import pandas as pd

from bench.analysis import rows
from bench.text.cell_words import setting_of

CELL = ["problem", "estimator", "sample_size", "device", "dtype"]
"""The columns that together name a cell."""


def cells(measurements: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """Return the cells that succeeded, with these columns of theirs and their `setting`."""
    return blocks(rows.whole(measurements), *columns).drop(columns="parameter")


def blocks(measurements: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """Return the same for each block of parameters, the whole gradient included as `all`."""
    known = [name for name in (*CELL, "parameter", *columns) if name in measurements]
    return with_setting(measurements.loc[measurements["status"] == "ok", known].reset_index(drop=True))


def with_setting(frame: pd.DataFrame) -> pd.DataFrame:
    """Add a column `setting`: device and type of numbers in words, where they vary among the rows."""
    return frame.assign(setting=setting_of(frame.assign(problem="")))
