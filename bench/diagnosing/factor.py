"""A gradient that is the truth times a constant, and the usual constants that fit."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor

from bench.diagnosing.finding import Finding
from bench.diagnosing.fresh import Fresh
from bench.statistics.fieller import fieller
from bench.statistics.intervals import Interval
from bench.statistics.verdict import bias_interval
from bench.text.numbers import significant
from bench.text.words import listed

_LEVEL = 0.99
# The part of the bias that a multiple of the truth may leave unexplained, for sure.
_LEFT = 0.25
_MOST_NAMED = 4
# So narrow, as a part of the factor, must the interval be for a name: in a wider one some name always fits.
_KNOWN = 0.15


@dataclass(frozen=True)
class Size:
    """A number by which people multiply or divide by mistake.

    Attributes:
        symbol: its name in formulas: "N", "B", "σ".
        value: the number.
        words: what it is.
    """

    symbol: str
    value: float
    words: str


@dataclass(frozen=True)
class Constant:
    """A constant by which gradients are missed.

    Attributes:
        formula: such as "(N−1)/N".
        value: the number.
        words: how that happens; empty if there is nothing to say.
        at: the size in the formula: "for N = 4"; empty if there is none.
    """

    formula: str
    value: float
    words: str = ""
    at: str = ""

    @property
    def name(self) -> str:
        """The formula with its size: "(N−1)/N for N = 4"."""
        return f"{self.formula} {self.at}" if self.at else self.formula


def constants(sizes: Sequence[Size]) -> Iterator[Constant]:
    """Yield the usual constants, with the sizes that may occur in them."""
    yield Constant("−1", -1.0, "the sign is wrong")
    yield Constant("½", 0.5)
    yield Constant("2", 2.0)
    for size in sizes:
        yield from _of_spread(size) if size.symbol.startswith("σ") else _of_count(size)


def _of_spread(size: Size) -> Iterator[Constant]:
    n, value, words, at = size.symbol, size.value, size.words, f"for {size.symbol} = {size.value:g}"
    yield Constant(n, value, f"{words}, as where it is a factor too much", at)
    yield Constant(f"1/{n}", 1 / value, f"{words}, as where it is a divisor too much", at)
    yield Constant(f"{n}²", value**2, f"{words}, squared, as where it is left out of the score", at)
    yield Constant(f"1/{n}²", value**-2, f"{words}, squared, as where it divides the score twice", at)


def _of_count(size: Size) -> Iterator[Constant]:
    n, value, words, at = size.symbol, size.value, size.words, f"for {size.symbol} = {size.value:g}"
    yield Constant(f"({n}−1)/{n}", 1 - 1 / value, "as when a baseline includes the sample itself", at)
    if value != 1:
        again = "as when a correction for the own sample is made twice"
        yield Constant(f"{n}/({n}−1)", value / (value - 1), again, at)
    yield Constant(n, value, f"as where a sum over {words} stands for a mean", at)
    twice = f"as where the mean over {words} is taken twice, or shapes are spread over it"
    yield Constant(f"1/{n}", 1 / value, twice, at)


def is_unclear(fresh: Fresh) -> bool:
    """Whether the gradient may be a multiple of the truth, and more replicates must tell."""
    direction = _direction(fresh)
    found = fieller(fresh.suspect @ direction, fresh.right @ direction, _LEVEL)
    if not math.isfinite(found.low + found.high):
        return True
    if found.low <= 1 <= found.high or fresh.p(found.value) < _CONTRADICTED:
        return False
    wide = found.high - found.low > _KNOWN * abs(found.value) and not found.low <= 0 <= found.high
    return wide or not _is_multiple(fresh, found.value)


def multiple_of(fresh: Fresh) -> Interval | None:
    """The factor by which a gradient is a multiple of the truth; None if it is none, or that cannot be told.

    A factor within whose interval zero lies is one only if all of the interval is near zero.
    """
    direction = _direction(fresh)
    found = fieller(fresh.suspect @ direction, fresh.right @ direction, _LEVEL)
    if not math.isfinite(found.low + found.high) or found.low <= 1 <= found.high:
        return None
    if not _is_multiple(fresh, found.value):
        return None
    near = max(abs(found.low), abs(found.high)) <= _LEFT
    return None if found.low <= 0 <= found.high and not near else found


def fitting(fresh: Fresh, found: Interval, sizes: Sequence[Size]) -> list[Constant]:
    """The usual constants that a factor may be; none if it is not known well enough for a name."""
    if found.low <= 0 <= found.high:
        return [ZERO, *(each for each in constants(sizes) if each.value == 0)]
    if found.high - found.low > _KNOWN * abs(found.value):
        return []
    return [
        each
        for each in constants(sizes)
        if _is_within(found, each.value) and fresh.p(each.value) > _CONTRADICTED
    ]


ZERO = Constant("0", 0.0, "nothing ties the draws to the cost, as where a score stands without its cost")
"""The constant of a gradient that varies about zero."""


def factor(label: str, fresh: Fresh, sizes: Sequence[Size]) -> Finding | None:
    """The finding that a gradient is a multiple of the truth; None if it is none, or that cannot be told.

    Args:
        label: of the estimator.
        fresh: its estimates beside what is right.
        sizes: numbers that may occur in the factor.
    """
    found = multiple_of(fresh)
    if found is None:
        return None
    if found.low <= 0 <= found.high:
        said = f"its mean is zero ({factor_words(found)} of the truth) though it varies: {ZERO.words}"
        return Finding(label, "factor", said, (ZERO.name,))
    fits = fitting(fresh, found, sizes)
    said = f"its gradient is {factor_words(found)} of the truth"
    if not fits:
        return Finding(
            label, "factor", f"{said}, the whole vector of it: a constant that is none of the usual", ()
        )
    if len(fits) > _MOST_NAMED:
        names = listed([each.name for each in fits], most=_MOST_NAMED + 1)
        return Finding(label, "factor", f"{said}: more replicates must tell whether that is {names}", ())
    words = " or ".join(f"{each.name}{f', {each.words}' if each.words else ''}" for each in fits)
    return Finding(label, "factor", f"{said}: {words}", tuple(each.name for each in fits))


_CONTRADICTED = 1e-3
# Of losses that draw alike, one may be a multiple of the other in each estimate, to rounding.
_ROUNDED = 1e-5


def _is_within(found: Interval, value: float) -> bool:
    slack = _ROUNDED * abs(value)
    return found.low - slack <= value <= found.high + slack


def _direction(fresh: Fresh) -> Tensor:
    """The truth with each coordinate weighed by how well the estimates know it, `[P]`."""
    variance = (fresh.suspect - fresh.right).var(0)
    # What never varies would be all that counts.
    weight = 1 / (variance + _FLOOR * variance.mean()).clamp(min=1e-300)
    return fresh.truth * weight / weight.mean()


_FLOOR = 1e-3


def _is_multiple(fresh: Fresh, value: float) -> bool:
    evidence = fresh.off(value)["all"]
    if fresh.p(value) < _CONTRADICTED:
        return False
    left, bias = bias_interval(evidence), abs(value - 1) * float(fresh.truth.norm())
    return max(abs(left.low), abs(left.high)) <= _LEFT * bias


def factor_words(found: Interval) -> str:
    """Return a factor with its interval: 0.75 (0.74 to 0.76)."""
    low, high = significant(found.low, 3), significant(found.high, 3)
    value = significant(found.value, 3)
    return value if low == high == value else f"{value} ({low} to {high})"
