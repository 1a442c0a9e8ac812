"""Numbers over which the points of a scenario range, and curves along them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from bench.analysis import rows
from bench.analysis.kept import kept
from bench.results.runs import Run
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
    options = [name for name in whole.columns if "." in name]
    points = whole.drop_duplicates("problem").set_index("problem")[options]
    numbers = [name for name in options if points[name].dtype.kind == "f" and points[name].nunique() > 1]
    if not numbers or points[numbers].isna().to_numpy().any():
        return None
    axis = max(numbers, key=lambda name: points[name].nunique())
    free = [name for name in options if points.groupby(axis)[name].nunique().gt(1).any()]
    rest = [in_words(free, row) for row in points[free].itertuples(index=False, name=None)]
    return Sweep(
        plain(axis.rpartition(".")[2]),
        dict(zip(points.index, points[axis], strict=True)),
        dict(zip(points.index, rest or [""] * len(points), strict=True)),
    )


def scale_of(values: Iterable[float]) -> Literal["linear", "log", "symlog"]:
    """Return "log" for a decade or more; "symlog" with zero, which has no logarithm; else "linear"."""
    taken = list(values)
    sizes = [abs(value) for value in taken if value]
    if max(sizes, default=1) < 10 * min(sizes, default=1):
        return "linear"
    return "log" if min(taken) > 0 else "symlog"


def in_words(options: Sequence[str], values: Sequence[Any]) -> str:
    """Return options with their values: `k = 2, loc = 0.5`; empty without any."""
    texts = [f"{value:g}" if isinstance(value, float) else str(value) for value in values]
    pairs = zip(options, texts, strict=True)
    return ", ".join(f"{name.rpartition('.')[2]} = {text}" for name, text in pairs)


@kept
def along(run: Run) -> pd.DataFrame:
    """Return variance, bias and signal to noise against each number over which the scenario ranges.

    The other options are fixed.

    Columns: `option`, its `value`, the other options as `rest`, and those of a cell with its variance.
    """
    whole = rows.measured(rows.whole(run.measurements), "variance")
    swept = [name for name in whole.columns if "." in name]
    numbers = [name for name in swept if whole[name].dtype.kind == "f" and whole[name].nunique() > 1]
    metrics = [f"{name}{end}" for name in ("variance", "bias", "snr") for end in ("", "_low", "_high")]
    known = whole[[*rows.CELL, *metrics, "variance_exact", "truth_norm", "replicates"]]
    found = [known.assign(option="", value=math.nan, rest="")[:0]]
    for name in numbers:
        others = [other for other in swept if other != name]
        rest = [in_words(others, row) for row in whole[others].itertuples(index=False, name=None)]
        found.append(known.assign(option=name, value=whole[name], rest=rest or ""))
    return pd.concat(found, ignore_index=True) if numbers else found[0]
