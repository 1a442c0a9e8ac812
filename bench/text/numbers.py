"""Numbers as they are read: significant digits, intervals, durations."""

from __future__ import annotations

import functools
import math
from decimal import Context, Decimal

MISSING = "—"

ROUGH = 2.0
"""The factor between the ends of an interval beyond which a number is told by its size alone."""

_MOST_DIGITS = 12
"""Digits of a number beside which others are written in units of one power of ten."""

_EXACT = Context(prec=1200)
"""With room for all places between the largest float and the smallest."""


def significant(value: float, digits: int = 3) -> str:
    """A number to so many significant digits, zeros kept: 0.0870, 12300, 4.00e-5."""
    if not math.isfinite(value):
        return MISSING if math.isnan(value) else str(value)
    place = _place(value, digits)
    return _rounded(value, place - digits + 1, _exponent(place)) if value else "0"


@functools.lru_cache(4096)
def interval(value: float, low: float, high: float) -> str:
    """An estimate with its interval, `0.0870 (0.078 … 0.097)`; alone if there is no interval.

    The bounds are given to a sixth of the interval's width or finer, the estimate to
    one digit more: further digits are noise. A number that would vanish beside the
    others is rounded by itself: `1560 (1.7e-9 … 1.9e38)`.
    """
    if not math.isfinite(value) or math.isnan(low) or math.isnan(high):
        return significant(value)
    text, place = significant(value), _width_place(low, high)
    if value and place is not None:
        used = max(_place(value) - 2, place - 1)
        if low <= value <= high and not _at(low, place) <= _at(value, used) <= _at(high, place):
            used = min(used, place)  # three digits are enough, unless they lead out of the interval
        text = _rounded(value, used, _shared(value, low, high, place)) if _at(value, used) else text
    return f"{text} {bounds(low, high, value)}"


def interval_said(value: float, low: float, high: float) -> str:
    """An estimate with its interval in a sentence: `0.0870 (0.078 to 0.097)`."""
    return interval(value, low, high).replace("…", "to")


def bounds(low: float, high: float, value: float = 0.0) -> str:
    """An interval alone: `(0.078 … 0.097)`, `(0.078 … inf)`.

    It shares one power of ten with the estimate that stands beside it, unless one of them would vanish.
    """
    if math.isnan(low) or math.isnan(high):
        return MISSING
    place = _width_place(low, high)
    if place is None:
        return f"({significant(low)} … {significant(high)})"
    exponent = _shared(value, low, high, place)
    vanish = (not _at(end, place) if end else exponent is None for end in (low, high))
    texts = [
        significant(end, 2) if vanishes else _rounded(end, place, exponent)
        for end, vanishes in zip((low, high), vanish, strict=True)
    ]
    return f"({' … '.join(texts)})"


def spread(low: float, high: float) -> float:
    """The factor by which the ends of an interval of positive numbers differ; 1 if there is no interval."""
    return high / low if 0 < low <= high < math.inf else 1.0


def rough(value: float) -> str:
    """A number of which only the size is known, to one digit: `~0.02`."""
    return f"~{significant(value, 1)}" if math.isfinite(value) else MISSING


def duration(seconds: float, digits: int = 3) -> str:
    """Seconds in the unit that suits them: 80.0 ns, 1.23 µs, 45.6 ms, 2.00 s."""
    if not math.isfinite(seconds):
        return MISSING
    units = (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6), ("ns", 1e-9))
    fits = (each for each in units if abs(seconds) >= (1 - 0.5 * 10**-digits) * each[1])
    unit, size = next(fits, units[-1])
    return f"{significant(seconds / size, digits)} {unit}"


def measured_duration(seconds: float, low: float, high: float) -> str:
    """Seconds with the digits that their interval allows; `~200 ns` if its ends differ by a factor of two."""
    if spread(low, high) > ROUGH:
        return MISSING if not math.isfinite(seconds) else f"~{duration(seconds, 1)}"
    place = _width_place(low, high) if seconds else None
    return duration(seconds, 3 if place is None else min(3, max(1, _place(seconds) - place + 1)))


def count(value: float) -> str:
    """A number of things: all its digits if it is whole."""
    return f"{value:.0f}" if math.isfinite(value) and value == round(value) else significant(value)


def grouped(value: float) -> str:
    """A number of things in a sentence: from five digits on in groups of three, `10 000`."""
    text = count(value)
    return f"{value:,.0f}".replace(",", " ") if text.isdigit() and len(text) > 4 else text


def _place(value: float, digits: int = 3) -> int:
    """The power of ten of the first digit, after rounding to so many of them; 0 for 0."""
    return int(f"{value:.{digits - 1}e}".split("e")[1])


def _width_place(low: float, high: float) -> int | None:
    """The decimal place of a sixth of the width; None if the interval has no end, or is none."""
    if not math.isfinite(low) or not math.isfinite(high):
        return None
    half = high / 2 - low / 2  # as the width of the widest is no number
    if half > 1e-12 * abs(high):
        return math.floor(math.log10(half / 3))
    return _place(high) - 2 if high else 0  # three digits of a bound, where there is no width


def _shared(value: float, low: float, high: float, place: int) -> int | None:
    """The power of ten that an estimate and its bounds share; None if they are too far apart to share one."""
    largest = _place(max((value, low, high), key=abs))
    vanishes = any(x and not _at(x, least) for x, least in ((value, place - 1), (low, place), (high, place)))
    return None if vanishes or largest - place > _MOST_DIGITS else _exponent(largest)


def _exponent(place: int) -> int:
    """The power of ten to be written apart from a first digit at a place: none for ordinary numbers."""
    return 0 if -3 <= place <= 5 else place


def _at(value: float, place: int) -> Decimal:
    """A value to the given decimal place; exact, as floats of 1e-320 are not."""
    return _EXACT.quantize(Decimal(value), Decimal((0, (1,), place)))


def _rounded(value: float, place: int, exponent: int | None) -> str:
    """A value to the given decimal place, in units of a power of ten; of its own if that is None."""
    rounded = _at(value, place) or Decimal((0, (0,), place))  # a bound that rounds to zero has no sign
    if exponent is None:
        exponent = _exponent(rounded.adjusted()) if rounded else 0
    return f"{rounded.scaleb(-exponent, _EXACT):f}" + (f"e{exponent}" if exponent else "")
