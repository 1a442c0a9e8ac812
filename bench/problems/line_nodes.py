"""Nodes on a line that integrate a cost of one continuous number, and enclosures of the integrals."""

from __future__ import annotations

import functools
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from flint import acb, arb, ctx
from torch import Tensor

from bench import quadrature
from bench.balls import BITS
from bench.distributions.line import Line
from bench.problem import NotApplicable

BallCost = Callable[[acb, bool], acb]
"""A cost in ball arithmetic, see `bench.formula.balls`."""

_NOWHERE = arb(2) ** -200  # a probability density below which a cost need not be defined
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
        sizes: roughly ∫ |f − shift| p, and times each score.
    """

    u: Tensor
    z: Tensor
    weights: Tensor
    log_costs: Tensor
    signs: Tensor
    shift: float
    sizes: list[float]


def nodes_of(line: Line, cost: BallCost, powers: Sequence[int] = (1,), sway: float = 1.0) -> Nodes:
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
        costs = [cost(line.z(acb(u)), False).real - shift for u in rule.places]
        weights = _tensor(rule.weights)  # [K]
        return Nodes(
            u=_tensor([float(u) for u in rule.places]),
            z=_tensor([float(line.z(acb(u)).real) for u in rule.places]),
            weights=weights,
            log_costs=_tensor([_log_size(value) for value in costs]) + weights.log(),
            signs=_tensor([float(value.sgn()) for value in costs]),
            shift=shift,
            sizes=rule.sizes,
        )


def _tensor(values: Sequence[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def _log_size(value: arb) -> float:
    return float(abs(value).log()) if value != 0 else -torch.inf


def _shift(line: Line, cost: BallCost) -> float:
    """The median of the cost at a few places near the mode."""
    found = [float(cost(line.z(acb(u)), False).real) for u in line.middle()]
    finite = [value for value in found if value == value and abs(value) < torch.inf]
    return statistics.median_low(finite) if finite else 0.0


def _factors(line: Line, cost: BallCost, shift: float, u: acb, analytic: bool) -> tuple[acb, acb, list[acb]]:
    """Density, cost and scores in a ball; a cost is nothing where it is undefined and never goes."""
    density = line.log_density(u, analytic).exp()
    value = cost(line.z(u), analytic) - shift
    if not value.is_finite() and not analytic and density.abs_upper() < _NOWHERE:
        value = acb(0) if _is_undefined(line, cost, u) else value
    return density, value, line.scores(u, analytic)


def _is_undefined(line: Line, cost: BallCost, u: acb) -> bool:
    """Whether a cost has no value in an interval, or an end of it without, within a hair's breadth."""
    ends = [u] if u.real.rad() > _HAIR else [acb(u.real.lower()), acb(u.real.upper())]
    return any(cost(line.z(end), False).real.is_nan() for end in ends)


def _magnitudes(
    line: Line, cost: BallCost, shift: float, powers: Sequence[int], u: acb, analytic: bool
) -> list[arb]:
    """Upper bounds of p |h|^k for h = f and f s, and with higher powers for h = 1 and s as well."""
    density, value, scores = _factors(line, cost, shift, u, analytic)
    p, f, *s = (ball.abs_upper() for ball in (density, value, *scores))
    found = [p * (f * each) ** k for k in powers for each in (arb(1), *s)]
    return found if powers == (1,) else [p, *(p * each**k for k in powers for each in s), *found]


def _products(line: Line, cost: BallCost, shift: float, u: acb, analytic: bool) -> list[acb]:
    density, value, scores = _factors(line, cost, shift, u, analytic)
    weighed = density * value
    return [weighed, *(weighed * score for score in scores)]


def enclosed_gradient(line: Line, cost: BallCost, nodes: Nodes) -> tuple[float, list[float]]:
    """Return E[f] and its derivatives in the parameters of the line, by enclosures instead of nodes."""
    edges = line.edges()
    balls = quadrature.enclosed(
        functools.partial(_products, line, cost, nodes.shift), edges[0], edges[-1], nodes.sizes
    )
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
