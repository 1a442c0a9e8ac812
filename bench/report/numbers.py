"""Numbers as they are read: significant digits, intervals, durations."""

from __future__ import annotations

import math
from decimal import Decimal

MISSING = "—"


def significant(value: float, digits: int = 3) -> str:
    """A number to so many significant digits, zeros kept: 0.0870, 12300, 4.00e-5."""
    if not math.isfinite(value):
        return MISSING if math.isnan(value) else str(value)
    return _rounded(value, _place(value) - digits + 1, _exponent(value)) if value else "0"


def interval(value: float, low: float, high: float) -> str:
    """An estimate with its interval, `0.0870 (0.078 … 0.097)`; alone if there is no interval.

    The bounds are given to a sixth of the interval's width or finer, the estimate to
    one digit more: further digits are noise.
    """
    if not math.isfinite(value) or not _is_interval(low, high):
        return significant(value)
    place = _width_place(low, high)
    shared = _common(value, low, high)
    estimate = _rounded(value, max(_place(value) - 2, place - 1), shared) if value else "0"
    return f"{estimate} {bounds(low, high, value)}"


def bounds(low: float, high: float, value: float = 0.0) -> str:
    """An interval alone: `(0.078 … 0.097)`.

    Args:
        low: lower bound.
        high: upper bound.
        value: the estimate that stands beside it; they share one power of ten.
    """
    if not _is_interval(low, high):
        return MISSING
    place, exponent = _width_place(low, high), _common(value, low, high)
    return f"({_rounded(low, place, exponent)} … {_rounded(high, place, exponent)})"


def duration(seconds: float) -> str:
    """Seconds in the unit that suits them: 80.0 ns, 1.23 µs, 45.6 ms, 2.00 s."""
    if not math.isfinite(seconds):
        return MISSING
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if abs(seconds) >= 0.9995 * size:
            return f"{significant(seconds / size)} {unit}"
    return f"{significant(seconds / 1e-9)} ns"


def count(value: float) -> str:
    """A number of things: all its digits if it is whole."""
    return f"{value:.0f}" if math.isfinite(value) and value == round(value) else significant(value)


def grouped(value: float) -> str:
    """A number of things in a sentence: from five digits on in groups of three, `10 000`."""
    text = count(value)
    return f"{value:,.0f}".replace(",", " ") if text.isdigit() and len(text) > 4 else text


def _is_interval(low: float, high: float) -> bool:
    return math.isfinite(low) and math.isfinite(high)


def _place(value: float) -> int:
    """The power of ten of the first digit, after rounding to three of them; 0 for 0."""
    return int(f"{value:.2e}".split("e")[1]) if value else 0


def _width_place(low: float, high: float) -> int:
    width = high - low
    if width > 1e-12 * abs(high):
        return math.floor(math.log10(width / 6))
    return _place(high) - 2 if high else 0  # three digits of a bound, where there is no width


def _common(*values: float) -> int:
    return _exponent(max(values, key=abs))


def _exponent(value: float) -> int:
    """The power of ten to be written apart: none for ordinary numbers."""
    place = _place(value)
    return 0 if -3 <= place <= 5 else place


def _rounded(value: float, place: int, exponent: int) -> str:
    """A value to the given decimal place, in units of a power of ten; exact, as floats of 1e-320 are not."""
    rounded = Decimal(value).quantize(Decimal((0, (1,), place)))
    rounded = rounded if rounded else rounded.copy_abs()  # a bound that rounds to zero has no sign
    return f"{rounded.scaleb(-exponent):f}" + (f"e{exponent}" if exponent else "")
