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
        value: the number, other than 1.
        words: what it is.
    """

    symbol: str
    value: float
    words: str


@dataclass(frozen=True)
class Constant:
    """A constant by which gradients are missed.

    Attributes:
        name: as a formula: "(N−1)/N for N = 4".
        value: the number.
        words: how that happens; empty if there is nothing to say.
    """

    name: str
    value: float
    words: str = ""


def constants(sizes: Sequence[Size]) -> Iterator[Constant]:
    """Yield the usual constants, with the sizes that may occur in them."""
    yield Constant("−1", -1.0, "the sign is wrong")
    yield Constant("½", 0.5)
    yield Constant("2", 2.0)
    for size in sizes:
        n, value, at = size.symbol, size.value, f" for {size.symbol} = {size.value:g}"
        if size.symbol.startswith("σ"):
            yield from (
                Constant(f"{n}{at}", value, f"{size.words}, as where it is a factor too much"),
                Constant(f"1/{n}{at}", 1 / value, f"{size.words}, as where it is a divisor too much"),
                Constant(
                    f"{n}²{at}", value**2, f"{size.words}, squared, as where it is left out of the score"
                ),
                Constant(
                    f"1/{n}²{at}", value**-2, f"{size.words}, squared, as where it divides the score twice"
                ),
            )
            continue
        yield Constant(f"({n}−1)/{n}{at}", 1 - 1 / value, "as when a baseline includes the sample itself")
        yield Constant(
            f"{n}/({n}−1){at}", value / (value - 1), "as when a correction for the own sample is made twice"
        )
        yield Constant(f"{n}{at}", value, f"as where a sum over {size.words} stands for a mean")
        yield Constant(
            f"1/{n}{at}",
            1 / value,
            f"as where the mean over {size.words} is taken twice, or shapes are spread over it",
        )


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


def factor(label: str, fresh: Fresh, sizes: Sequence[Size]) -> Finding | None:
    """The finding that a gradient is a multiple of the truth; None if it is none, or that cannot be told.

    Args:
        label: of the estimator.
        fresh: its estimates beside what is right.
        sizes: numbers that may occur in the factor.
    """
    direction = _direction(fresh)
    found = fieller(fresh.suspect @ direction, fresh.right @ direction, _LEVEL)
    if not math.isfinite(found.low + found.high) or found.low <= 1 <= found.high:
        return None
    if not _is_multiple(fresh, found.value):
        return None
    if found.low <= 0 <= found.high:
        return _of_zero(label, found)
    fits = [
        each
        for each in constants(sizes)
        if found.low <= each.value <= found.high and fresh.p(each.value) > _CONTRADICTED
    ]
    said = f"its gradient is {_number(found)} of the truth"
    fits = fits if found.high - found.low <= _KNOWN * abs(found.value) else []
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


def _of_zero(label: str, found: Interval) -> Finding | None:
    """The finding that a gradient has mean zero, though it varies."""
    if max(abs(found.low), abs(found.high)) > _LEFT:
        return None
    said = (
        f"its mean is zero ({_number(found)} of the truth) though it varies: nothing ties the draws to the "
        "cost, as where a score stands without its cost"
    )
    return Finding(label, "factor", said, ("0",))


def _number(found: Interval) -> str:
    low, high = significant(found.low, 3), significant(found.high, 3)
    value = significant(found.value, 3)
    return value if low == high == value else f"{value} ({low} to {high})"
