"""The rows and the columns of a free plot, checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype as is_number

from bench.analysis.rows import block
from bench.errors import Fault, Invalid, did_you_mean, shown

MOST = {"by": 12, "facet": 12, "x": 40}
"""Values of a column that can be told apart: styles, panels, names at an axis. A matter of taste."""

AXES = {"x": {"x"}, "y": {"y"}, "both": {"x", "y"}, "none": set[str]()}


@dataclass(frozen=True)
class Selection:
    """The rows that can be drawn, and the column of each channel.

    Attributes:
        frame: all rows.
        points: the rows that can be drawn.
        left_out: a line for each reason why rows are not drawn.
        columns: channel (`x`, `y`, `by`, `facet`) -> column.
        log: the channels whose axis is logarithmic.
    """

    frame: pd.DataFrame
    points: pd.DataFrame
    left_out: list[str]
    columns: Mapping[str, str]
    log: set[str]


def select(
    frame: pd.DataFrame,
    wanted: Mapping[str, str | None],
    log: str | None = None,
    parameter: str | None = None,
) -> Selection:
    """Return the rows that succeeded and have a number wherever one is drawn; see `FreePlot`.

    Raises:
        Invalid: if a column is missing, cannot be drawn so, or has too many values to be told apart.
    """
    columns = {channel: column for channel, column in wanted.items() if column is not None}
    if "parameter" in frame and (parameter is not None or "parameter" not in columns.values()):
        frame = block(frame, parameter or "all")
    _refuse(_odd_columns(frame, columns, log))
    words = [column for column in columns.values() if not is_number(frame[column])]
    frame = frame.assign(**{column: frame[column].fillna("").astype(str) for column in words})
    frame, left_out = frame.reset_index(drop=True), []
    numbers = [column for column in dict.fromkeys(columns.values()) if column not in words]

    def those(points: pd.DataFrame, kept: pd.Series[bool], why: str) -> pd.DataFrame:
        if count := int((~kept).sum()):
            left_out.append(f"{count} of {len(frame)} rows are not drawn: {why}")
        return points[kept]

    points = those(frame, frame["status"] == "ok", "their status is not ok") if "status" in frame else frame
    finite = points[numbers].astype(float).map(np.isfinite).all(axis=1)
    points = those(points, finite, "there is no finite number")
    logged = AXES[log] if log else {name for name in "xy" if _spans_a_decade(points[columns[name]])}
    positive = (points[[columns[name] for name in logged]] > 0).all(axis=1)
    points = those(points, positive, "a number is not positive, and the axis is logarithmic")
    _refuse(_too_many(points, columns))
    return Selection(frame, points, left_out, columns, logged)


def ordered(values: pd.Series) -> list[object]:
    """Return different values: numbers from the least on, words as they first appear."""
    different = values.drop_duplicates()
    return list(different.sort_values() if is_number(values) else different)


def _spans_a_decade(values: pd.Series) -> bool:
    return bool(is_number(values) and len(values) and values.min() > 0 and values.max() / 10 >= values.min())


def _odd_columns(frame: pd.DataFrame, columns: Mapping[str, str], log: str | None) -> Iterator[str]:
    for channel, column in columns.items():
        if column not in frame:
            near = did_you_mean(column, map(str, frame))
            yield f"{channel}: no column {shown(column)} in the table; {near}"
        elif channel in {"y"} | AXES[log or "none"] and not is_number(frame[column]):
            yield f"{channel} {shown(column)}: this column holds text; a column of numbers is wanted"


def _too_many(points: pd.DataFrame, columns: Mapping[str, str]) -> Iterator[str]:
    for channel in columns.keys() & MOST:
        values, most = points[columns[channel]], MOST[channel]
        if values.nunique() > most and not (channel == "x" and is_number(values)):
            told = f"it has {values.nunique()} values, and no more than {most} can be told apart"
            yield f"{channel} {shown(columns[channel])}: {told}; choose a column with fewer"


def _refuse(messages: Iterator[str]) -> None:
    if faults := [Fault(message) for message in messages]:
        raise Invalid(*faults)
