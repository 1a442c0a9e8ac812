"""One-dimensional integrals as balls that hold them: by arb, to check other rules by."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Sequence

from flint import acb, arb, ctx

from bench.balls import BITS, Within
from bench.problem import NotApplicable

Integrands = Callable[[acb, Within], Sequence[acb]]

_TOLERANCE = arb(2) ** -48
_EVALUATIONS = 12_000
_I = acb(0, 1)


def enclosed(functions: Integrands, places: Sequence[arb], log_sizes: Sequence[float]) -> list[arb]:
    """Return balls that hold the integrals of several real functions from the first place to the last.

    Two at a time are integrated as the real and the imaginary part of one function.

    Args:
        functions: values in a ball; not finite where they are not the analytic function that they are within
            an interval.
        places: increasing; the fewer jumps there are between them, the faster it is.
        log_sizes: logarithms of ∫ |h| of each, roughly, to which the radius is relative.

    Raises:
        NotApplicable: if a radius does not become small.

    References:
        Johansson (2018), Numerical integration in arbitrary-precision ball arithmetic.
    """
    with ctx.workprec(BITS):
        found: list[arb] = []
        for i in range(0, len(log_sizes), 2):
            # Each is made as large as 1, so that one tolerance serves both.
            units = [_unit(log_size) for log_size in log_sizes[i : i + 2]]
            packed = functools.partial(_packed, functions, i, units)
            ball = sum((_piece(packed, *ends) for ends in itertools.pairwise(places)), acb(0))
            found += [part / unit for part, unit in zip((ball.real, ball.imag), units, strict=False)]
            if not max(ball.real.rad(), ball.imag.rad()) < 2**12 * _TOLERANCE:
                raise NotApplicable("the second rule for the expectation of the cost takes too long")
        return found


def _piece(packed: Callable[[acb, Within], acb], low: arb, high: arb) -> acb:
    within = acb(low.union(high))
    return acb.integral(
        lambda u, analytic: packed(u, within if analytic else None),
        low,
        high,
        rel_tol=_TOLERANCE,
        abs_tol=_TOLERANCE,
        eval_limit=_EVALUATIONS,
    )


def _unit(log_size: float) -> arb:
    return (-arb(log_size)).exp().mid() if log_size > -math.inf else arb(1)


def _packed(functions: Integrands, first: int, units: Sequence[arb], u: acb, within: Within) -> acb:
    values = functions(u, within)[first : first + 2]
    scaled = [value * unit for value, unit in zip(values, units, strict=True)]
    return scaled[0] + _I * scaled[1] if len(scaled) == 2 else scaled[0]
