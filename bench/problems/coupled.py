"""The expectation of a cost that couples two or three continuous numbers: cubature, and a proven rule."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from flint import acb
from numpy.typing import NDArray
from torch import Tensor

from bench.formula.balls import Enclosure, enclosure
from bench.formula.terms import Term
from bench.problem import NotApplicable
from bench.problems.boxes import Box, batches, proven_boxes
from bench.problems.densities import Density, Joint

Array = NDArray[np.float64]
Anchor = tuple[float, ...]
Found = tuple[float, tuple[float, ...]]
"""E f and its slopes in the parameters of the joint."""

_BENT = ("<", "<=", ">", ">=", "==", "!=", "abs", "table")
_NODES = 1 << 15  # that are formed at once
_ACCURACY = 1e-11  # of each integral, as a part of ∫ |h|
_SUBDIVISIONS = {1: 1000, 2: 1000, 3: 150}
_RULES = {1: "gk21", 2: "gk21", 3: "gk15"}
_LARGEST = 710.0  # the logarithm of a number that is none in float64, as which no cost can matter
_LEAST = 1e-30  # size of an integral at first, of a feature that was not seen yet
_LOOK = 10.0  # widths from the center to which sizes are looked for


@dataclass(frozen=True)
class Coupled:
    r"""E[f(z)] of a few numbers that f couples, and its gradient: integrals of p f and ∇(p f) as one vector.

    The value is found by adaptive cubature (Gauss–Kronrod), whose own estimate of its error must be
    small; the check by products of Gauss rules on boxes, whose error is proven from bounds of whole
    boxes. Where either fails, and where f has a jump or a kink, which no rule follows, it is not known.

    Attributes:
        term: f, of the coordinates at which its leaves stand.

    Raises:
        NotApplicable: by each method, if f is not smooth, or the accuracy is not reached.
    """

    term: Term
    _boxes: dict[Anchor, tuple[list[Box], Array]] = field(default_factory=dict, init=False, repr=False)
    _values: dict[Anchor, Found] = field(default_factory=dict, init=False, repr=False)
    _checks: dict[Anchor, Found] = field(default_factory=dict, init=False, repr=False)

    def value(self, joint: Joint) -> Tensor:
        """Return the expectation under a joint, `[R]`, of the right slope in its parameters."""
        return self._at_each(joint, self._values, self._by_cubature)

    def check(self, joint: Joint) -> Tensor:
        """Return the same by the other rule."""
        return self._at_each(joint, self._checks, self._by_boxes)

    def _at_each(
        self, joint: Joint, known: dict[Anchor, Found], find: Callable[[Density, Anchor], Found]
    ) -> Tensor:
        for anchor in map(tuple, joint.parameters.tolist()):
            if anchor not in known:
                known[anchor] = find(joint.density(anchor), anchor)
        found = [known[anchor] for anchor in map(tuple, joint.parameters.tolist())]
        values = joint.parameters.new_tensor([value for value, _ in found])  # [R]
        slopes = joint.parameters.new_tensor([each for _, each in found])  # [R, Q]
        return values + (slopes * (joint.parameters - joint.parameters.detach())).sum(-1)

    def _by_boxes(self, density: Density, anchor: Anchor) -> Found:
        boxes, _ = self._laid(density, anchor)
        return _found(_integrals(self.integrands(density), boxes))

    def _by_cubature(self, density: Density, anchor: Anchor) -> Found:
        from scipy.integrate import cubature  # which takes long to load, and planning needs none

        boxes, sizes = self._laid(density, anchor)
        integrands = self.integrands(density)
        unit = np.where(sizes > 0, sizes, 1.0)
        total, error = np.zeros_like(unit), np.zeros_like(unit)
        k = len(density.axes)
        for low, high in _regions(density, boxes):
            found = cubature(
                lambda u: integrands(torch.from_numpy(np.ascontiguousarray(u))).numpy() / unit,
                low,
                high,
                rule=_RULES[k],
                rtol=0.0,
                atol=_ACCURACY,
                max_subdivisions=_SUBDIVISIONS[k],
            )
            total, error = total + found.estimate * unit, error + found.error
        if not float(error.max()) <= 2**k * _ACCURACY:
            raise NotApplicable(
                f"cubature over the {k} numbers that the cost couples has an error of {error.max():.1g}"
            )
        return _found(total)

    def _laid(self, density: Density, anchor: Anchor) -> tuple[list[Box], Array]:
        """Boxes for the joint at an anchor, and the sizes ∫ |h| of the integrals, `[1 + Q]`."""
        if anchor not in self._boxes:
            self._boxes[anchor] = self._new_boxes(density)
        return self._boxes[anchor]

    def _new_boxes(self, density: Density) -> tuple[list[Box], Array]:
        bent = _bent(self.term)
        if bent is not None:
            raise NotApplicable(
                f"the cost couples numbers through {bent}, which has a jump or a kink: no rule follows it"
            )
        magnitudes = functools.partial(_magnitudes, density, enclosure(self.term))
        sizes = np.maximum(_sizes(self.integrands(density), [_seen(density)]), _LEAST)
        for _ in range(3):
            with np.errstate(divide="ignore"):
                boxes = proven_boxes(magnitudes, density.axes, np.log(sizes))
            measured = _sizes(self.integrands(density), boxes)
            # A feature that was not seen at first makes integrals larger; one that was hit, smaller.
            if (measured >= sizes / 256).all():
                return boxes, measured
            sizes = measured
        raise NotApplicable("the size of the integrals of the cost is not known")

    def integrands(self, density: Density) -> Callable[[Tensor], Tensor]:
        """Return the function from places to p f, and p f times each score, `[n, k] -> [n, 1 + Q]`."""

        def values(u: Tensor) -> Tensor:
            z, log_density, scores = density.arrays(u)
            weight = log_density.exp()  # [n]
            cost = self.term.value(z, 0)
            # Far out, where nothing is left of the density, a cost may overflow.
            product = torch.where(weight > 0, weight * cost, 0.0)[:, None]  # [n, 1]
            return torch.cat([product, torch.where(product != 0, product * scores, 0.0)], -1)

        return values


def _found(integrals: Array) -> Found:
    if not np.isfinite(integrals).all():
        raise NotApplicable("the cost is not finite where it has probability")
    value, *slopes = integrals.tolist()
    return value, tuple(slopes)


def _bent(term: Term) -> str | None:
    """An operation in a term that has a jump or a kink; None if there is none."""
    if term.operation in _BENT:
        return "a table" if term.operation == "table" else term.operation
    return next((found for each in term.operands if (found := _bent(each))), None)


def _magnitudes(density: Density, cost: Enclosure, u: Sequence[acb], within: Sequence[acb] | None) -> Array:
    """Bounds of p |f| and of p |f| times each score, as logarithms."""
    places = density.z(u)
    inside = None if within is None else density.z(within)
    value = cost(places, inside)
    within = [None] * len(u) if within is None else within  # type: ignore[list-item]
    weight = density.log_density(u, within).exp()
    p, f, *s = (_log_bound(ball) for ball in (weight, value, *density.scores(u, within)))
    if inside is None and not f < _LARGEST:
        f = _LARGEST
    with np.errstate(invalid="ignore"):
        return p + f + np.array([0.0, *s])  # nothing times anything is not known


def _log_bound(ball: acb) -> float:
    bound = ball.abs_upper()
    return -math.inf if bound == 0 else float(bound.log())


def _seen(density: Density) -> Box:
    """A box about the center, on which the sizes of integrals are looked for."""
    low = tuple(max(low, center - _LOOK * width) for low, center, width, _ in density.axes)
    high = tuple(min(high, center + _LOOK * width) for _, center, width, high in density.axes)
    return Box(low, high, (32,) * len(low))


def _integrals(integrands: Callable[[Tensor], Tensor], boxes: Sequence[Box]) -> Array:
    return sum(
        (w @ integrands(torch.from_numpy(u)).numpy() for u, w in batches(boxes, _NODES)),
        np.zeros(()),
    )


def _sizes(integrands: Callable[[Tensor], Tensor], boxes: Sequence[Box]) -> Array:
    """∫ |h| by the nodes of boxes."""
    found = _integrals(lambda u: integrands(u).abs().nan_to_num(0.0, 0.0), boxes)
    return found if found.shape else np.zeros(1)


def _regions(density: Density, boxes: Sequence[Box]) -> list[tuple[Array, Array]]:
    """Around the center, in each direction as far as boxes reach that matter."""
    center = np.array([middle for _, middle, _, _ in density.axes])
    found: dict[tuple[bool, ...], tuple[Array, Array]] = {}
    for box in boxes:
        low, high = np.array(box.low), np.array(box.high)
        side = tuple((low >= center).tolist())
        before = found.get(side, (low, high))
        found[side] = (np.minimum(before[0], low), np.maximum(before[1], high))
    return list(found.values())
