"""Limits of the axis of a figure: values without a place on it, and open ends of intervals."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd

from bench.figures.definition import REACH, Figure
from bench.text.labels import distinct
from bench.text.words import listed


def beyond(figure: Figure, table: pd.DataFrame, drawn: pd.DataFrame) -> list[str]:
    """Return what must be said of a figure with intervals: which values are not drawn, what arrows mean.

    Args:
        figure: that draws some rows.
        table: of which it takes them.
        drawn: these rows, with the ends of their intervals.
    """
    return [*_without_place(figure, table), *_open_ends(figure, drawn)]


def without_place(figure: Figure, table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the rows whose value has no place on the axis, by what their value is; empty without any."""
    if len(figure.interval) < 3:
        return {}
    kept = table.get(figure.interval[0])
    if kept is not None and not kept.astype(float).isin([0.0, np.inf, -np.inf]).any():
        return {}  # as is nearly always so; to form the rows takes far longer
    rows = figure.rows(table)
    values = rows[figure.interval[0]].astype(float).to_numpy()
    name = figure.interval[0].replace("_", " ")
    chosen = {f"{name} infinite": np.isinf(values)}
    if figure.is_logarithmic:
        chosen[f"{name} 0, which a logarithmic axis cannot show"] = values == 0
    return {words: rows[some] for words, some in chosen.items() if some.any()}


def _without_place(figure: Figure, table: pd.DataFrame) -> list[str]:
    found = without_place(figure, table)
    if not found:
        return []
    every = Counter(figure.rows(table)["estimator"])
    names = distinct(every)
    return [f"not drawn: {_who(some, every, names)}: {words}" for words, some in found.items()]


def _who(some: pd.DataFrame, every: Counter[str], names: dict[str, str]) -> str:
    """Return the estimators of some rows, with how many of their points these are if not all."""
    counts = Counter(some["estimator"])
    return listed(
        [
            names[label] if count == every[label] else f"{names[label]} ({count} of {every[label]} points)"
            for label, count in counts.items()
        ]
    )


def _open_ends(figure: Figure, drawn: pd.DataFrame) -> list[str]:
    """Return what the arrows of intervals mean, if there are any."""
    if "above" not in drawn or not (drawn["above"] | drawn["below"]).any():
        return []
    far = f", or reaches beyond a factor of {REACH} from the value" if figure.is_logarithmic else ""
    return [f"an arrow: on that side the interval is infinite{far}"]
