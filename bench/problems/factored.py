"""The expectation of a cost that couples independent numbers, multiplied out into products of functions."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from flint import acb
from torch import Tensor
from torch.distributions import Distribution

from bench.balls import Within
from bench.distributions.families import component
from bench.distributions.lines import line_of
from bench.formula.products import Factor, Parts
from bench.formula.splitting import NONE, Summand
from bench.problem import NotApplicable, Points
from bench.problems.coupled import Coupled
from bench.problems.densities import independent
from bench.problems.integrals import parameters_of, weighed
from bench.problems.line_means import LineMeans
from bench.problems.sums import (
    NEGLIGIBLE,
    NOTHING,
    any_power,
    costs_of_states,
    marginals,
    mean_of_states,
    support_of,
)


class Factored(ABC):
    r"""E[c + Σ_d a_d g_d(z_d) + Σ_k w_k Π_j h_kj] = c + Σ_d a_d E g_d + Σ_k w_k Π_j E h_kj.

    Args:
        parts: the cost.
        p: the distribution of z at a theta, `[1]`, in float64; the numbers are independent.

    Raises:
        NotApplicable: by each method, if one of the means is not known.
    """

    def __init__(self, parts: Parts, p: Distribution) -> None:
        self.parts, self.p = parts, p
        known: dict[tuple[tuple[int, ...], Hashable], int] = {}
        self.pairs = [(d, g) for d, (_, g) in enumerate(parts.summands)]
        self.joint: list[Factor] = []
        functions: dict[Hashable, Summand] = {}
        self._products: list[tuple[float, list[int], list[int]]] = []
        for weight, factors in parts.products:
            single: list[int] = []
            several: list[int] = []
            for factor in factors:
                place = (factor.coordinates, factor.key)
                if place not in known and len(factor.coordinates) == 1:
                    known[place] = len(self.pairs)
                    g = functions.setdefault(factor.key, Summand(((1.0, factor.term),)))
                    self.pairs.append((factor.coordinates[0], g))
                elif place not in known:
                    known[place] = len(self.joint)
                    self.joint.append(factor)
                (single if len(factor.coordinates) == 1 else several).append(known[place])
            self._products.append((weight, single, several))

    def value(self, p: Distribution) -> Tensor:
        """Return the expectation under p, `[R]`, differentiable."""
        return self._put_together(*self.means(p, check=False))

    def check(self, p: Distribution) -> Tensor:
        """Return the same by means that a second rule finds."""
        return self._put_together(*self.means(p, check=True))

    def points(self, check: bool) -> Points:
        """Refuse: no rule is laid over all numbers together."""
        raise NotApplicable("x is a vector of several numbers that are integrated over one by one")

    @abstractmethod
    def means(self, p: Distribution, check: bool) -> tuple[Tensor, list[Tensor]]:
        """The means of the functions of single numbers, `[R, pairs]`, and of the others, `[R]` each."""

    def _put_together(self, single: Tensor, joint: Sequence[Tensor]) -> Tensor:
        factors = [factor for factor, _ in self.parts.summands]
        total = self.parts.constant + weighed(single[:, : len(factors)], factors).sum(-1)  # [R]
        columns = single.unbind(-1)
        for weight, places, others in self._products:
            total = total + weight * math.prod([*(columns[i] for i in places), *(joint[i] for i in others)])
        return total


class FactoredIntegral(Factored):
    """Means under continuous numbers: of functions of one by quadrature, of two or three by cubature."""

    def means(self, p: Distribution, check: bool) -> tuple[Tensor, list[Tensor]]:
        parameters = parameters_of(p)
        single = self._lines.check(parameters) if check else self._lines.value(parameters)
        joint = [
            (each.check if check else each.value)(independent(p, factor.coordinates))
            for factor, each in zip(self.joint, self._cubatures, strict=True)
        ]
        return single, joint

    @cached_property
    def _lines(self) -> LineMeans:
        cls, _ = line_of(component(self.p))
        return LineMeans(cls, tuple(self.pairs), parameters_of(self.p))

    @cached_property
    def _cubatures(self) -> list[Coupled]:
        return [Coupled(factor.term) for factor in self.joint]


@dataclass(frozen=True)
class _Laid:
    """Values of each number, and what the functions are worth there."""

    supports: list[Tensor]
    single: list[Tensor]
    joint: list[Tensor]


class FactoredSum(Factored):
    """Means under discrete numbers: each function by a sum over the values of those on which it depends."""

    def __init__(self, parts: Parts, p: Distribution) -> None:
        super().__init__(parts, p)
        self._known: dict[float, _Laid] = {}

    def means(self, p: Distribution, check: bool) -> tuple[Tensor, list[Tensor]]:
        laid = self._laid(NOTHING if check else NEGLIGIBLE)
        masses = marginals(component(p), laid.supports, 1)  # [R, K] each
        device = masses[0].device
        single = [masses[d] @ cost.to(device) for (d, _), cost in zip(self.pairs, laid.single, strict=True)]
        joint = [
            mean_of_states(cost.to(device), [masses[d] for d in factor.coordinates])
            for factor, cost in zip(self.joint, laid.joint, strict=True)
        ]
        return torch.stack(single, -1), joint

    def _laid(self, left_out: float) -> _Laid:
        if left_out not in self._known:
            law = component(self.p)
            supports = [
                support_of(law, d, self._size_of(d), left_out) for d in range(len(self.parts.summands))
            ]
            self._known[left_out] = _Laid(
                supports,
                [g(supports[d]) for d, g in self.pairs],
                [
                    costs_of_states([supports[d] for d in factor.coordinates], _plain(factor))
                    for factor in self.joint
                ],
            )
        return self._known[left_out]

    def _size_of(self, d: int) -> Callable[[acb, Within], acb]:
        """A bound of all functions of a number; those that couple it may not grow faster than a power."""
        own = [g.enclosure for place, g in self.pairs if place == d and g is not NONE]
        every = [*own, *(any_power for factor in self.joint if d in factor.coordinates)]
        return lambda z, within: acb(1 + sum(each(z, within).abs_upper() for each in every))


def _plain(factor: Factor) -> Callable[[Tensor], Tensor]:
    def cost(z: Tensor) -> Tensor:
        value = factor.term.value(z, 0)
        assert isinstance(value, Tensor)
        return value

    return cost
