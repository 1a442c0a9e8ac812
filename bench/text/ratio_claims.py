"""Ratios to a control as sentences, which say no more than their intervals do."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import pandas as pd

from bench.analysis.comparison import BETTER, FALSE_CLAIMS, NO_INTERVAL, UNDECIDED, WORSE, Comparison
from bench.text import cell_words
from bench.text.labels import distinct, listed, plain
from bench.text.numbers import grouped
from bench.text.ratio_text import level_text, ratio_text

Row = Any
"""A row of a comparison, by `itertuples`: one attribute a column."""

_DIRECTION = {BETTER: "less", WORSE: "more"}
_ORDER = (BETTER, UNDECIDED, WORSE, NO_INTERVAL)
_MOST = 4
"""Estimators of one sentence; a matter of taste."""

_ELSEWHERE = {
    BETTER: "it has less at {}",
    WORSE: "it has more at {}",
    UNDECIDED: "the two cannot be told apart at {}",
    NO_INTERVAL: "the ratio has no interval at {}",
}

_SEVERAL = {
    "it has": "each has",
    "less at": "each has less at",
    "more at": "each has more at",
    "the two cannot be told apart": "none can be told apart from it",
    "the ratio has": "the ratios have",
}
"""How a clause on one estimator begins -> the same on several."""


@dataclass(frozen=True)
class _Told:
    """What is said of one estimator: its ratio at the largest N, and what holds at others."""

    who: str
    row: Row
    rest: tuple[str, ...]


def ratio_claims(
    found: Comparison, biased: Collection[str] = (), unbiased: Mapping[str, str] = MappingProxyType({})
) -> list[str]:
    """In each setting the least noisy first, then the others, and how far all may be believed together.

    Args:
        found: ratios of variances.
        biased: the cells that are, which is said where their variance is.
        unbiased: cells -> within which margin both they and the control are unbiased.
    """
    frame = found.frame.assign(setting=cell_words.setting_of(found.frame))
    names = distinct(found.estimators)
    said = []
    for _, part in frame.groupby("setting", sort=False):
        told = [
            _told(cells.sort_values("sample_size"), names[str(label)], biased)
            for label, cells in part.groupby("estimator", sort=False)
        ]
        told.sort(key=lambda each: (_ORDER.index(each.row.mark), each.row.ratio))
        said += [_sentence(alike, names, unbiased) for alike in _alike(told)]
    return [*said, *confidence(found)]


def _told(cells: pd.DataFrame, name: str, biased: Collection[str]) -> _Told:
    row: Row = list(cells.itertuples(index=False))[-1]
    who = f"{name}, which is biased there," if row.cell in biased else name
    return _Told(who, row, tuple(_at_others(cells, row.mark)) if len(cells) > 1 else ())


def _alike(told: list[_Told]) -> Iterator[list[_Told]]:
    """Those of whom the same can be said; the least noisy, which is the answer, stands alone."""
    best = told[:1] if told[0].row.mark == BETTER else []
    if best:
        yield best
    together: dict[tuple[Any, ...], list[_Told]] = {}
    for each in told[len(best) :]:
        number = 0 < each.row.ratio < math.inf or each.row.ratio
        together.setdefault((each.row.sample_size, each.row.mark, number, each.rest), []).append(each)
    for group in together.values():
        yield from (group[i : i + _MOST] for i in range(0, len(group), _MOST))


def _sentence(told: list[_Told], names: Mapping[str, str], unbiased: Mapping[str, str]) -> str:
    row, rest = told[0].row, told[0].rest
    on = f" on {row.setting}" if row.setting else ""
    head = f"At N = {grouped(row.sample_size)}{on} {_at_largest(told, names[row.control])}"
    if len(told) == 1 and row.cell in unbiased:
        head += f", both unbiased {plain(unbiased[row.cell])}"
    return "; ".join([head, *(rest if len(told) == 1 else map(_of_each, rest))]) + "."


def _of_each(clause: str) -> str:
    """What is said of one estimator, said of several."""
    one = next((words for words in _SEVERAL if clause.startswith(words)), "")
    return _SEVERAL.get(one, "") + clause.removeprefix(one)


def _at_largest(told: list[_Told], control: str) -> str:
    row, several = told[0].row, len(told) > 1
    who, have = listed([each.who for each in told]), "have" if several else "has"
    if row.mark == NO_INTERVAL:
        why = "the ratios have no interval" if several else "the ratio has no interval"
        return f"it cannot be told whether {who} {have} less variance than {control}: {why}"
    if row.mark == UNDECIDED:
        ratios = listed([_to(ratio_text(e.row.ratio, e.row.low, e.row.high)) for e in told])
        of = "the ratios of their variances to its own are" if several else "the ratio of their variances is"
        return f"{who} cannot be told apart from {control}: {of} {ratios}"
    if row.ratio == 0:
        return f"{who} {have} no variance at all, and {control} has some"
    if math.isinf(row.ratio):
        return f"{who} {have} some variance, and {control} has none at all"
    return _numbers(told, control)


def _numbers(told: list[_Told], control: str) -> str:
    """The ratios, each once: `a has 3 (…) times less variance than b, and c and d have 2 (…) times less`."""
    direction = _DIRECTION[told[0].row.mark]
    alike: dict[str, list[str]] = {}
    for each in told:
        alike.setdefault(_times(each.row), []).append(each.who)
    parts = [
        f"{listed(who)} {'have' if len(who) > 1 else 'has'} {times} times {direction}"
        for times, who in alike.items()
    ]
    parts[0] += f" variance than {control}"
    return ", ".join([*parts[:-1], f"and {parts[-1]}"]) if len(parts) > 1 else parts[0]


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
            _ELSEWHERE[str(other)].format("N = " + ", ".join(map(grouped, part["sample_size"])))
            for other, part in cells.iloc[:-1].groupby("mark", sort=False)
        ]
    every = f"at every N from {grouped(sizes.min())} to {grouped(sizes.max())}"
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


def confidence(found: Comparison) -> list[str]:
    """How far all ratios may be believed together."""
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
