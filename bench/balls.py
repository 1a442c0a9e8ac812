"""Ball arithmetic: numbers with a radius, in which an exact value is proven to lie."""

from __future__ import annotations

import functools

from flint import acb, arb, ctx

BITS = 128
"""The precision of all ball arithmetic: far more than float64, so that cancellation does not matter."""
UNDEFINED = acb("nan")
"""The value of a function where it has none, or may not be analytic and was to be."""
UNKNOWN = acb(arb(0, "inf"))
"""Any number at all."""


Within = acb | None
"""The place where a function is to be analytic: None if only bounds on the real line are wanted; else an
interval of real numbers, on which there is one analytic function whose values about it are wanted."""
_KEPT = 4096


@functools.lru_cache(_KEPT)
def log_gamma(*terms: float) -> acb:
    """Return the logarithm of the gamma function at an exact sum of numbers."""
    with ctx.workprec(BITS):
        return acb(_sum_of(terms)).lgamma()


@functools.lru_cache(_KEPT)
def digamma(*terms: float) -> acb:
    """Return the derivative of the logarithm of the gamma function at an exact sum of numbers."""
    with ctx.workprec(BITS):
        return acb(_sum_of(terms)).digamma()


@functools.lru_cache(_KEPT)
def log_of(number: float) -> acb:
    """Return the logarithm of a positive number."""
    with ctx.workprec(BITS):
        return acb(number).log()


@functools.cache
def log_2pi() -> acb:
    """Return log 2π."""
    with ctx.workprec(BITS):
        return (2 * acb.pi()).log()


def _sum_of(terms: tuple[float, ...]) -> arb:
    return sum((arb(term) for term in terms), arb(0))


def sigmoid(x: acb) -> acb:
    """Return 1/(1 + e^−x), without loss of digits far to the left."""
    if x.real.mid() > 0:
        return 1 / (1 + (-x).exp())
    grown = x.exp()
    return grown / (1 + grown)


def log(x: acb) -> acb:
    """Return the logarithm to the right of zero; elsewhere it has a branch cut."""
    return x.log() if x.real > 0 else UNDEFINED


def log_sigmoid(x: acb) -> acb:
    """Return −log(1 + e^−x), without loss of digits on either side."""
    if x.real.mid() > 0:
        return -log(1 + (-x).exp())
    return x - log(1 + x.exp())


def log_cosh(x: acb) -> acb:
    """Return log((e^x + e^−x)/2), also where cosh x is too large to tell."""
    if 0 in x.real:
        return log(x.cosh())
    size = outward(x)
    return size - acb(2).log() + log(1 + (-2 * size).exp())


def outward(x: acb) -> acb:
    """Return x or −x, whichever is to the right of zero; x is off zero."""
    return x if x.real > 0 else -x


def inverse_sinh(x: acb) -> acb:
    """Return 1/sinh x, also where sinh x is too large to tell; x is off zero."""
    size = outward(x)
    found = 2 * (-size).exp() / (1 - (-2 * size).exp())
    return found if x.real > 0 else -found
