"""The expectation of a formula under a named distribution, known exactly wherever it can be."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution

from bench.distributions.families import FAMILIES, LOG, Family
from bench.distributions.written_distribution import Value, read_distribution
from bench.errors import collected, invalid, shown
from bench.formula.named import cost_of
from bench.problem import Points, Problem, TruthKind
from bench.problems.integrals import Integral
from bench.problems.sums import Sum


class Expectation(Problem):
    r"""F(θ) = E[f(z)] for z of a distribution named in the scenario and a cost f given as a formula.

    θ are those parameters of the distribution that are named in `parameters`, in that
    order and as they are written: `scale` or `log_scale`, `probs` or `logits`. A
    parameter written as a list of D numbers makes z a vector of D independent draws; one
    number is shared by all of them. A `dirichlet` or `multivariate_normal` is a vector of
    dependent numbers; the `scale_tril` of the latter, or its `covariance_matrix` or
    `precision_matrix`, is a list of rows, and θ holds those up to the diagonal, one after
    another.

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
                law = read_distribution(distribution)
            with faults.under("cost"):
                self.formula = cost_of(cost)
            named = FAMILIES.get(next(iter(distribution), ""))
            if faults.faults and named is not None:  # what no such distribution has can be told all the same
                with faults.under("parameters"):
                    _check_names(parameters, named.names())
        self.family, self.dimensions, blocks = law.family, law.dimensions, law.blocks
        with collected() as faults:
            with faults.under("cost"):
                self.formula.check(self.dimensions)
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
        split = self.formula.split(self.dimensions)
        return None if split is None else (None, split.terms(x.to(theta.dtype)))

    def expectation(self, theta: Tensor) -> Tensor:
        return self._exact.value(self.distribution(theta))

    def expectation_check(self, theta: Tensor) -> Tensor:
        return self._exact.check(self.distribution(theta))

    def points(self, check: bool = False) -> Points:
        return self._exact.points(check)

    @cached_property
    def _exact(self) -> Sum | Integral:
        p = self.distribution(self.theta[None].detach().to("cpu", torch.float64))
        return (Sum if self._discrete else Integral)(self.formula, p, self.dimensions)

    @property
    def _discrete(self) -> bool:
        return bool(self.family.cls.support.is_discrete)  # type: ignore[attr-defined]

    def _split(self, values: Tensor, sizes: Mapping[str, int]) -> dict[str, Tensor]:
        """Each parameter by name, as torch wants it: a vector or a single number, along the last axis."""
        vectors = self.event_dim or self.family.vector
        lengths = list(sizes.values())
        if vectors:
            parts = values.split(lengths, -1)  # type: ignore[no-untyped-call]
        elif len(lengths) == 1:
            parts = (values.squeeze(-1),)  # whose slope is a view, where that of a part is a copy
        else:
            parts = values.unbind(-1)
        return dict(zip(sizes, parts, strict=True))


def _theta(names: list[str], blocks: Mapping[str, Tensor]) -> dict[str, slice]:
    """Return the place in θ of each of the named parameters."""
    _check_names(names, list(blocks))
    return _slices(names, blocks)


def _check_names(names: list[str], known: list[str]) -> None:
    if not names:
        raise invalid(f"wanted at least one of {', '.join(known)}: θ is empty")
    for i, name in enumerate(names):
        if name not in known:
            raise invalid(
                f"{shown(name)} is no parameter of the distribution as given: {', '.join(known)}", i
            )
        if name in names[:i]:
            raise invalid(f"{name} is named twice", i)


def _refuse_whole_numbers(names: list[str], family: Family) -> None:
    for i, name in enumerate(names):
        if family.constraint(name.removeprefix(LOG)).is_discrete:
            raise invalid(f"{name} is a whole number, and has no gradient", i)


def _slices(names: list[str], blocks: Mapping[str, Tensor]) -> dict[str, slice]:
    """Return the place of each block when they are laid end to end."""
    ends = list(itertools.accumulate((len(blocks[name]) for name in names), initial=0))
    return {name: slice(*edges) for name, edges in zip(names, itertools.pairwise(ends), strict=True)}
