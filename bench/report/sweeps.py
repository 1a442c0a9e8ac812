"""Along which number the points of a scenario lie, and some of them in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal

import pandas as pd

from bench.report.labels import plain
from bench.report.numbers import grouped
from bench.report.words import listed

_FEW, _MOST = 2, 6
"""So many values are named one by one: of those that follow on one another, and of others."""


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
        """The value of each row of a frame that has a column `problem`."""
        return frame["problem"].map(self.values).astype(float)

    def beside(self, frame: pd.DataFrame) -> pd.Series[str]:
        """The other options of each row."""
        return frame["problem"].map(self.rest).astype(object)

    def text(self, value: float) -> str:
        """`k = 0.316`."""
        return f"{self.name} = {self._number(value)}"

    def these(self, some: Iterable[float], every: Iterable[float]) -> str:
        """Some of the values among which they lie: `k from 0.1 to 10`, `k = 0.1, 1 and 3 to 10`."""
        places = {value: i for i, value in enumerate(sorted(set(every)))}
        # Where they follow on one another, place and count grow together.
        steps = groupby(enumerate(sorted(set(some))), key=lambda pair: places[pair[1]] - pair[0])
        stretches = [[self._number(value) for _, value in pairs] for _, pairs in steps]
        if len(stretches) == 1 and len(stretches[0]) > _FEW:
            return f"{self.name} from {stretches[0][0]} to {stretches[0][-1]}"
        words = [w for one in stretches for w in ([f"{one[0]} to {one[-1]}"] if len(one) > _FEW else one)]
        return f"{self.name} = {listed(words, most=_MOST)}"

    def _number(self, value: float) -> str:
        if value == round(value):
            return grouped(value)
        short = [f"{each:.3g}" for each in sorted(set(self.values.values()))]
        return f"{value:.3g}" if len(set(short)) == len(short) else f"{value:g}"


def sweep_of(whole: pd.DataFrame) -> Sweep | None:
    """The number with the most values over which the problems range; None if there is none.

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
    """Logarithmic over a decade or more; symmetrically so with zero, which has no logarithm."""
    taken = list(values)
    sizes = [abs(value) for value in taken if value]
    if max(sizes, default=1) < 10 * min(sizes, default=1):
        return "linear"
    return "log" if min(taken) > 0 else "symlog"


def in_words(options: Sequence[str], values: Sequence[Any]) -> str:
    """Options with their values: `k = 2, loc = 0.5`; empty without any."""
    texts = [f"{value:g}" if isinstance(value, float) else str(value) for value in values]
    pairs = zip(options, texts, strict=True)
    return ", ".join(f"{name.rpartition('.')[2]} = {text}" for name, text in pairs)
