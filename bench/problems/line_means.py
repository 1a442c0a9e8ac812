"""Means of functions of single continuous numbers, by nodes that are laid for one theta."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from bench.distributions.line import Line
from bench.formula.splitting import NONE, Summand
from bench.problems.line_nodes import NOWHERE, Nodes, enclosed_gradient, nodes_of, refuse_other_costs

Place = tuple[Summand, tuple[float, ...]]
"""A function of one number, and the parameters of its distribution there, the anchor."""


@dataclass(frozen=True)
class LineMeans:
    """E g(z_d) of several pairs of a number d and a function g.

    Attributes:
        cls: the line of all numbers.
        pairs: coordinates and functions.
        parameters: of the line of each coordinate at one theta, `[1, D]` each, in float64.

    Raises:
        NotApplicable: by each method, if an integral does not converge.
    """

    cls: type[Line]
    pairs: tuple[tuple[int, Summand], ...]
    parameters: tuple[Tensor, ...]
    _laid: dict[Place, Nodes] = field(default_factory=dict, init=False, repr=False)
    _enclosed: dict[Place, tuple[float, list[float]]] = field(default_factory=dict, init=False, repr=False)

    def value(self, parameters: tuple[Tensor, ...]) -> Tensor:
        """Return the means where the lines have these parameters, `[R, D] -> [R, pairs]`, differentiable."""
        own = self._own(parameters)
        nodes = [each.to(own[0].device) for each in self._stacked]
        u, log_costs, signs, shifts, *anchor = nodes  # [K, 1, pairs] each; then [pairs]
        density = self.cls.log_density_of(u, anchor, *own)  # [K, R, pairs]
        return shifts + (signs * (density + log_costs).exp()).sum(0)

    def check(self, parameters: tuple[Tensor, ...]) -> Tensor:
        """Return the same by enclosures of the means and their slopes, for each row by itself."""
        own = self._own(parameters)
        flat = torch.stack([each.reshape(-1) for each in own], -1)  # [R · pairs, Q]
        found = [
            self._enclosed_at((self.pairs[i % len(self.pairs)][1], tuple(anchor)))
            for i, anchor in enumerate(flat.tolist())
        ]
        values = torch.tensor([value for value, _ in found], dtype=torch.float64)  # [R · pairs]
        slopes = torch.tensor([each for _, each in found], dtype=torch.float64)  # [R · pairs, Q]
        # Of the right value, and of the right slope in all on which the parameters depend.
        total = values + (slopes * (flat - flat.detach())).sum(-1)  # [R · pairs]
        return total.reshape(own[0].shape)

    def _own(self, parameters: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The parameters of each pair, `[R, pairs]`."""
        places = [d for d, _ in self.pairs]
        if places == list(range(parameters[0].shape[-1])):
            return parameters
        return tuple(each[..., places] for each in parameters)

    @cached_property
    def _stacked(self) -> list[Tensor]:
        """Places, costs, signs of all pairs side by side, `[K, 1, pairs]`; shifts, anchors, `[pairs]`."""
        own = self._own(self.parameters)
        flat = torch.stack([each.reshape(-1) for each in own], -1)  # [pairs, Q]
        places = [(g, tuple(anchor)) for (_, g), anchor in zip(self.pairs, flat.tolist(), strict=True)]
        every = [self._nodes_at(place) for place in places]
        columns = [
            _side_by_side([getattr(nodes, name) for nodes in every], filling)[:, None]
            for name, filling in (("u", 0.0), ("log_costs", -torch.inf), ("signs", 0.0))
        ]  # [K, 1, pairs] each
        shifts = torch.tensor([nodes.shift for nodes in every], dtype=torch.float64)  # [pairs]
        return [*columns, shifts, *(each[0] for each in own)]

    def _nodes_at(self, place: Place) -> Nodes:
        summand, anchor = place
        if summand is NONE:
            return NOWHERE
        if place not in self._laid:
            nodes = nodes_of(self.cls(*anchor), summand.enclosure)
            density = density_at(self.cls, torch.tensor(anchor, dtype=torch.float64), nodes.u)
            refuse_other_costs(nodes, density, summand(nodes.z))
            self._laid[place] = nodes
        return self._laid[place]

    def _enclosed_at(self, place: Place) -> tuple[float, list[float]]:
        summand, anchor = place
        if summand is NONE:
            return 0.0, [0.0] * len(anchor)
        if place not in self._enclosed:
            nodes = self._nodes_at(place)
            self._enclosed[place] = enclosed_gradient(self.cls(*anchor), summand.enclosure, nodes)
        return self._enclosed[place]


def density_at(cls: type[Line], anchor: Tensor, u: Tensor) -> Tensor:
    """The density on the line at the anchor itself, `[K]`."""
    parameters = anchor.unbind()
    return cls.log_density_of(u, parameters, *parameters).exp()


def _side_by_side(columns: list[Tensor], filling: float) -> Tensor:
    """Columns of different length, `[K, pairs]`; short ones are filled up."""
    K = max(len(column) for column in columns)
    filled = [torch.cat([column, column.new_full((K - len(column),), filling)]) for column in columns]
    return torch.stack(filled, 1)
