"""Formulas in ball arithmetic: enclosures of a cost over a whole region of z, with proven error."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

from flint import acb, arb

from bench.balls import UNDEFINED, UNKNOWN, Within, sigmoid
from bench.formula.dependence import TOTAL
from bench.formula.terms import REDUCTIONS, TABLE, Term

Enclosure = Callable[[Any, Any], acb]
"""From z, a ball, or a ball for each coordinate, and the interval, or intervals, within which, to f."""

_Decision = Callable[[arb], bool]

_ZERO, _ONE = acb(0), acb(1)
_HALF = arb(0.5, 0.5)  # from 0 to 1
_LARGEST_POWER = 1 << 16
_HAIR = 1e-6  # of whole numbers, that may have been rounded


def enclosure(term: Term) -> Enclosure:
    """Return a formula in ball arithmetic: from a ball of z to a ball that holds f(z) for all of them.

    The function takes a ball about the real line, or of real numbers alone, and the interval within which
    the answer is to be that of one analytic function: comparisons and `abs` have a different analytic form
    on each side of an edge, and it is that of the interval, however far the ball reaches. The answer is
    infinite where no bound is known; it is `UNDEFINED` where f has no value in any of the ball, or where it
    may not be analytic and was to be.

    Args:
        term: f, of a number z, or of the coordinates at which its leaves stand.

    References:
        Johansson (2018), Numerical integration in arbitrary-precision ball arithmetic.
    """
    if term.number is not None:
        constant = acb(term.number)
        return lambda _z, _within: constant
    if term.operation == "z":
        k = term.where
        return (lambda z, _within: z) if k is None else (lambda z, _within: z[k])
    operands = [enclosure(each) for each in term.operands]
    if term.operation in REDUCTIONS:  # of a number
        return operands[0]
    if term.operation == TOTAL:
        return lambda z, within: sum((each(z, within) for each in operands), _ZERO)
    if term.operation == TABLE:
        assert term.constant is not None
        return _looked_up(term.constant.tolist(), operands)
    if term.operation in _COMPARISONS:
        left, right = operands
        return _compared(left, right, *_COMPARISONS[term.operation])
    if term.operation == "abs":
        return _absolute(operands[0])
    if term.operation in ("+", "-") and len(operands) == 2:  # of what is undefined the sum is, too
        left, right = operands
        if term.operation == "+":
            return lambda z, within: left(z, within) + right(z, within)
        return lambda z, within: left(z, within) - right(z, within)
    function = _OPERATIONS[term.operation, len(operands)]
    if len(operands) == 1:
        (inner,) = operands
        return lambda z, within: _unless_undefined(function, within is not None, inner(z, within))
    left, right = operands
    return lambda z, within: _unless_undefined(
        function, within is not None, left(z, within), right(z, within)
    )


def _unless_undefined(function: Callable[..., acb], analytic: bool, *operands: acb) -> acb:
    for each in operands:
        if _is_undefined(each):
            return UNDEFINED
    return function(*operands, analytic)


def _is_undefined(ball: acb) -> bool:
    return not ball.is_finite() and ball.real.is_nan()


def _compared(left: Enclosure, right: Enclosure, holds: _Decision, fails: _Decision) -> Enclosure:
    def decided(z: acb, within: Within) -> acb | None:
        difference = (left(z, within) - right(z, within)).real
        if difference.is_nan():
            return UNDEFINED
        if holds(difference):
            return _ONE
        return _ZERO if fails(difference) else None

    def comparison(z: acb, within: Within) -> acb:
        if within is None:
            found = decided(z, None)
            return acb(_HALF) if found is None else found
        found = decided(within, None)
        if found is None or found is UNDEFINED:
            found = decided(z, within)
        return UNDEFINED if found is None else found

    return comparison


def _looked_up(table: list[Any], places: list[Enclosure]) -> Enclosure:
    """The entry of a table where each place is one whole number; any of several that it may be."""

    def entry(z: Any, within: Any) -> acb:
        found: list[Any] = [table]
        for place in places:
            real = place(z, within).real
            last = len(found[0]) - 1
            if not real.is_finite():
                low, high = (0, last) if within is None else (0, -1)
            else:
                low = max(0, math.ceil(float(real.lower()) - _HAIR))
                high = min(last, math.floor(float(real.upper()) + _HAIR))
            if high < low or (within is not None and high > low):
                return UNDEFINED
            found = [each[k] for each in found for k in range(low, high + 1)]
        return functools.reduce(acb.union, [acb(each) for each in found])

    return entry


def _absolute(inner: Enclosure) -> Enclosure:
    def absolute(z: acb, within: Within) -> acb:
        value = inner(z, within)
        if _is_undefined(value):
            return UNDEFINED
        if within is None:
            return value.real_abs(analytic=False)
        for real in (inner(within, None).real, value.real):
            if real >= 0 or real <= 0:
                return value if real >= 0 else -value
        return UNDEFINED

    return absolute


def _monotone(function: Callable[[acb], acb], bound: acb) -> Callable[[acb, bool], acb]:
    """Return a growing function that takes an interval of real numbers to that between its ends.

    Args:
        function: of a ball.
        bound: the ball of all its values on the real line.
    """

    def enclosed(x: acb, analytic: bool) -> acb:
        if analytic or x.real.is_exact():
            return function(x)
        if not x.is_finite():
            return bound
        return function(acb(x.real.lower())).union(function(acb(x.real.upper())))

    return enclosed


def _divided(dividend: acb, divisor: acb, analytic: bool) -> acb:
    if 0 in divisor:
        return UNDEFINED if analytic or divisor == 0 else UNKNOWN
    return dividend / divisor


def _logarithm(x: acb, analytic: bool) -> acb:
    if x.real > 0:
        return x.log()
    return UNDEFINED if analytic or x.real <= 0 else UNKNOWN


def _root(x: acb, analytic: bool) -> acb:
    if x.real > 0:
        return x.sqrt()
    return UNDEFINED if analytic or x.real < 0 else _up_to(x, lambda top: top.sqrt())


def _up_to(x: acb, growing: Callable[[arb], arb]) -> acb:
    """Return a ball from 0 to the value at the upper end of a ball that reaches 0."""
    top = growing(x.real.upper())
    return acb(top * _HALF) if top.is_finite() else UNKNOWN


def _whole_power(base: acb, power: int) -> acb:
    """A power of an interval, between those of its ends where it does not turn."""
    if base.real.is_exact() or not base.is_finite():
        return base**power
    ends = (acb(base.real.lower()) ** power, acb(base.real.upper()) ** power)
    if power % 2 == 0 and 0 in base:
        return acb(max(end.real.upper() for end in ends) * _HALF)
    return ends[0].union(ends[1])


def _power(base: acb, exponent: acb, analytic: bool) -> acb:
    constant = exponent.imag == 0 and exponent.real.is_exact()
    if constant and exponent.real.is_integer() and abs(float(exponent.real)) < _LARGEST_POWER:
        whole = int(float(exponent.real))
        raised = base ** abs(whole) if analytic else _whole_power(base, abs(whole))
        return raised if whole >= 0 else _divided(acb(1), raised, analytic)
    if base.real > 0:
        return (exponent * base.log()).exp()
    if analytic or (base.real < 0 and constant):
        return UNDEFINED
    if constant and exponent.real > 0:
        return _up_to(base, lambda top: top**exponent.real if top > 0 else arb(0))
    return UNKNOWN


def _plain(function: Callable[..., acb]) -> Callable[..., acb]:
    """Return a function that is analytic wherever it is finite, with the flag left out."""
    return lambda *operands: function(*operands[:-1])


_COMPARISONS: dict[str, tuple[_Decision, _Decision]] = {
    "<": (lambda d: d < 0, lambda d: d >= 0),
    "<=": (lambda d: d <= 0, lambda d: d > 0),
    ">": (lambda d: d > 0, lambda d: d <= 0),
    ">=": (lambda d: d >= 0, lambda d: d < 0),
    "==": (lambda d: d == 0, lambda d: d != 0),
    "!=": (lambda d: d != 0, lambda d: d == 0),
}
"""Comparison -> the tests that it certainly holds and certainly fails, by the difference of its sides."""

_OPERATIONS: dict[tuple[str, int], Callable[..., acb]] = {
    ("*", 2): _plain(lambda a, b: a * b),
    ("/", 2): _divided,
    ("**", 2): _power,
    ("+", 1): _plain(lambda a: a),
    ("-", 1): _plain(lambda a: -a),
    ("exp", 1): _monotone(acb.exp, UNKNOWN),
    ("log", 1): _logarithm,
    ("sin", 1): _plain(acb.sin),
    ("cos", 1): _plain(acb.cos),
    ("tanh", 1): _monotone(acb.tanh, acb(arb(0, 1))),
    ("sigmoid", 1): _monotone(sigmoid, acb(_HALF)),
    ("sqrt", 1): _root,
}
