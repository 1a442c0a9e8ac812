"""Formulas in ball arithmetic: enclosures of a cost over a whole region of z, with proven error."""

from __future__ import annotations

from collections.abc import Callable

from flint import acb, arb

from bench.balls import UNDEFINED, UNKNOWN, sigmoid
from bench.formula.terms import REDUCTIONS, Term

_HALF = arb(0.5, 0.5)  # from 0 to 1
_LARGEST_POWER = 1 << 16


def enclosure(term: Term, z: acb, analytic: bool) -> acb:
    """Return a ball that holds f(z) for every z in a ball.

    Comparisons and `abs` have a different analytic form on each side of an edge.

    Args:
        term: f, of a number z.
        z: a ball about the real line; a ball of real numbers unless `analytic`.
        analytic: whether the answer is to be finite only where f is analytic in all of the ball.

    Returns:
        A ball, infinite where no bound is known; `UNDEFINED` where f has no value in any of the ball, or
        where it may not be analytic and was to be.

    References:
        Johansson (2018), Numerical integration in arbitrary-precision ball arithmetic.
    """
    if term.number is not None:
        return acb(term.number)
    if term.operation == "z":
        return z
    operands = [enclosure(each, z, analytic) for each in term.operands]
    if term.operation in REDUCTIONS:  # of a number
        return operands[0]
    if any(each.real.is_nan() for each in operands):
        return UNDEFINED
    return _OPERATIONS[term.operation, len(operands)](*operands, analytic)


def _compared(holds: Callable[[arb], bool], fails: Callable[[arb], bool]) -> Callable[[acb, acb, bool], acb]:
    def comparison(left: acb, right: acb, analytic: bool) -> acb:
        difference = (left - right).real
        if holds(difference):
            return acb(1)
        if fails(difference):
            return acb(0)
        return UNDEFINED if analytic else acb(_HALF)

    return comparison


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


def _absolute(x: acb, analytic: bool) -> acb:
    return x.real_abs(analytic=analytic)


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


def _power(base: acb, exponent: acb, analytic: bool) -> acb:
    constant = exponent.imag == 0 and exponent.real.is_exact()
    if constant and exponent.real.is_integer() and abs(float(exponent.real)) < _LARGEST_POWER:
        whole = int(float(exponent.real))
        return base**whole if whole >= 0 else _divided(acb(1), base**-whole, analytic)
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


_OPERATIONS: dict[tuple[str, int], Callable[..., acb]] = {
    ("+", 2): _plain(lambda a, b: a + b),
    ("-", 2): _plain(lambda a, b: a - b),
    ("*", 2): _plain(lambda a, b: a * b),
    ("/", 2): _divided,
    ("**", 2): _power,
    ("+", 1): _plain(lambda a: a),
    ("-", 1): _plain(lambda a: -a),
    ("<", 2): _compared(lambda d: d < 0, lambda d: d >= 0),
    ("<=", 2): _compared(lambda d: d <= 0, lambda d: d > 0),
    (">", 2): _compared(lambda d: d > 0, lambda d: d <= 0),
    (">=", 2): _compared(lambda d: d >= 0, lambda d: d < 0),
    ("==", 2): _compared(lambda d: d == 0, lambda d: d != 0),
    ("!=", 2): _compared(lambda d: d != 0, lambda d: d == 0),
    ("exp", 1): _monotone(acb.exp, UNKNOWN),
    ("log", 1): _logarithm,
    ("sin", 1): _plain(acb.sin),
    ("cos", 1): _plain(acb.cos),
    ("tanh", 1): _monotone(acb.tanh, acb(arb(0, 1))),
    ("sigmoid", 1): _monotone(sigmoid, acb(_HALF)),
    ("sqrt", 1): _root,
    ("abs", 1): _absolute,
}
