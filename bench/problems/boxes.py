"""Integrals over two or three dimensions with proven error: products of Gauss rules on boxes."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from flint import acb, arb, ctx
from numpy.typing import NDArray

from bench.balls import BITS
from bench.problem import NotApplicable

Array = NDArray[np.float64]
Magnitudes = Callable[[Sequence[acb], Sequence[acb] | None], Array]
"""Logarithms of upper bounds of all integrands in a ball for each axis; nan where one is undefined, or is
not the analytic function that it is within intervals."""

_LOG_ERROR = -50 * math.log(2)  # of each integral in each box, as a part of ∫ |h|
_MOST = 12_000  # boxes that are looked at
_THINNEST = 1e-200  # half a box, of the width of what there is
_ORDER = 20  # nodes along an axis, at most
# The sum of the half axes of the ellipse about [−1, 1] in which an integrand must be analytic.
_RHO = 3.0
_AXES = ((_RHO + 1 / _RHO) / 2, (_RHO - 1 / _RHO) / 2)
_LOG_CONSTANT = math.log(32 / 15 / (1 - _RHO**-2))


@dataclass(frozen=True)
class Box:
    """A product of intervals, with the number of nodes along each axis; none where it is negligible.

    Attributes:
        low: where the intervals begin, `[k]`.
        high: where they end, `[k]`.
        orders: along each axis.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]
    orders: tuple[int, ...] = ()

    @property
    def halves(self) -> list[float]:
        """Half the length along each axis."""
        return [(high - low) / 2 for low, high in zip(self.low, self.high, strict=True)]

    def divided(self, axis: int) -> tuple[Box, Box]:
        """The two halves along an axis."""
        middle = (self.low[axis] + self.high[axis]) / 2
        return (
            Box(self.low, (*self.high[:axis], middle, *self.high[axis + 1 :])),
            Box((*self.low[:axis], middle, *self.low[axis + 1 :]), self.high),
        )

    def nodes(self) -> tuple[Array, Array]:
        """Places, `[n, k]`, and weights, `[n]`."""
        rules = [_gauss(order) for order in self.orders]
        middles = [(low + high) / 2 for low, high in zip(self.low, self.high, strict=True)]
        columns = [m + h * x for m, h, (x, _) in zip(middles, self.halves, rules, strict=True)]
        weights = [h * w for h, (_, w) in zip(self.halves, rules, strict=True)]
        places = np.stack([each.ravel() for each in np.meshgrid(*columns, indexing="ij")], -1)
        return places, functools.reduce(np.multiply.outer, weights).ravel()


@functools.cache
def _gauss(order: int) -> tuple[Array, Array]:
    return np.polynomial.legendre.leggauss(order)


def proven_boxes(
    magnitudes: Magnitudes, axes: Sequence[tuple[float, float, float, float]], log_sizes: Array
) -> list[Box]:
    r"""Return boxes with rules whose error, and the integral outside of them, is proven to be negligible.

    A box is halved until it is negligible, or the product of Gauss rules of orders n errs by little:
    where h is analytic along each axis i in an ellipse about it with half axes of sum ρ, whatever the
    other places in the box, it errs by the volume V of the box times

    .. math:: |E| / V \le \sum_i \frac{32}{15}\, \frac{\rho^{-2 (n_i - 1)}}{1 - \rho^{-2}} \max |h|.

    The bounds are of whole boxes and not of points in them: no feature is too narrow to be seen.

    Args:
        magnitudes: bounds of all |h|.
        axes: where each axis begins, its center, the width of what is there, and where it ends.
        log_sizes: logarithms of ∫ |h|, roughly and not too large, `[H]`.

    Raises:
        NotApplicable: if that takes too many boxes.

    References:
        Petras (2002), Self-validating integration and approximation of piecewise analytic functions.
        Trefethen (2013), Approximation theory and approximation practice, theorem 19.3.
    """
    widths = [width for _, _, width, _ in axes]
    allowed = _LOG_ERROR + log_sizes
    sides = [((low, center), (center, high)) for low, center, _, high in axes]
    waiting = [
        Box(*(tuple(ends) for ends in zip(*corner, strict=True))) for corner in itertools.product(*sides)
    ]
    settled: list[Box] = []
    with ctx.workprec(BITS):
        for _ in range(_MOST):
            if not waiting:
                return settled
            box = waiting.pop()
            orders = _orders(magnitudes, box, allowed)
            if orders is None:
                continue
            if max(orders) <= _ORDER:
                settled.append(Box(box.low, box.high, tuple(max(2, math.ceil(each)) for each in orders)))
                continue
            relative = [half / width for half, width in zip(box.halves, widths, strict=True)]
            worst = max(orders)
            axis = max(range(len(axes)), key=lambda i: (orders[i] == worst, relative[i]))
            halves = box.divided(axis)
            if relative[axis] < _THINNEST or any(min(half.halves) == 0 for half in halves):
                break
            waiting += halves
    raise NotApplicable(
        "no rule with a proven error was found for the numbers that the cost couples: "
        "its expectation may not converge, or the cost bends too sharply"
    )


def _orders(magnitudes: Magnitudes, box: Box, allowed: Array) -> list[float] | None:
    """The orders along each axis that suffice, infinite where that is not known; None if it is negligible."""
    halves = box.halves
    inside = [
        arb((arb(low) + high) / 2, (arb(high) - low) / 2) for low, high in zip(box.low, box.high, strict=True)
    ]
    log_volume = sum(math.log(2 * half) for half in halves)
    real = [acb(each) for each in inside]
    masses = log_volume + magnitudes(real, None)
    if (masses <= allowed).all():
        return None
    if not (masses < np.inf).all():
        return [math.inf] * len(halves)
    orders = []
    for i, half in enumerate(halves):
        ellipse = acb(arb(inside[i].mid(), half * _AXES[0]), arb(0, half * _AXES[1]))
        peaks = magnitudes([*real[:i], ellipse, *real[i + 1 :]], real)
        excess = log_volume + _LOG_CONSTANT + peaks - allowed
        over = float(excess.max()) if (peaks < np.inf).all() else math.inf
        orders.append(1 + max(0.0, over) / (2 * math.log(_RHO)))
    return orders


def batches(boxes: Sequence[Box], most: int) -> Iterator[tuple[Array, Array]]:
    """Nodes and weights of several boxes at once, about as many as `most`."""
    places: list[Array] = []
    weights: list[Array] = []
    for box in boxes:
        x, w = box.nodes()
        places.append(x)
        weights.append(w)
        if sum(map(len, weights)) >= most:
            yield np.concatenate(places), np.concatenate(weights)
            places, weights = [], []
    if weights:
        yield np.concatenate(places), np.concatenate(weights)
