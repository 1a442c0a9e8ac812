"""Numbers over which the points of a scenario range."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from bench.text.labels import plain


@dataclass(frozen=True)
class Sweep:
    """The number over which the problems of a run range: the last word of its option, such as `k`.

    Each problem has its value there, and the rest of the options that vary, as text.
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
    """
    points = whole.drop_duplicates("problem").set_index("problem")
    points = points[[name for name in map(str, points) if "." in name]]
    counts = points.select_dtypes("float64").nunique()
    numbers = counts.index[counts > 1]
    if numbers.empty or points[numbers].isna().any(axis=None):
        return None
    axis = str(counts.idxmax())
    free = [name for name in map(str, points) if points.groupby(axis)[name].nunique().gt(1).any()]
    rest = {
        str(problem): ", ".join(f"{name.rpartition('.')[2]} = {_word(values[name])}" for name in free)
        for problem, values in points.to_dict("index").items()
    }
    values = dict(zip(points.index, points[axis], strict=True))
    return Sweep(plain(axis.rpartition(".")[2]), values, rest)


def _word(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def scale_of(values: Iterable[float]) -> Literal["linear", "log", "symlog"]:
    """Return "log" for a decade or more; "symlog" with zero, which has no logarithm; else "linear"."""
    taken = list(values)
    sizes = [abs(value) for value in taken if value]
    if max(sizes, default=1) < 10 * min(sizes, default=1):
        return "linear"
    return "log" if min(taken) > 0 else "symlog"
