"""The expectation of a formula under a named distribution, known exactly wherever it can be."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution

from bench import quadrature
from bench.distributions.families import LOG, Family, component, support
from bench.distributions.given import Value, given
from bench.distributions.lines import line_of
from bench.errors import collected, invalid, shown
from bench.formula.named import cost_of
from bench.problem import NotApplicable, Problem, TruthKind

_STATES = 1 << 16  # of a vector of discrete draws, at most


class Expectation(Problem):
    r"""F(θ) = E[f(z)] for z of a distribution named in the scenario and a cost f given as a formula.

    θ are those parameters of the distribution that are named in `parameters`, in that
    order and as they are written: `scale` or `log_scale`, `probs` or `logits`. A
    parameter written as a list of D numbers makes z a vector of D independent draws; one
    number is shared by all of them. A `dirichlet` or `multivariate_normal` is a vector of
    dependent numbers; the `scale_tril` of the latter is a list of rows, and θ holds those
    up to the diagonal, one after another.

    The expectation is exact by enumeration of finite supports (and of the part that
    matters of infinite ones), else by quadrature of one-dimensional integrals, where z is
    a number or the cost a sum over the numbers of which z consists.

    Args:
        distribution: `{name: {parameter: number, list of numbers or list of rows}}`.
        parameters: which of them are θ.
        cost: a formula of z, see `bench.formula`; or one of `quadratic`, `bump`, `cosine`,
            `heaviside` and `rosenbrock` with its constants, `{bump: {k: 2}}`, summed over a
            vector z; see `bench.formula.named`.
    """

    def __init__(
        self,
        distribution: dict[str, dict[str, Value]],
        parameters: list[str],
        cost: str | dict[str, Any],
    ) -> None:
        with collected() as faults:
            with faults.under("distribution"):
                law = given(distribution)
            with faults.under("cost"):
                self.formula = cost_of(cost)
        self.family, self.dimensions, blocks = law.family, law.dimensions, law.blocks
        with collected() as faults:
            with faults.under("cost"):
                self.formula.check(self.event_dim)
            with faults.under("parameters"):
                self.parameters = _theta(parameters, blocks)
                _refuse_whole_numbers(parameters, law.family)
        self.theta = torch.cat([blocks[key] for key in parameters])  # [P]
        fixed = [key for key in blocks if key not in parameters]
        self._fixed = torch.cat([self.theta.new_empty(0), *(blocks[key] for key in fixed)])
        self._theta_sizes = {key: len(blocks[key]) for key in parameters}
        self._fixed_sizes = {key: len(blocks[key]) for key in fixed}
        self.width = max(1, self.dimensions)

    @property
    def event_dim(self) -> int:
        """1 if z is a vector, 0 if it is a number."""
        return int(self.dimensions > 0)

    @property
    def truth_kind(self) -> TruthKind:  # type: ignore[override]
        return "enumeration" if self._discrete else "quadrature"

    def distribution(self, theta: Tensor) -> Distribution:
        values = self._split(theta, self._theta_sizes) | self._split(self._fixed, self._fixed_sizes)
        return self.family.make(values, self.event_dim)

    def cost(self, x: Tensor, theta: Tensor) -> Tensor:
        return self.formula(x.to(theta.dtype), self.event_dim)

    def cost_terms(self, x: Tensor, theta: Tensor) -> tuple[None, Tensor] | None:
        split = self.formula.additive(self.width)
        return None if split is None else (None, split[1](x.to(theta.dtype)))

    def expectation(self, theta: Tensor) -> Tensor:
        return self._expectation(theta, 0)

    def expectation_check(self, theta: Tensor) -> Tensor:
        return self._expectation(theta, 1)

    def _expectation(self, theta: Tensor, which: int) -> Tensor:
        p = self.distribution(theta)
        if self._discrete and (states := self._states(p, which)) is not None:
            return _sum_over(states, p, self.formula(states.to(theta.dtype), self.event_dim))
        split = self.formula.additive(max(1, self.dimensions))
        if split is None:
            raise NotApplicable("the cost does not split into a sum over the draws")
        constant, each = split
        single = component(p)
        if self._discrete:
            z = support(p, 1 + which)  # [K]
            z = z[:, None, None] if self.event_dim else z[:, None]  # [K, 1, (1)]
            total = _sum_over(z, single, each(z.to(theta.dtype)))
        else:
            z, weights = self._nodes[which]  # [K, (D)] each
            z, weights = z[:, None], weights[:, None]  # [K, 1, (D)]
            total = (weights * each(z) * single.log_prob(z).exp()).sum(0)  # [R, (D)]
        return constant + (total.sum(-1) if self.event_dim else total)

    @cached_property
    def _nodes(self) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
        """Nodes and weights in z of the two rules, `[K, (D)]` each, for the integral of each draw."""
        found = [self._rules_of_draw(d) for d in range(max(1, self.dimensions))]
        first, second = (_stacked([rules[i] for rules in found], self.event_dim) for i in (0, 1))
        return first, second

    def _rules_of_draw(self, d: int) -> list[tuple[Tensor, Tensor]]:
        theta = self.theta.to(torch.float64)
        single = component(self.distribution(theta[None]))
        transform: Any = line_of(single)
        each = self._each

        @torch.enable_grad()
        def integrand(u: Tensor) -> Tensor:
            """Density, cost × density, and its derivatives in θ, on the real line: `[K, 2 + P]`."""
            rows = theta.expand(len(u), -1).requires_grad_()  # [K, P]
            z = transform(u)  # [K]
            log_prob = component(self.distribution(rows)).log_prob(z[:, None] if self.event_dim else z)
            log_prob = log_prob[:, d] if self.event_dim else log_prob  # [K]
            (score,) = torch.autograd.grad(log_prob.sum(), rows)  # [K, P]
            log_density = log_prob.detach() + transform.log_abs_det_jacobian(u, z)  # [K]
            # Far out z overflows, or rounds to the edge of its support: nothing is there.
            there = log_density.isfinite() & ((transform.inv(z) - u).abs() < 1)
            density = torch.where(there, log_density.exp(), 0.0)  # [K]
            weighed = torch.where(density > 0, each(z) * density, 0.0)
            return torch.cat([density[:, None], weighed[:, None], weighed[:, None] * score.nan_to_num()], 1)

        center, scale = _center_and_scale(single, transform, d)
        return [
            (z := transform(rule.nodes), rule.weights * transform.log_abs_det_jacobian(rule.nodes, z).exp())
            for rule in quadrature.rules(integrand, center, scale)
        ]

    @property
    def _each(self) -> Any:
        split = self.formula.additive(max(1, self.dimensions))
        assert split is not None
        return split[1]

    @property
    def _discrete(self) -> bool:
        return bool(self.family.cls.support.is_discrete)  # type: ignore[attr-defined]

    def _states(self, p: Distribution, which: int) -> Tensor | None:
        """All values of z, `[S, 1, (D)]`, if they are not too many."""
        if self.family.joint:
            return None
        single = support(p, 1 + which)  # [S]
        if not self.event_dim:
            return single[:, None]
        if len(single) ** self.dimensions > _STATES:
            return None
        return torch.cartesian_prod(*[single] * self.dimensions).reshape(-1, 1, self.dimensions)

    def _split(self, values: Tensor, sizes: Mapping[str, int]) -> dict[str, Tensor]:
        """Each parameter by name, as torch wants it: a vector or a single number, along the last axis."""
        vectors = self.event_dim or self.family.vector
        lengths = list(sizes.values())
        parts = values.split(lengths, -1) if vectors else values.unbind(-1)  # type: ignore[no-untyped-call]
        return dict(zip(sizes, parts, strict=True))


def _sum_over(states: Tensor, p: Distribution, cost: Tensor) -> Tensor:
    """Σ p(z) f(z) over the first axis."""
    return (p.log_prob(states).exp() * cost).sum(0)


def _stacked(rules: list[tuple[Tensor, Tensor]], event_dim: int) -> tuple[Tensor, Tensor]:
    """One rule for each draw side by side, `[K, D]`; shorter ones are filled up with weight zero."""
    if not event_dim:
        return rules[0]
    K = max(len(nodes) for nodes, _ in rules)
    nodes = torch.stack([torch.cat([z, z[-1:].expand(K - len(z))]) for z, _ in rules], 1)
    weights = torch.stack([torch.cat([w, w.new_zeros(K - len(w))]) for _, w in rules], 1)
    return nodes, weights


def _center_and_scale(p: Distribution, transform: Any, d: int) -> tuple[float, float]:
    """Where on the real line the d-th number is, and how wide."""
    mean, deviation = p.mean.reshape(-1)[d], p.stddev.reshape(-1)[d]
    if not (mean.isfinite() and deviation.isfinite()):  # heavy tails
        mean, deviation = p.loc.reshape(-1)[d], p.scale.reshape(-1)[d]  # type: ignore[attr-defined]
    center = transform.inv(mean)
    slope = transform.log_abs_det_jacobian(center, mean).exp()
    return float(center), float(deviation / slope)


def _theta(names: list[str], blocks: Mapping[str, Tensor]) -> dict[str, slice]:
    """Where in θ each of the named parameters is."""
    if not names:
        raise invalid(f"wanted at least one of {', '.join(blocks)}: θ is empty")
    for i, name in enumerate(names):
        if name not in blocks:
            raise invalid(
                f"{shown(name)} is no parameter of the distribution as given: {', '.join(blocks)}", i
            )
        if name in names[:i]:
            raise invalid(f"{name} is named twice", i)
    return _slices(names, blocks)


def _refuse_whole_numbers(names: list[str], family: Family) -> None:
    for i, name in enumerate(names):
        if family.constraint(name.removeprefix(LOG)).is_discrete:
            raise invalid(f"{name} is a whole number, and has no gradient", i)


def _slices(names: list[str], blocks: Mapping[str, Tensor]) -> dict[str, slice]:
    """Where each block is when they are laid end to end."""
    ends = list(itertools.accumulate((len(blocks[name]) for name in names), initial=0))
    return {name: slice(*edges) for name, edges in zip(names, itertools.pairwise(ends), strict=True)}
