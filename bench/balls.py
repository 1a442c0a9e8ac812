"""Ball arithmetic: numbers with a radius, in which an exact value is proven to lie."""

from __future__ import annotations

from flint import acb, arb

BITS = 128
"""The precision of all ball arithmetic: far more than float64, so that cancellation does not matter."""
UNDEFINED = acb("nan")
"""The value of a function where it has none, or may not be analytic and was to be."""
UNKNOWN = acb(arb(0, "inf"))
"""Any number at all."""


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
