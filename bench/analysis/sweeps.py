"""Numbers over which the points of a scenario range."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

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

    Options that go side by side with it are not told apart from it. Measurements have a column for each.
    """
    points = whole.drop_duplicates("problem").set_index("problem")
    points = points[[name for name in map(str, points) if "." in name]]
    counts = points.select_dtypes("float64").nunique()
    numbers = counts.index[counts > 1]
    if numbers.empty or points[numbers].isna().any(axis=None):
        return None
    axis = str(counts.idxmax())
    free = [name for name in map(str, points) if points.groupby(axis)[name].nunique().gt(1).any()]
    rest = [_in_words(free, row) for row in points[free].itertuples(index=False, name=None)]
    return Sweep(
        plain(axis.rpartition(".")[2]),
        dict(zip(points.index, points[axis], strict=True)),
        dict(zip(points.index, rest or [""] * len(points), strict=True)),
    )


def _in_words(options: Sequence[Any], values: Sequence[Any]) -> str:
    """Return options with their values: `k = 2, loc = 0.5`."""
    texts = [f"{value:g}" if isinstance(value, float) else str(value) for value in values]
    pairs = zip(options, texts, strict=True)
    return ", ".join(f"{name.rpartition('.')[2]} = {text}" for name, text in pairs)


def scale_of(values: Iterable[float]) -> Literal["linear", "log", "symlog"]:
    """Return "log" for a decade or more; "symlog" with zero, which has no logarithm; else "linear"."""
    taken = list(values)
    sizes = [abs(value) for value in taken if value]
    if max(sizes, default=1) < 10 * min(sizes, default=1):
        return "linear"
    return "log" if min(taken) > 0 else "symlog"
