"""Nodes on a line that integrate a cost of one continuous number, and enclosures of the integrals."""

from __future__ import annotations

import functools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from flint import acb, arb, ctx
from torch import Tensor

from bench import quadrature
from bench.balls import BITS, Within
from bench.distributions.line import Line
from bench.enclosures import enclosed
from bench.formula.balls import Enclosure
from bench.problem import NotApplicable

_UNLIKELY = arb(2) ** -200  # a probability density below which a cost need not be defined
_HAIR = arb(2) ** -20
_BY_TORCH = 1e-9


@dataclass(frozen=True)
class Nodes:
    """Nodes for the integral of a cost against the density of one number.

    Attributes:
        u: places on the line, `[K]`.
        z: the numbers there, `[K]`, as near as float64 comes.
        weights: `[K]`.
        log_costs: logarithms of |f − shift| times the weights, `[K]`.
        signs: of f − shift, `[K]`.
        shift: a value that the cost has in the middle, taken out of the integral.
        log_sizes: logarithms of ∫ |f − shift| p, and times each score, roughly.
        cuts: places on the line on both sides of each jump.
    """

    u: Tensor
    z: Tensor
    weights: Tensor
    log_costs: Tensor
    signs: Tensor
    shift: float
    log_sizes: list[float]
    cuts: list[arb]


def nodes_of(line: Line, cost: Enclosure, powers: Sequence[int] = (1,), sway: float = 1.0) -> Nodes:
    """Return nodes at which a cost, and its product with each score, integrate to rounding.

    Args:
        line: the density.
        cost: f.
        powers: to which powers of both the nodes are fitted.
        sway: by how much the first intervals are stretched, for a second rule.

    Raises:
        NotApplicable: if an integral does not converge.
    """
    with ctx.workprec(BITS):
        shift = _shift(line, cost) if powers == (1,) else 0.0
        edges = line.edges()
        inner = [sway * edge for edge in edges[1:-1] if edges[0] < sway * edge < edges[-1]]
        rule = quadrature.rule_of(
            functools.partial(_magnitudes, line, cost, shift, powers),
            [edges[0], *inner, edges[-1]],
            line.far(),
        )
        costs = [cost(line.z(acb(u)), None).real - shift for u in rule.places]
        weights = _tensor(rule.weights)  # [K]
        return Nodes(
            u=_tensor([float(u) for u in rule.places]),
            z=_tensor([float(line.z(acb(u)).real) for u in rule.places]),
            weights=weights,
            log_costs=_tensor([_log_size(value) for value in costs]) + weights.log(),
            signs=_tensor([float(value.sgn()) for value in costs]),
            shift=shift,
            log_sizes=rule.log_sizes,
            cuts=rule.cuts,
        )


def _tensor(values: Sequence[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


_NO = _tensor([])
NOWHERE = Nodes(_NO, _NO, _NO, _NO, _NO, 0.0, [], [])
"""Those of a cost that does not depend on the number."""


def _log_size(value: arb) -> float:
    return float(abs(value).log()) if value != 0 else -torch.inf


def _shift(line: Line, cost: Enclosure) -> float:
    """The median of the cost at a few places near the mode."""
    found = [float(cost(line.z(acb(u)), None).real) for u in line.middle()]
    finite = [value for value in found if value == value and abs(value) < torch.inf]
    return statistics.median_low(finite) if finite else 0.0


def _factors(line: Line, cost: Enclosure, shift: float, u: acb, within: Within) -> tuple[acb, acb, list[acb]]:
    """Density, cost and scores in a ball; a cost is nothing where it is undefined and never goes."""
    density = line.log_density(u, within).exp()
    value = cost(line.z(u), None if within is None else line.z(within)) - shift
    if not value.is_finite() and within is None and density.abs_upper() < _UNLIKELY:
        value = acb(0) if _is_undefined(line, cost, u) else value
    return density, value, line.scores(u, within)


def _is_undefined(line: Line, cost: Enclosure, u: acb) -> bool:
    """Whether a cost has no value in an interval, or an end of it without, within a hair's breadth."""
    ends = [u] if u.real.rad() > _HAIR else [acb(u.real.lower()), acb(u.real.upper())]
    return any(cost(line.z(end), None).real.is_nan() for end in ends)


def _magnitudes(
    line: Line, cost: Enclosure, shift: float, powers: Sequence[int], u: acb, within: Within
) -> np.ndarray:
    """Bounds of p |h|^k for h = f and f s, and with higher powers for h = 1 and s as well."""
    density, value, scores = _factors(line, cost, shift, u, within)
    p, f, *s = (_log_bound(ball) for ball in (density, value, *scores))
    k, of_scores = np.array(powers)[:, None], np.array([0.0, *s])  # [powers, 1]; [1 + Q], with that of 1
    with np.errstate(invalid="ignore"):  # nothing times anything is not known
        found = p + k * (f + of_scores)  # [powers, 1 + Q]
        if powers != (1,):
            found = np.concatenate([[p], (p + k * of_scores[1:]).ravel(), found.ravel()])
    return found.ravel()


def _log_bound(ball: acb) -> float:
    """The logarithm of the largest size that a number in a ball has; nan if that is not known."""
    bound = ball.abs_upper()
    return -math.inf if bound == 0 else float(bound.log())


def _products(line: Line, cost: Enclosure, shift: float, u: acb, within: Within) -> list[acb]:
    density, value, scores = _factors(line, cost, shift, u, within)
    weighed = density * value
    return [weighed, *(weighed * score for score in scores)]


def enclosed_gradient(line: Line, cost: Enclosure, nodes: Nodes) -> tuple[float, list[float]]:
    """Return E[f] and its derivatives in the parameters of the line, by enclosures instead of nodes."""
    first, *_, last = line.edges()
    products = functools.partial(_products, line, cost, nodes.shift)
    balls = enclosed(products, [arb(first), *nodes.cuts, arb(last)], nodes.log_sizes)
    value, *slopes = (float(ball) for ball in balls)
    return nodes.shift + value, slopes


def refuse_other_costs(nodes: Nodes, density: Tensor, costs: Tensor) -> None:
    """Make sure that the cost in float64 is the cost that was integrated.

    Args:
        nodes: where it was.
        density: at `nodes.u`, `[K]`.
        costs: in float64 at `nodes.z`, `[K]`; where it is not finite it has overflowed.

    Raises:
        NotApplicable: if it is not.
    """
    beyond = nodes.signs * nodes.log_costs.exp() / nodes.weights  # [K], f − shift
    there = costs.isfinite() & beyond.isfinite()
    mass = (density * nodes.weights)[there]  # [K]
    error = (mass * (costs - nodes.shift - beyond).abs()[there]).sum()
    size = (mass * (beyond.abs() + abs(nodes.shift))[there]).sum()
    if not float(error) <= _BY_TORCH * float(size):
        raise NotApplicable(f"in float64 the cost has an error of {float(error / size):.1g} by rounding")
