"""Ratios, their intervals and levels as text."""

from __future__ import annotations

import math

from bench.analysis.comparison import Comparison
from bench.text.left_out import notes
from bench.text.numbers import MISSING, significant

MOST_DIGITS = 6


def remarks(found: Comparison) -> list[str]:
    """The level, the control, and what is not compared."""
    intervals = int(found.frame["low"].notna().sum())
    return [
        f"ratio to {found.control} · below 1 is better · {level_text(found.level)} intervals, "
        f"so that all {intervals} hold together with 95 %",
        *notes(found.left_out),
    ]


def level_text(level: float) -> str:
    """A confidence level with the digits that tell it from 1: 95 %, 99.75 %."""
    digits = 2 - math.floor(math.log10(100 * (1 - level)))
    return f"{100 * level:.{digits}f}".rstrip("0").rstrip(".") + " %"


def ratio_text(value: float, low: float, high: float) -> str:
    """A ratio with its interval: as many digits as its width deserves, and more where 1 is just missed."""
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
