"""Formulas in ball arithmetic: enclosures of a cost over a whole region of z, with proven error."""

from __future__ import annotations

from collections.abc import Callable

from flint import acb, arb

from bench.balls import UNDEFINED, UNKNOWN, sigmoid
from bench.formula.terms import REDUCTIONS, Term

Enclosure = Callable[[acb, bool], acb]

_HALF = arb(0.5, 0.5)  # from 0 to 1
_LARGEST_POWER = 1 << 16


def enclosure(term: Term) -> Enclosure:
    """Return a formula in ball arithmetic: from a ball of z to a ball that holds f(z) for all of them.

    The function takes a ball about the real line, or of real numbers alone, and whether its answer is to be
    finite only where f is analytic in all of the ball: comparisons and `abs` have a different analytic form
    on each side of an edge. The answer is infinite where no bound is known; it is `UNDEFINED` where f has no
    value in any of the ball, or where it may not be analytic and was to be.

    Args:
        term: f, of a number z.

    References:
        Johansson (2018), Numerical integration in arbitrary-precision ball arithmetic.
    """
    if term.number is not None:
        constant = acb(term.number)
        return lambda _z, _analytic: constant
    if term.operation == "z":
        return lambda z, _analytic: z
    operands = [enclosure(each) for each in term.operands]
    if term.operation in REDUCTIONS:  # of a number
        return operands[0]
    function = _OPERATIONS[term.operation, len(operands)]
    if len(operands) == 1:
        (inner,) = operands
        return lambda z, analytic: _unless_undefined(function, analytic, inner(z, analytic))
    left, right = operands
    return lambda z, analytic: _unless_undefined(function, analytic, left(z, analytic), right(z, analytic))


def _unless_undefined(function: Callable[..., acb], analytic: bool, *operands: acb) -> acb:
    for each in operands:
        if not each.is_finite() and each.real.is_nan():
            return UNDEFINED
    return function(*operands, analytic)


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
