"""Ratios, their intervals and levels as text."""

from __future__ import annotations

import math
from collections.abc import Iterable

import pandas as pd

from bench.analysis.comparison import FALSE_CLAIMS, Comparison
from bench.text.left_out import notes
from bench.text.numbers import MISSING, significant

MOST_DIGITS = 6


def ratio_said(value: float, low: float, high: float) -> str:
    """Return a ratio in a sentence: `3.1 (2.9 to 3.3)`."""
    return ratio_text(value, low, high).replace("…", "to")


def inverse(cells: pd.DataFrame) -> pd.DataFrame:
    """Return rows with the ratio of the other to the one."""
    return cells.assign(ratio=1 / cells["ratio"], low=1 / cells["high"], high=1 / cells["low"])


def remarks(found: Comparison) -> list[str]:
    """Return the level, the control, and what is not compared."""
    intervals = int(found.frame["low"].notna().sum())
    together = f" intervals, so that all {intervals} hold together with {TOGETHER}"
    return [
        f"ratio to {found.control} · below 1 is better · {level_text(found.level)}"
        + (together if intervals > 1 else " interval"),
        *notes(found.left_out),
    ]


def confidence(found: Comparison) -> list[str]:
    """Return a sentence on how far all ratios may be believed together."""
    intervals = int(found.frame["low"].notna().sum())
    if intervals < 2:
        return [f"The interval of this ratio is one of {TOGETHER}."] * intervals
    level = level_text(found.level)
    return [f"The intervals of all {intervals} ratios, {level} each, hold together with {TOGETHER}."]


def between(texts: Iterable[tuple[str, str]]) -> str:
    """Return the ends of numbers with places: `between 2.0 (1.8 to 2.2; k = 1) and 3.0 (…; k = 9)`."""
    (only, _), *others = ordered = list(texts)
    if not others:
        return only
    ends = [
        f"{text[:-1]}; {place})" if text.endswith(")") else f"{text} ({place})"
        for text, place in (ordered[0], ordered[-1])
    ]
    return f"between {' and '.join(ends)}"


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


TOGETHER = level_text(1 - FALSE_CLAIMS)
"""The level at which all intervals that are shown together hold."""
