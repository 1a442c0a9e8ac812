"""Names of cells, of their settings, and remarks on those that were not measured."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator
from typing import Any

import pandas as pd

from bench.analysis.rows import SETTINGS, with_numbers
from bench.analysis.sweeps import Sweep
from bench.text.labels import distinct, plain
from bench.text.numbers import ROUGH, grouped, spread
from bench.text.sweep_words import sweep_or_point, these
from bench.text.words import joined


def share_not_finite(row: Any) -> str:
    """Return `2 of 20 000 not finite` of a row with numbers of the others; empty for all other rows."""
    if row.status != "nonfinite" or not row.replicates > row.nonfinite:
        return ""
    return f"{grouped(row.nonfinite)} of {grouped(row.replicates)} not finite"


def ends(row: Any, name: str) -> tuple[float, float]:
    """Return the interval of a number of a row; NaN where it has none."""
    return getattr(row, f"{name}_low", math.nan), getattr(row, f"{name}_high", math.nan)


def is_rough(row: Any) -> bool:
    """Return whether the timings of a row spread so much that its time is known by its size alone."""
    return spread(*ends(row, "seconds")) > ROUGH


def setting_of(frame: pd.DataFrame) -> pd.Series[Any]:
    """Return for each row in words those of its settings that vary within the frame; empty if none does."""
    varying = [name for name in SETTINGS if frame[name].nunique() > 1]
    words = {name: distinct(frame[name].astype(str)) for name in varying}
    texts = [
        ", ".join(words[name][str(value)] for name, value in zip(varying, values, strict=True))
        for values in frame[varying].itertuples(index=False, name=None)
    ]
    return pd.Series(texts or [""] * len(frame), index=frame.index, dtype=object)


def beside(frame: pd.DataFrame, sweep: Sweep) -> pd.Series[Any]:
    """Return the settings of each row in words, except the number over which the scenario ranges."""
    return setting_of(frame.assign(problem=sweep.beside(frame)))


def common_setting(frame: pd.DataFrame) -> str:
    """Return device and dtype where all rows share them: `cpu, float32`."""
    return ", ".join(plain(frame[name].iloc[0]) for name in ("device", "dtype") if frame[name].nunique() == 1)


def replicates(frame: pd.DataFrame) -> str:
    """Return `R = 1000`, or the range of R."""
    known = frame.loc[with_numbers(frame), "replicates"].dropna().astype(float)
    if known.empty:
        return ""
    least, most = int(known.min()), int(known.max())
    return f"R = {grouped(least)}" if least == most else f"R = {grouped(least)} to {grouped(most)}"


def not_measured(frame: pd.DataFrame) -> list[str]:
    """Return which cells have no numbers, for each reason: `reinforce at N = 1: not applicable (…)`."""
    return _failures(frame, ~with_numbers(frame))


def not_ok(frame: pd.DataFrame) -> list[str]:
    """Return which cells did not succeed, for each status and reason; some of them have numbers."""
    return _failures(frame, frame["status"] != "ok")


def not_finite(frame: pd.DataFrame) -> list[str]:
    """Return which cells have some estimates that are not finite, with numbers of the others."""
    some = frame[with_numbers(frame) & (frame["status"] == "nonfinite")]
    remarks = []
    for _, cells in some.groupby(["nonfinite", "replicates"], sort=False):
        missing, replicates = (grouped(cells[name].iloc[0]) for name in ("nonfinite", "replicates"))
        share = f"{missing} of {replicates} estimates"
        remarks.append(f"not finite: {which(cells, frame)}: {share}; the numbers are of the others")
    return remarks


def rough_times(frame: pd.DataFrame) -> list[str]:
    """Return a line where timings spread so much that they are known by their size alone; none elsewhere."""
    timed = frame[with_numbers(frame) & frame["seconds"].notna()]
    rough = sum(map(is_rough, timed.itertuples(index=False)))
    if not rough:
        return []
    cells = f"{rough} of {len(timed)} cells"
    return [
        f"not certain: timings spread by more than a factor of two in {cells}: the machine was busy, and "
        "what is marked ~ is known by its size alone"
    ]


def _failures(frame: pd.DataFrame, chosen: pd.Series[bool]) -> list[str]:
    failed = frame[chosen].copy()
    failed["reason"] = failed["reason"].fillna("").astype(str)
    remarks = []
    for (status, reason), group in failed.groupby(["status", "reason"], sort=False):
        why = plain(status).replace("_", " ") + (f" ({plain(reason, 120)})" if plain(reason) else "")
        remarks.append(f"{which(group, frame)}: {why}")
    return remarks


def which(part: pd.DataFrame, frame: pd.DataFrame) -> str:
    """Return the names of some of a frame's cells: `reinforce, pathwise at N = 1, 10 on cuda for k = 2`."""
    if part["cell"].nunique() == frame["cell"].nunique() > 1:
        return "every cell"
    names, sweep = distinct(frame["estimator"]), sweep_or_point(frame)
    together: dict[tuple[Hashable, tuple[int, ...], str], list[str]] = {}
    for (setting, label), rows in part.groupby(
        [beside(frame, sweep).loc[part.index], "estimator"], sort=False
    ):
        for sizes, places in _alike(rows, frame, sweep):
            together.setdefault((setting, sizes, places), []).append(names[str(label)])
    phrases = [
        _phrase(estimators, len(names), sizes, frame["sample_size"].nunique(), str(setting)) + places
        for (setting, sizes, places), estimators in together.items()
    ]
    return joined(phrases, "; ")


def _alike(rows: pd.DataFrame, frame: pd.DataFrame, sweep: Sweep) -> Iterator[tuple[tuple[int, ...], str]]:
    """Yield sample sizes, with the places in words that have just these; empty where all places do."""
    places: dict[tuple[int, ...], list[float]] = {}
    for value, at in rows.groupby(sweep.along(rows)):
        sizes = tuple(sorted(at["sample_size"].astype(int).unique()))
        places.setdefault(sizes, []).append(float(str(value)))
    every = set(sweep.along(frame))
    for sizes, values in places.items():
        yield sizes, "" if set(values) == every else f" for {these(sweep, values, every)}"


def _phrase(
    estimators: list[str], of_estimators: int, sizes: tuple[int, ...], of_sizes: int, setting: str
) -> str:
    everyone = len(estimators) == of_estimators > 1
    who = "every estimator" if everyone else joined(estimators, ", ")
    when = "" if len(sizes) == of_sizes else f" at N = {', '.join(map(grouped, sizes))}"
    return who + when + (f" on {setting}" if setting else "")
