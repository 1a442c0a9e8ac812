"""Names of cells, of their settings and of points of a sweep, and remarks on those that were not measured."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from itertools import groupby
from typing import Any

import pandas as pd

from bench.analysis.rows import SETTINGS, with_numbers
from bench.analysis.sweeps import Sweep, sweep_of
from bench.text.labels import distinct, plain
from bench.text.numbers import ROUGH, grouped, interval, spread
from bench.text.size_words import size_said
from bench.text.words import joined, listed

_FEW, _MOST = 2, 6
"""So many values are named one by one: of those that follow on one another, and of others."""


def sweep_or_point(whole: pd.DataFrame) -> Sweep:
    """Return the sweep of a run; of one without any, a sweep of a single point that has no name."""
    problems = whole["problem"].unique()
    return sweep_of(whole) or Sweep("", dict.fromkeys(problems, 0.0), {each: each for each in problems})


def named_value(sweep: Sweep, value: float) -> str:
    """Return the option with a value: `k = 0.316`; empty for a single point."""
    return f"{sweep.name} = {_number(sweep, value)}" if sweep.name else ""


def these(sweep: Sweep, some: Iterable[float], every: Iterable[float]) -> str:
    """Return some of the values among which they lie: `k from 0.1 to 10`, `k = 0.1, 1 and 3 to 10`."""
    places = {value: i for i, value in enumerate(sorted(set(every)))}
    # Where they follow on one another, place and count grow together.
    steps = groupby(enumerate(sorted(set(some))), key=lambda pair: places[pair[1]] - pair[0])
    stretches = [[_number(sweep, value) for _, value in pairs] for _, pairs in steps]
    if len(stretches) == 1 and len(stretches[0]) > _FEW:
        return f"{sweep.name} from {stretches[0][0]} to {stretches[0][-1]}"
    words = [w for one in stretches for w in ([f"{one[0]} to {one[-1]}"] if len(one) > _FEW else one)]
    return f"{sweep.name} = {listed(words, most=_MOST)}"


def there(sweep: Sweep, some: Iterable[float], every: Iterable[float]) -> str:
    """Return some of the values as the end of a clause: ` for k = 2`; empty for a single point."""
    return f" for {these(sweep, some, every)}" if sweep.name else ""


def _number(sweep: Sweep, value: float) -> str:
    if value == round(value):
        return grouped(value)
    short = [f"{each:.3g}" for each in sorted(set(sweep.values.values()))]
    return f"{value:.3g}" if len(set(short)) == len(short) else f"{value:g}"


def setting_of(frame: pd.DataFrame) -> pd.Series[Any]:
    """Return for each row as text those of its settings that vary within the frame; empty if none does.

    Of problems that differ only in their options, `bound (k = 2)`, that is the options: `k = 2`.
    """
    varying = frame[[name for name in SETTINGS if frame[name].nunique() > 1]].astype(str)
    if "problem" in varying:
        parts = varying["problem"].str.extract(r"^([^()]+) \((.+)\)$")
        if parts[0].nunique(dropna=False) == 1 and parts[1].notna().all():
            varying["problem"] = parts[1]
    words = [varying[name].map(distinct(varying[name])) for name in varying]
    texts = [", ".join(values) for values in zip(*words, strict=True)] or [""] * len(frame)
    return pd.Series(texts, index=frame.index, dtype=object)


def placed(frame: pd.DataFrame, sweep: Sweep) -> pd.DataFrame:
    """Return rows with their `value` along a sweep, the same as text as `point`, and other settings."""
    value = sweep.along(frame)
    point = [named_value(sweep, each) for each in value]
    setting = setting_of(frame.assign(problem=sweep.beside(frame)))
    return frame.assign(value=value, point=point, setting=setting)


def which(part: pd.DataFrame, frame: pd.DataFrame) -> str:
    """Return the names of some of a frame's cells: `reinforce, pathwise at N = 1, 10 on cuda for k = 2`."""
    if part["cell"].nunique() == frame["cell"].nunique() > 1:
        return "every cell"
    sweep, names = sweep_or_point(frame), distinct(frame["estimator"])
    of_sizes, every = frame["sample_size"].nunique(), set(sweep.along(frame))

    def when(sizes: pd.Series[int]) -> str:
        some = sorted(set(sizes))
        return "" if len(some) == of_sizes else f" at {size_said(frame, ', '.join(map(grouped, some)))}"

    def where(values: pd.Series[float]) -> str:
        return "" if set(values) == every else there(sweep, values, every)

    def who(labels: Iterable[str]) -> str:
        known = [names[label] for label in labels]
        return "every estimator" if len(known) == len(names) > 1 else joined(known, ", ")

    # First the N of each point, then the points with the same N, then the estimators with the same of both.
    cells = placed(frame, sweep).loc[part.index]
    for keys, name, words in (
        (["setting", "estimator", "value"], "sample_size", when),
        (["setting", "estimator", "sample_size"], "value", where),
        (["setting", "sample_size", "value"], "estimator", who),
    ):
        cells = cells.groupby(keys, sort=False)[name].agg(words).reset_index()
    on = cells["setting"].where(cells["setting"] == "", " on " + cells["setting"])
    return joined(list(cells["estimator"] + cells["sample_size"] + on + cells["value"]), "; ")


def share_not_finite(row: Any) -> str:
    """Return `2 of 20 000 not finite` of a row with numbers of the others; empty for all other rows."""
    if row.status != "nonfinite" or not row.replicates > row.nonfinite:
        return ""
    return f"{grouped(row.nonfinite)} of {grouped(row.replicates)} not finite"


def ends(row: Any, name: str) -> tuple[float, float]:
    """Return the interval of a number of a row; NaN where it has none."""
    return getattr(row, f"{name}_low", math.nan), getattr(row, f"{name}_high", math.nan)


def interval_of(row: Any, name: str) -> str:
    """Return a number of a row with its interval."""
    return interval(getattr(row, name), *ends(row, name))


def is_rough(row: Any) -> bool:
    """Return whether the timings of a row spread so much that its time is known by its size alone."""
    return spread(*ends(row, "seconds")) > ROUGH


def common_setting(frame: pd.DataFrame) -> str:
    """Return device and dtype where all rows share them: `cpu, float32`."""
    return ", ".join(plain(frame[name].iloc[0]) for name in ("device", "dtype") if frame[name].nunique() == 1)


def replicates(frame: pd.DataFrame) -> str:
    """Return `R = 1000`, or the range of R; empty where nothing has numbers."""
    known = frame.loc[with_numbers(frame), "replicates"].dropna()
    return f"R = {span(known)}" if len(known) else ""


def span(values: pd.Series[Any], text: Callable[[float], str] = grouped) -> str:
    """Return the least and the largest of some numbers: `100 to 10 000`; a single one alone."""
    return " to ".join(dict.fromkeys(map(text, (float(values.min()), float(values.max())))))


def not_measured(frame: pd.DataFrame) -> list[str]:
    """Return which cells have no numbers, for each reason: `reinforce at N = 1: not applicable (…)`."""
    return not_ok(frame, ~with_numbers(frame))


def not_ok(frame: pd.DataFrame, chosen: pd.Series[bool] | None = None) -> list[str]:
    """Return which cells did not succeed, or of these the chosen, for each status and reason."""
    failed = frame[frame["status"] != "ok" if chosen is None else chosen].fillna({"reason": ""})
    return [
        f"{which(cells, frame)}: {plain(status).replace('_', ' ')}"
        + (f" ({plain(reason, 120)})" if plain(reason) else "")
        for (status, reason), cells in failed.groupby(["status", "reason"], sort=False)
    ]


def not_finite(frame: pd.DataFrame) -> list[str]:
    """Return which cells have some estimates that are not finite, with numbers of the others."""
    some = frame[with_numbers(frame) & (frame["status"] == "nonfinite")]
    return [
        f"not finite: {which(cells, frame)}: {grouped(cells['nonfinite'].iloc[0])} of "
        f"{grouped(cells['replicates'].iloc[0])} estimates; the numbers are of the others"
        for _, cells in some.groupby(["nonfinite", "replicates"], sort=False)
    ]


def rough_times(frame: pd.DataFrame) -> list[str]:
    """Return a line where timings spread so much that they are known by their size alone; none elsewhere."""
    timed = frame[with_numbers(frame) & frame["seconds"].notna()]
    rough = sum(map(is_rough, timed.itertuples(index=False)))
    return [
        f"not certain: timings spread by more than a factor of two in {rough} of {len(timed)} cells: the "
        "machine was busy, and what is marked ~ is known by its size alone"
    ] * bool(rough)
