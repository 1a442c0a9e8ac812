"""The expectation of a cost of continuous numbers, each integrated by itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor
from torch.distributions import Distribution

from bench.distributions.families import component
from bench.distributions.line import Line
from bench.distributions.lines import line_of
from bench.distributions.mixture import NormalMixture
from bench.distributions.normal_lines import MixtureLine
from bench.formula.named import Cost
from bench.formula.splitting import NONE, Split, Summand
from bench.problem import NotApplicable, Points
from bench.problems.line_nodes import (
    NOWHERE,
    Nodes,
    enclosed_gradient,
    nodes_of,
    refuse_other_costs,
)

Place = tuple[Summand, tuple[float, ...]]
"""A function of one number, and the parameters of its distribution there, the anchor."""
_STRETCHED = 0.83  # the first intervals of a second rule, so that no edge but the middle is a common one


@dataclass(frozen=True)
class Integral:
    """E[c + Σ_d g(z_d)] by quadrature that is laid for one theta and serves those near it.

    A mixture of normals is the sum of its parts, each integrated at its own place and scale.

    Attributes:
        formula: the cost.
        p: the distribution of z at that theta, `[1]`, in float64.
        dimensions: of z; 0 if z is a number.

    Raises:
        NotApplicable: by each method, if the cost couples the numbers or an integral does not converge.
    """

    formula: Cost
    p: Distribution
    dimensions: int
    _laid: dict[Place, Nodes] = field(default_factory=dict, init=False, repr=False)
    _enclosed: dict[Place, tuple[float, list[float]]] = field(default_factory=dict, init=False, repr=False)
    _points: dict[bool, Points] = field(default_factory=dict, init=False, repr=False)

    def value(self, p: Distribution) -> Tensor:
        """Return the expectation under p, `[R]`, differentiable."""
        cls, parameters = line_of(parts_of(p))
        nodes = [each.to(parameters[0].device) for each in self._stacked]
        u, log_costs, signs, shifts, *anchor = nodes  # [K, 1, (D)] each; then [(D)]
        density = cls.log_density_of(u, anchor, *parameters)  # [K, R, (D)]
        return self._total(p, shifts + (signs * (density + log_costs).exp()).sum(0))

    def check(self, p: Distribution) -> Tensor:
        """Return the same by enclosures of F and its slopes in the parameters, for each row by itself."""
        cls, parameters = line_of(parts_of(p))
        flat = torch.stack([each.reshape(-1) for each in parameters], -1)  # [R · D, Q]
        each = self._summands(parameters[0].shape[-1] if parameters[0].ndim > 1 else 1)
        found = [
            self._enclosed_at(cls, (each[i % len(each)], tuple(anchor))) for i, anchor in enumerate(flat.tolist())
        ]
        values = torch.tensor([value for value, _ in found], dtype=torch.float64)  # [R · D]
        slopes = torch.tensor([each for _, each in found], dtype=torch.float64)  # [R · D, Q]
        # Of the right value, and of the right slope in all on which the parameters depend.
        total = values + (slopes * (flat - flat.detach())).sum(-1)  # [R · D]
        return self._total(p, total.reshape(parameters[0].shape))

    def points(self, check: bool) -> Points:
        """Return nodes for moments up to the fourth, or to the second where the fourth do not converge."""
        if check not in self._points:
            self._points[check] = self._new_points(_STRETCHED if check else 1.0)
        return self._points[check]

    def _new_points(self, stretch: float) -> Points:
        if max(1, self.dimensions) > 1:
            raise NotApplicable("x is a vector of several continuous numbers: no rule is laid over it")
        for power in (4, 2):
            try:
                z, weights = self._moments(tuple(k for k in (1, 2, 4) if k <= power), stretch)  # [K] each
            except NotApplicable as error:
                reason = error
            else:
                return Points(z[:, None, None] if self.dimensions else z[:, None], weights, power)
        raise NotApplicable(f"squares of the cost, or of cost times score, are not known: {reason}")

    def _moments(self, powers: tuple[int, ...], stretch: float) -> tuple[Tensor, Tensor]:
        """Numbers and their weights, `[K]` each."""
        cls, parameters = line_of(parts_of(self.p))
        flat = torch.stack([each.reshape(-1) for each in parameters], -1)  # [1 or parts, Q]
        shares = _shares(self.p)
        if shares is None:
            lines: list[Line] = [cls(*flat[0].tolist())]
        else:
            lines = [MixtureLine(c, shares[0].tolist(), flat.tolist()) for c in range(len(flat))]
        found = []
        for c, line in enumerate(lines):
            nodes = nodes_of(line, self._summands(1)[0].enclosure, powers, stretch)
            share = 1.0 if shares is None else shares[0, c]
            found.append((nodes.z, share * nodes.weights * _density(cls, flat[c], nodes.u)))
        z, weights = (torch.cat(each) for each in zip(*found, strict=True))
        values = z[:, None, None] if self.dimensions else z[:, None]  # [K, 1, (1)]
        if not bool((z.isfinite() & self.p.log_prob(values)[:, 0].isfinite()).all()):
            raise NotApplicable("x rounds to the edge of its support in float64")
        return z, weights / weights.sum()

    def _total(self, p: Distribution, each: Tensor) -> Tensor:
        """The expectation from that of each number, or of each part of a mixture, `[R, (D)] -> [R]`."""
        shares, split = _shares(p), self._split
        if shares is not None:
            return split.constant + (shares * each).sum(-1)
        if any(factor != 1 for factor, _ in split.summands):
            each = each * each.new_tensor([factor for factor, _ in split.summands])
        return split.constant + (each.sum(-1) if self.dimensions else each)

    def _summands(self, count: int) -> list[Summand]:
        """The function of each number, or of each part of a mixture, the same of all."""
        found = [summand for _, summand in self._split.summands]
        return found if len(found) == count else [found[0]] * count

    @cached_property
    def _nodes(self) -> list[Nodes]:
        cls, parameters = line_of(parts_of(self.p))
        flat = torch.stack([each.reshape(-1) for each in parameters], -1)  # [D or 1, Q]
        places = zip(self._summands(len(flat)), map(tuple, flat.tolist()), strict=True)
        return [self._nodes_at(cls, place) for place in places]

    @cached_property
    def _stacked(self) -> list[Tensor]:
        """Places, costs and signs of all numbers side by side, `[K, 1, (D)]`; shifts and anchors, `[(D)]`."""
        _, parameters = line_of(parts_of(self.p))
        several = parameters[0].ndim > 1
        columns = [
            _side_by_side([getattr(nodes, name) for nodes in self._nodes], filling)
            for name, filling in (("u", 0.0), ("log_costs", -torch.inf), ("signs", 0.0))
        ]  # [K, D or 1] each
        shifts = torch.tensor([nodes.shift for nodes in self._nodes], dtype=torch.float64)  # [D or 1]
        rows = [shifts, *(each[0].reshape(-1) for each in parameters)]
        if several:
            return [*(column[:, None] for column in columns), *rows]
        return [*columns, *(row[0] for row in rows)]

    def _nodes_at(self, cls: type[Line], place: Place) -> Nodes:
        summand, anchor = place
        if summand is NONE:
            return NOWHERE
        if place not in self._laid:
            nodes = nodes_of(cls(*anchor), summand.enclosure)
            density = _density(cls, torch.tensor(anchor, dtype=torch.float64), nodes.u)
            refuse_other_costs(nodes, density, summand(nodes.z))
            self._laid[place] = nodes
        return self._laid[place]

    def _enclosed_at(self, cls: type[Line], place: Place) -> tuple[float, list[float]]:
        summand, anchor = place
        if summand is NONE:
            return 0.0, [0.0] * len(anchor)
        if place not in self._enclosed:
            nodes = self._nodes_at(cls, place)
            self._enclosed[place] = enclosed_gradient(cls(*anchor), summand.enclosure, nodes)
        return self._enclosed[place]

    @cached_property
    def _split(self) -> Split:
        found = self.formula.split(self.dimensions)
        if found is None:
            raise NotApplicable("the cost does not split into a sum over the draws")
        return found


def parts_of(p: Distribution) -> Distribution:
    """Return the distributions of single numbers that are integrated, `[R, (D)]`: of a mixture its parts."""
    if isinstance(p, NormalMixture):
        return p.component_distribution
    return component(p)


def _shares(p: Distribution) -> Tensor | None:
    """The probabilities of the parts of a mixture, `[R, parts]`."""
    return p.mixture_distribution.probs if isinstance(p, NormalMixture) else None


def _density(cls: type[Line], anchor: Tensor, u: Tensor) -> Tensor:
    """The density on the line at the anchor itself, `[K]`."""
    parameters = anchor.unbind()
    return cls.log_density_of(u, parameters, *parameters).exp()


def _side_by_side(columns: list[Tensor], filling: float) -> Tensor:
    """Columns of different length, `[K, D]`; short ones are filled up."""
    K = max(len(column) for column in columns)
    filled = [torch.cat([column, column.new_full((K - len(column),), filling)]) for column in columns]
    return torch.stack(filled, 1)
