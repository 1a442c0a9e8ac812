"""Ratios, their intervals and levels as text."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from bench.analysis.comparison import FALSE_CLAIMS, Comparison
from bench.text.left_out import notes
from bench.text.numbers import MISSING, significant

MOST_DIGITS = 6


class Ratio(NamedTuple):
    """A ratio with its interval, whose ends are NaN where there is none."""

    value: float
    low: float
    high: float

    @property
    def inverse(self) -> Ratio:
        """Return the ratio of the other to the one."""
        return Ratio(*(1 / each if each else math.inf for each in (self.value, self.high, self.low)))

    def __str__(self) -> str:
        """Return it in a sentence: `3.1 (2.9 to 3.3)`."""
        return ratio_text(*self).replace("…", "to")


def remarks(found: Comparison) -> list[str]:
    """Return the level, the control, and what is not compared."""
    intervals = int(found.frame["low"].notna().sum())
    return [
        f"ratio to {found.control} · below 1 is better · {level_text(found.level)} intervals, "
        f"so that all {intervals} hold together with 95 %",
        *notes(found.left_out),
    ]


def confidence(found: Comparison) -> list[str]:
    """Return a sentence on how far all ratios may be believed together."""
    intervals = int(found.frame["low"].notna().sum())
    together = level_text(1 - FALSE_CLAIMS)
    if intervals < 2:
        return [f"The interval of this ratio is one of {together}."] * intervals
    level = level_text(found.level)
    return [f"The intervals of all {intervals} ratios, {level} each, hold together with {together}."]


def between(texts: Iterable[tuple[str, str]]) -> str:
    """Return the first and the last of some numbers: `between 2.0 (1.8 to 2.2; k = 1) and 3.0 (…; k = 9)`.

    Args:
        texts: numbers in order, each with the name of its place.
    """
    ordered = list(texts)
    if len(ordered) == 1:
        return ordered[0][0]
    ends = [
        f"{text[:-1]}; {place})" if text.endswith(")") else f"{text} ({place})"
        for text, place in (ordered[0], ordered[-1])
    ]
    return f"between {ends[0]} and {ends[1]}"


def level_text(level: float) -> str:
    """Return a confidence level with the digits that tell it from 1: 95 %, 99.75 %."""
    digits = 2 - math.floor(math.log10(100 * (1 - level)))
    return f"{100 * level:.{digits}f}".rstrip("0").rstrip(".") + " %"


def ratio_text(value: float, low: float, high: float) -> str:
    """Return a ratio with its interval: the digits that its width deserves, more where 1 is just missed."""
    if math.isnan(low) or math.isnan(high):
        return f"{significant(value)} (no interval)" if not math.isnan(value) else MISSING
    wide = math.log(high / low) if 0 < low <= high < math.inf else 1.0
    least = min(max(math.ceil(1.5 - math.log10(wide)), 2), MOST_DIGITS) if wide > 0 else 3
    digits = next((d for d in range(least, MOST_DIGITS) if not _seems_one(low, high, d)), MOST_DIGITS)
    texts = [_digits(each, digits) for each in (value, low, high)]
    return f"{texts[0]} ({texts[1]} … {texts[2]})"


def _digits(x: float, digits: int) -> str:
    return f"{x:#.{digits}g}".rstrip(".") if 1e-3 <= x < 10**digits - 0.5 else significant(x, digits)


def _seems_one(low: float, high: float, digits: int) -> bool:
    return any(x != 1 and math.isfinite(x) and float(_digits(x, digits)) == 1 for x in (low, high))
