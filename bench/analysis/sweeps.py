"""Numbers over which the points of a scenario range."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from bench.text.labels import plain


@dataclass(frozen=True)
class Sweep:
    """The number over which the problems of a run range.

    Attributes:
        name: the last word of its option: `k`.
        values: problem -> its value there.
        rest: problem -> the other options that vary, in words.
    """

    name: str
    values: Mapping[str, float]
    rest: Mapping[str, str]

    def along(self, frame: pd.DataFrame) -> pd.Series[float]:
        """Return the value of each row of a frame that has a column `problem`."""
        return frame["problem"].map(self.values).astype(float)

    def beside(self, frame: pd.DataFrame) -> pd.Series[str]:
        """Return the other options of each row."""
        return frame["problem"].map(self.rest).astype(object)


def sweep_of(whole: pd.DataFrame) -> Sweep | None:
    """Return the number with the most values over which the problems range; None if there is none.

    Options that go side by side with it are not told apart from it.

    Args:
        whole: measurements, with a column for each option over which the scenario ranges.
    """
    points = whole.drop_duplicates("problem").set_index("problem")
    numbers = numeric_options(points)
    if not numbers or points[numbers].isna().to_numpy().any():
        return None
    axis = max(numbers, key=lambda name: points[name].nunique())
    free = [name for name in options(points) if points.groupby(axis)[name].nunique().gt(1).any()]
    rest = dict(zip(points.index, in_words(points[free]), strict=True))
    values = dict(zip(points.index, points[axis], strict=True))
    return Sweep(plain(axis.rpartition(".")[2]), values, rest)


def options(frame: pd.DataFrame) -> list[str]:
    """Return the columns of options over which a scenario ranges."""
    return [name for name in map(str, frame) if "." in name]


def numeric_options(frame: pd.DataFrame) -> list[str]:
    """Return the options that have different numbers."""
    return [name for name in options(frame) if frame[name].dtype.kind == "f" and frame[name].nunique() > 1]


def scale_of(values: Iterable[float]) -> Literal["linear", "log", "symlog"]:
    """Return "log" for a decade or more; "symlog" with zero, which has no logarithm; else "linear"."""
    taken = list(values)
    sizes = [abs(value) for value in taken if value]
    if max(sizes, default=1) < 10 * min(sizes, default=1):
        return "linear"
    return "log" if min(taken) > 0 else "symlog"


def in_words(values: pd.DataFrame) -> list[str]:
    """Return the options of each row with their values: `k = 2, loc = 0.5`; empty without any."""
    names = [name.rpartition(".")[2] for name in options(values)]
    return [
        ", ".join(
            f"{name} = {value:g}" if isinstance(value, float) else f"{name} = {value}"
            for name, value in zip(names, row, strict=True)
        )
        for row in values.itertuples(index=False, name=None)
    ] or [""] * len(values)
