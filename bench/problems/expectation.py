"""The expectation of a formula under a named distribution, known exactly wherever it can be."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution

from bench.distributions.families import FAMILIES
from bench.distributions.written_mixture import read_law
from bench.errors import Invalid, KeyFault, collected, did_you_mean, invalid, shown
from bench.formula import Formula, Range
from bench.formula.constants import read_constants
from bench.formula.named import check_vector, cost_of
from bench.problem import Points, Problem, TruthKind
from bench.problems.means import Mean, mean_of


class Expectation(Problem):
    r"""F(θ) = E[f(z)] for z of a distribution named in the scenario and a cost f given as a formula.

    θ are those parameters of the distribution that are named in `parameters`, in that
    order and as they are written: `scale` or `log_scale`, `probs` or `logits`. A
    parameter written as a list of D numbers makes z a vector of D independent draws; one
    number is shared by all of them, and `repeat: 3` beside single numbers makes z three draws that share
    all. Rows of `logits` or `probs` of a `categorical` make z a vector with one number for each row.
    A `mixture` has `parts`, distributions by name, and their `probs` or `logits`; the parameters of a part
    are called `left.loc`. A `dirichlet` or `multivariate_normal` is a vector of
    dependent numbers; the `scale_tril` of the latter, or its `covariance_matrix` or
    `precision_matrix`, is a list of rows, and θ holds those up to the diagonal, one after
    another.

    The expectation is exact by enumeration of finite supports up to 2²⁰ values (and of the part that
    matters of infinite ones), by quadrature of one-dimensional integrals, where z is
    a number or the cost can be multiplied out into sums of products of functions of single numbers, and
    by cubature where it couples up to three numbers smoothly, each checked by a second rule with proven
    error. Where none of them fits, as where a comparison couples numbers, a long run takes its place.

    Args:
        distribution: `{name: {parameter: number, list of numbers or list of rows}}`.
        parameters: which of them are θ.
        cost: a formula of z: `sum`, `mean` and `dot` put its numbers together, `z[0]` and `z[1:3]` pick
            some; see `bench.formula`. Or one of `quadratic`, `bump`, `cosine`,
            `heaviside` and `rosenbrock` with its constants, `{bump: {k: 2}}`, summed over a
            vector z; see `bench.formula.named`.
        let: constants that the formula names, `{w: [1, -2], A: [[1, 2], [3, 4]]}`: numbers, lists and rows,
            as in `dot(w, z)`, `sum((z - w)**2)`, or the entry `f[z]` of a list at a whole number.
    """

    def __init__(
        self,
        distribution: dict[str, Any],
        parameters: list[str],
        cost: str | dict[str, Any],
        let: dict[str, Any] | None = None,
    ) -> None:
        with collected() as faults:
            with faults.under("distribution"):
                law = read_law(distribution)
            with faults.under("let"):
                constants = read_constants(let)
            if not any(fault.path[:1] == ("let",) for fault in faults.faults):
                with faults.under():
                    self.formula = _formula(cost, let or {}, constants)
            named = FAMILIES.get(next(iter(distribution), ""))
            if faults.faults and named is not None:  # what no such distribution has can be told all the same
                with faults.under("parameters"):
                    _check_names(parameters, named.names())
        self.law, self.dimensions, blocks = law, law.dimensions, law.blocks
        with collected() as faults:
            with faults.under("cost"):
                check_vector(cost, self.dimensions)
                self.formula.check(self.dimensions, Range(*law.limits, law.discrete))
            with faults.under("parameters"):
                self.parameters = _theta(parameters, blocks)
                _refuse_whole_numbers(parameters, law.whole)
        self.theta = torch.cat([blocks[key] for key in parameters])  # [P]
        self._named, self._rest = list(parameters), [key for key in blocks if key not in parameters]
        self._fixed = torch.cat([self.theta.new_empty(0), *(blocks[key] for key in self._rest)])
        self.width = max(1, self.dimensions)

    @property
    def event_dim(self) -> int:
        """1 if z is a vector, 0 if it is a number."""
        return int(self.dimensions > 0)

    @property
    def truth_kind(self) -> TruthKind:  # type: ignore[override]
        return "enumeration" if self.law.discrete else "quadrature"

    def distribution(self, theta: Tensor) -> Distribution:
        return self.law.make(
            self.law.values_of(theta, self._named) | self.law.values_of(self._fixed, self._rest)
        )

    def cost(self, x: Tensor, theta: Tensor) -> Tensor:
        return self.formula(x.to(theta.dtype), self.event_dim)

    def relaxed_cost(self, points: Tensor, theta: Tensor) -> Tensor:
        """The formula between the values of z, see `bench.formula.relaxation`."""
        classes = points.shape[-1] if points.dim() > 2 + self.event_dim else None
        return self.formula.relaxed(points.to(theta.dtype), self.dimensions, classes)

    def cost_terms(self, x: Tensor, theta: Tensor) -> tuple[Tensor | None, Tensor] | None:
        split = self.formula.split(self.dimensions)
        return None if split is None else (None, split.terms(x.to(theta.dtype)))

    def expectation(self, theta: Tensor) -> Tensor:
        return self._exact.value(self.distribution(theta))

    def expectation_check(self, theta: Tensor) -> Tensor:
        return self._exact.check(self.distribution(theta))

    def points(self, check: bool = False) -> Points:
        return self._exact.points(check)

    @cached_property
    def _exact(self) -> Mean:
        p = self.distribution(self.theta[None].detach().to("cpu", torch.float64))
        return mean_of(self.formula, p, self.dimensions)


def _formula(
    cost: str | Mapping[str, Any], let: Mapping[str, Any], constants: Mapping[str, Tensor]
) -> Formula:
    """The cost, with every constant in use.

    Raises:
        Invalid: with the path of what is wrong, from `cost` or `let` on.
    """
    try:
        found = cost_of(cost, let)
    except Invalid as error:
        raise error.under("cost") from error
    unused = found.unused if isinstance(cost, str) else list(constants)
    why = "the cost does not name it" if isinstance(cost, str) else "a cost by name has constants of its own"
    if unused:
        raise Invalid(*(KeyFault(f"{name} is not used: {why}", ("let", name)) for name in unused))
    return found


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
                f"{shown(name)} is no parameter of the distribution as given: "
                f"{', '.join(known)}{_near(name, known)}",
                i,
            )
        if name in names[:i]:
            raise invalid(f"{name} is named twice", i)


def _refuse_whole_numbers(names: list[str], whole: list[str]) -> None:
    for i, name in enumerate(names):
        if name in whole:
            raise invalid(f"{name} is a whole number, and has no gradient", i)


def _near(name: str, known: list[str]) -> str:
    hint = did_you_mean(name, known)
    return f"; {hint}" if hint.startswith("did") else ""


def _slices(names: list[str], blocks: Mapping[str, Tensor]) -> dict[str, slice]:
    """Return the place of each block when they are laid end to end."""
    ends = list(itertools.accumulate((len(blocks[name]) for name in names), initial=0))
    return {name: slice(*edges) for name, edges in zip(names, itertools.pairwise(ends), strict=True)}
