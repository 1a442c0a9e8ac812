"""Columns of `measurements` that somebody chose for a figure, and the rows that have them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from bench.errors import Invalid, collected, did_you_mean, invalid, shown

MOST_GROUPS = 12
"""More looks or panels than this are no longer told apart; a matter of taste."""

MOST_PLACES = 40
"""More words than this find no room at an axis."""

NOT_OK = "whose status is not ok"
NO_NUMBER = "without a finite number"
NOT_POSITIVE = "not positive, on a logarithmic axis"

AXES = {"x": {"x"}, "y": {"y"}, "both": {"x", "y"}, "none": set[str]()}
"""What may be said of logarithmic axes: which of them are."""


@dataclass(frozen=True)
class Chosen:
    """What is drawn against what.

    Attributes:
        x: a column of numbers, or of words: these stand side by side.
        y: a column of numbers.
        by: a column; each of its values has a look.
        facet: a column; each of its values has a panel.
        log: which axes are logarithmic, a key of `AXES`. If it is None, those whose numbers are
            all positive and span a factor of 10 or more.
    """

    x: str = "sample_size"
    y: str = "variance"
    by: str = "estimator"
    facet: str | None = None
    log: str | None = None

    @property
    def options(self) -> dict[str, str]:
        """The columns by the option that names each."""
        named = {"--x": self.x, "--y": self.y, "--by": self.by, "--facet": self.facet}
        return {option: column for option, column in named.items() if column is not None}


@dataclass(frozen=True)
class Selection:
    """The rows that can be drawn, and those that cannot.

    Attributes:
        chosen: the columns.
        frame: all rows.
        points: those that can be drawn.
        left_out: the others, by why.
        log: which of x and y are logarithmic.
    """

    chosen: Chosen
    frame: pd.DataFrame
    points: pd.DataFrame
    left_out: Mapping[str, pd.DataFrame]
    log: frozenset[str]


def select(frame: pd.DataFrame, chosen: Chosen) -> Selection:
    """The rows that succeeded and have a number wherever one is drawn.

    Raises:
        Invalid: if a column is missing or cannot be drawn so, or has too many values to be told apart.
    """
    _check(frame, chosen)
    frame = _without_missing_words(frame, chosen)
    numbers = [column for column in chosen.options.values() if is_number(frame, column)]
    succeeded = frame["status"] == "ok"
    finite = pd.Series(np.isfinite(frame[numbers].to_numpy(float)).all(axis=1), frame.index)
    log = _logarithmic(frame[succeeded & finite], chosen)
    logged = [getattr(chosen, axis) for axis in sorted(log)]
    positive = pd.Series((frame[logged].to_numpy(float) > 0).all(axis=1), frame.index)
    left_out = {
        NOT_OK: frame[~succeeded],
        NO_NUMBER: frame[succeeded & ~finite],
        NOT_POSITIVE: frame[succeeded & finite & ~positive],
    }
    points = frame[succeeded & finite & positive]
    _check_counts(points, chosen)
    return Selection(chosen, frame, points, {why: rows for why, rows in left_out.items() if len(rows)}, log)


def is_number(frame: pd.DataFrame, column: str) -> bool:
    """Whether a column holds numbers, not words."""
    return bool(is_numeric_dtype(frame[column]))


def keys(frame: pd.DataFrame, column: str) -> pd.Series[str]:
    """The values of a column as text; different values are different texts."""
    if is_number(frame, column):
        return frame[column].map(lambda value: repr(float(value)).removesuffix(".0")).astype(object)
    return frame[column].astype(object)


def ordered(frame: pd.DataFrame, column: str) -> list[str]:
    """The keys of a column: numbers from the least on, words as they first appear."""
    rows = frame.sort_values(column) if is_number(frame, column) else frame
    return list(dict.fromkeys(keys(rows, column)))


def _check(frame: pd.DataFrame, chosen: Chosen) -> None:
    with collected() as faults:
        for option, column in chosen.options.items():
            with faults.under():
                if column not in frame:
                    near = did_you_mean(column, frame.columns)
                    raise invalid(f"{option}: no column {shown(column)} in the table of measurements; {near}")
    if not is_number(frame, chosen.y):
        raise _words("--y", chosen.y)
    if "x" in AXES.get(chosen.log or "none", ()) and not is_number(frame, chosen.x):
        raise _words(f"--log {chosen.log} --x", chosen.x)


def _words(option: str, column: str) -> Invalid:
    return invalid(f"{option} {shown(column)}: this column holds words; a column of numbers is wanted")


def _without_missing_words(frame: pd.DataFrame, chosen: Chosen) -> pd.DataFrame:
    words = [column for column in chosen.options.values() if not is_number(frame, column)]
    return frame.assign(**{column: frame[column].fillna("").astype(str) for column in words})


def _logarithmic(rows: pd.DataFrame, chosen: Chosen) -> frozenset[str]:
    if chosen.log is not None:
        return frozenset(AXES[chosen.log])
    axes = {"x": chosen.x, "y": chosen.y}
    return frozenset(
        axis for axis, column in axes.items() if is_number(rows, column) and _spans_a_decade(rows[column])
    )


def _spans_a_decade(numbers: pd.Series[float]) -> bool:
    return bool(len(numbers) and numbers.min() > 0 and numbers.max() / 10 >= numbers.min())


def _check_counts(points: pd.DataFrame, chosen: Chosen) -> None:
    options = chosen.options
    most = {option: MOST_GROUPS for option in options if option in ("--by", "--facet")}
    if not is_number(points, chosen.x):
        most["--x"] = MOST_PLACES
    with collected() as faults:
        for option, limit in most.items():
            with faults.under():
                count = points[options[option]].nunique()
                if count > limit:
                    raise invalid(
                        f"{option} {shown(options[option])}: it has {count} values, "
                        f"and no more than {limit} can be told apart; choose a column with fewer"
                    )
