"""Ratios to a control as sentences, which say no more than their intervals do."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

import pandas as pd

from bench.report import rows
from bench.report.comparison import BETTER, FALSE_CLAIMS, NO_INTERVAL, UNDECIDED, WORSE, Comparison
from bench.report.comparison_table import level_text, ratio_text
from bench.report.labels import distinct
from bench.report.numbers import count

Row = Any
"""A row of a comparison, by `itertuples`: one attribute a column."""

_DIRECTION = {BETTER: "less", WORSE: "more"}
_ELSEWHERE = {
    BETTER: "it has less at {}",
    WORSE: "it has more at {}",
    UNDECIDED: "the two cannot be told apart at {}",
    NO_INTERVAL: "the ratio has no interval at {}",
}


def ratio_claims(found: Comparison, biased: Collection[str] = ()) -> list[str]:
    """One sentence for each estimator and setting, and one on how far all may be believed together.

    Args:
        found: ratios of variances.
        biased: the cells that are, which is said where their variance is.
    """
    frame = found.frame.assign(setting=rows.setting_of(found.frame))
    names = distinct(found.estimators)
    said = [
        _sentence(cells.sort_values("sample_size"), names[str(label)], names, biased)
        for (_, label), cells in frame.groupby(["setting", "estimator"], sort=False)
    ]
    return [*said, *_confidence(found)]


def _sentence(cells: pd.DataFrame, name: str, names: Mapping[str, str], biased: Collection[str]) -> str:
    records: list[Row] = list(cells.itertuples(index=False))
    largest = records[-1]
    who = f"{name}, which is biased there," if largest.cell in biased else name
    on = f" on {largest.setting}" if largest.setting else ""
    head = f"At N = {count(largest.sample_size)}{on} {_at_largest(largest, who, names[largest.control])}"
    rest = _at_others(cells, largest.mark) if len(records) > 1 else []
    return "; ".join([head, *rest]) + "."


def _at_largest(row: Row, who: str, control: str) -> str:
    if row.mark == NO_INTERVAL:
        return f"it cannot be told whether {who} has less variance than {control}: the ratio has no interval"
    if row.mark == UNDECIDED:
        ratio = _to(ratio_text(row.ratio, row.low, row.high))
        return f"{who} cannot be told apart from {control}: the ratio of their variances is {ratio}"
    if row.ratio == 0:
        return f"{who} has no variance at all, and {control} has some"
    if math.isinf(row.ratio):
        return f"{who} has some variance, and {control} has none at all"
    return f"{who} has {_times(row)} times {_DIRECTION[row.mark]} variance than {control}"


def _times(row: Row) -> str:
    """How many times less, or more, with the interval."""
    if row.mark == WORSE:
        return _to(ratio_text(row.ratio, row.low, row.high))
    return _to(ratio_text(1 / row.ratio, 1 / row.high, _inverse(row.low)))


def _at_others(cells: pd.DataFrame, mark: str) -> list[str]:
    """What holds at sample sizes other than the largest."""
    sizes = cells["sample_size"]
    if mark not in _DIRECTION or (cells["mark"] != mark).any():
        return [
            _ELSEWHERE[str(other)].format("N = " + ", ".join(map(count, part["sample_size"])))
            for other, part in cells.iloc[:-1].groupby("mark", sort=False)
        ]
    every = f"at every N from {count(sizes.min())} to {count(sizes.max())}"
    if not _differ(cells):
        return [f"{_DIRECTION[mark]} {every}"]
    low, high = cells["low"].min(), cells["high"].max()
    low, high = (low, high) if mark == WORSE else (_inverse(high), _inverse(low))
    ends = _to(ratio_text(low, low, high)).partition("(")[2].rstrip(")")
    return [f"{every}, {ends} times {_DIRECTION[mark]}"]


def _differ(cells: pd.DataFrame) -> bool:
    """Whether no single ratio lies in all intervals, and all ratios can be told as numbers."""
    finite = cells["ratio"].between(0, math.inf, inclusive="neither").all()
    return bool(finite and cells["low"].max() > cells["high"].min())


def _confidence(found: Comparison) -> list[str]:
    intervals = int(found.frame["low"].notna().sum())
    together = level_text(1 - FALSE_CLAIMS)
    if intervals < 2:
        return [f"The interval of this ratio is one of {together}."] * intervals
    level = level_text(found.level)
    return [f"The intervals of all {intervals} ratios, {level} each, hold together with {together}."]


def _inverse(ratio: float) -> float:
    return 1 / ratio if ratio else math.inf


def _to(text: str) -> str:
    return text.replace("…", "to")
