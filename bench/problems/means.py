"""Expectations of a cost under a distribution, by whichever exact method fits the two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.distributions import Dirichlet, Distribution, MultivariateNormal

from bench.distributions.families import component
from bench.distributions.mixture import NormalMixture
from bench.distributions.named_mixture import NamedMixture
from bench.formula import Formula
from bench.problem import NotApplicable, Points
from bench.problems.coupled import Coupled
from bench.problems.densities import together
from bench.problems.factored import FactoredIntegral, FactoredSum
from bench.problems.integrals import Integral
from bench.problems.sums import Sum
from bench.problems.totals import OfTotal


class Mean(Protocol):
    """The methods of each: the value, the value by another rule, and the points of a rule."""

    def value(self, p: Distribution) -> Tensor: ...

    def check(self, p: Distribution) -> Tensor: ...

    def points(self, check: bool) -> Points: ...


def mean_of(formula: Formula, p: Distribution, dimensions: int) -> Mean:
    """E[f(z)] by the method that fits.

    Args:
        formula: the cost.
        p: the distribution of z at a theta, `[1]`, in float64.
        dimensions: of z; 0 if z is a number.

    Raises:
        NotApplicable: if there is none, or by each method where it does not apply after all.
    """
    if isinstance(p, NamedMixture):
        return OfMixture([mean_of(formula, part, dimensions) for part in p.parts], p)
    if _is_discrete(p):
        whole = Sum(formula, p, dimensions)
        if whole.can_be_enumerated:
            return whole
        term = formula.of_total(dimensions)
        if term is not None and (total := OfTotal(term, p, dimensions)).fits:
            return total
        parts = formula.parts(dimensions)
        return whole if parts is None else FactoredSum(parts, p)
    if isinstance(component(p), NormalMixture) and dimensions:
        raise NotApplicable("z consists of several numbers that are mixtures: no rule is laid over them")
    if formula.split(dimensions) is not None:
        return Integral(formula, p, dimensions)
    if isinstance(p, Dirichlet | MultivariateNormal):
        return OfAll(formula, dimensions)
    parts = formula.parts(dimensions)
    if parts is None:
        raise NotApplicable("the cost has numbers that are not finite")
    return FactoredIntegral(parts, p)


def _is_discrete(p: Distribution) -> bool:
    support: Any = component(p).support
    return bool(support.is_discrete)


@dataclass(frozen=True)
class OfAll:
    """E f of a cost that couples numbers which depend on one another."""

    formula: Formula
    dimensions: int

    def value(self, p: Distribution) -> Tensor:
        """Return the expectation under p, `[R]`, of the right slope in its parameters."""
        return self._coupled.value(together(p))

    def check(self, p: Distribution) -> Tensor:
        """Return the same by another rule."""
        return self._coupled.check(together(p))

    def points(self, check: bool) -> Points:
        """Refuse: no rule is laid over several numbers."""
        raise NotApplicable("x is a vector of several continuous numbers: no rule is laid over it")

    @cached_property
    def _coupled(self) -> Coupled:
        return Coupled(self.formula.of_coordinates(self.dimensions))


@dataclass(frozen=True)
class OfMixture:
    """Σ_k w_k E_k f of a mixture.

    Attributes:
        means: of each part.
        p: the mixture at a theta, `[1]`, in float64.
    """

    means: Sequence[Mean]
    p: NamedMixture

    def value(self, p: Distribution) -> Tensor:
        """Return the expectation under a mixture, `[R]`, differentiable."""
        assert isinstance(p, NamedMixture)
        each = [mean.value(part) for mean, part in zip(self.means, p.parts, strict=True)]
        return (p.weights.probs * torch.stack(each, -1)).sum(-1)

    def check(self, p: Distribution) -> Tensor:
        """Return the same by other rules."""
        assert isinstance(p, NamedMixture)
        each = [mean.check(part) for mean, part in zip(self.means, p.parts, strict=True)]
        return (p.weights.probs * torch.stack(each, -1)).sum(-1)

    def points(self, check: bool) -> Points:
        """Return those of all parts of a discrete mixture, with their weights.

        Raises:
            NotApplicable: if it is continuous: the rule of a part is not that of the scores of the mixture.
        """
        if not _is_discrete(self.p.parts[0]):
            raise NotApplicable("x is of a mixture of continuous distributions: no rule is laid over it")
        every = [mean.points(check) for mean in self.means]
        shares = self.p.weights.probs[0]
        weights = [share * points.weights for share, points in zip(shares, every, strict=True)]
        x = torch.cat([points.x for points in every])
        return Points(x, torch.cat(weights), min(points.power for points in every))
