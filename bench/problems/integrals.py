"""The expectation of a cost of continuous numbers, each integrated by itself."""

from __future__ import annotations

from collections.abc import Sequence
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
from bench.formula import Formula
from bench.formula.splitting import Split
from bench.problem import NotApplicable, Points
from bench.problems.line_means import LineMeans, density_at
from bench.problems.line_nodes import nodes_of

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

    formula: Formula
    p: Distribution
    dimensions: int
    _points: dict[bool, Points] = field(default_factory=dict, init=False, repr=False)

    def value(self, p: Distribution) -> Tensor:
        """Return the expectation under p, `[R]`, differentiable."""
        return self._total(p, self._means.value(parameters_of(p)))

    def check(self, p: Distribution) -> Tensor:
        """Return the same by enclosures of F and its slopes in the parameters, for each row by itself."""
        return self._total(p, self._means.check(parameters_of(p)))

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
        shares = shares_of(self.p)
        if shares is None:
            lines: list[Line] = [cls(*flat[0].tolist())]
        else:
            lines = [MixtureLine(c, shares[0].tolist(), flat.tolist()) for c in range(len(flat))]
        found = []
        ((_, summand),) = self._split.summands
        for c, line in enumerate(lines):
            nodes = nodes_of(line, summand.enclosure, powers, stretch)
            share = 1.0 if shares is None else shares[0, c]
            found.append((nodes.z, share * nodes.weights * density_at(cls, flat[c], nodes.u)))
        z, weights = (torch.cat(each) for each in zip(*found, strict=True))
        values = z[:, None, None] if self.dimensions else z[:, None]  # [K, 1, (1)]
        if not bool((z.isfinite() & self.p.log_prob(values)[:, 0].isfinite()).all()):
            raise NotApplicable("x rounds to the edge of its support in float64")
        return z, weights / weights.sum()

    def _total(self, p: Distribution, each: Tensor) -> Tensor:
        """The expectation from that of each number, or of each part of a mixture, `[R, D] -> [R]`."""
        shares, split = shares_of(p), self._split
        if shares is not None:
            return split.constant + (shares * each).sum(-1)
        return split.constant + weighed(each, [factor for factor, _ in split.summands]).sum(-1)

    @cached_property
    def _means(self) -> LineMeans:
        cls, _ = line_of(parts_of(self.p))
        parameters = parameters_of(self.p)
        summands = [summand for _, summand in self._split.summands]
        if isinstance(self.p, NormalMixture):
            summands *= parameters[0].shape[-1]
        return LineMeans(cls, tuple(enumerate(summands)), parameters)

    @cached_property
    def _split(self) -> Split:
        found = self.formula.split(self.dimensions)
        if found is None:
            raise NotApplicable("the cost does not split into a sum over the draws")
        return found


def weighed(each: Tensor, factors: Sequence[float]) -> Tensor:
    """Numbers times their factors, `[R, n]`; as they are where all factors are 1."""
    return each * each.new_tensor(factors) if any(factor != 1 for factor in factors) else each


def parts_of(p: Distribution) -> Distribution:
    """Return the distributions of single numbers that are integrated, `[R, (D)]`: of a mixture its parts."""
    if isinstance(p, NormalMixture):
        return p.component_distribution
    return component(p)


def shares_of(p: Distribution) -> Tensor | None:
    """The probabilities of the parts of a mixture, `[R, parts]`."""
    return p.mixture_distribution.probs if isinstance(p, NormalMixture) else None


def parameters_of(p: Distribution) -> tuple[Tensor, ...]:
    """The parameters of the lines of all numbers, `[R, D]` each, or `[R, 1]`."""
    _, parameters = line_of(parts_of(p))
    return tuple(each[..., None] for each in parameters) if parameters[0].ndim == 1 else parameters
