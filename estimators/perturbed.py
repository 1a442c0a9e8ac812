"""The shared part of the zeroth-order estimators: costs at points beside θ."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution

from bench import noise
from bench.distributions.families import component
from bench.distributions.named_mixture import NamedMixture
from bench.problem import NotApplicable, Problem


def differences(problem: Problem, ahead: Tensor, behind: Tensor, sample_size: int, common: bool) -> Tensor:
    """Costs of samples at points ahead less those of samples at points behind, no gradients taken.

    A sampler whose use of random numbers depends on its parameters, such as that of a
    gamma or Poisson, may fall out of step where they are common: its samples are then less
    alike, but still of the distributions that they should be of.

    Args:
        problem: what is evaluated.
        ahead: S points for each row of theta, `[S, R, P]`.
        behind: as many.
        sample_size: N, the samples at each point.
        common: whether both sides share their random numbers.

    Returns:
        `[N, S, R]`.
    """
    with torch.no_grad():
        with noise.common(ahead.device) if common else nullcontext():
            up = _values(problem, ahead, sample_size)
        return up - _values(problem, behind, sample_size)


def _values(problem: Problem, points: Tensor, sample_size: int) -> Tensor:
    """One-sample estimates of F, `[S, R, P] -> [N, S, R]`."""
    if problem.data_per_row:
        return torch.stack([_at(problem, theta, sample_size) for theta in points], 1)
    return _at(problem, points.flatten(0, 1), sample_size).reshape(-1, *points.shape[:2])


def _at(problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
    """f(x, θ) + a(θ), the mean over the items, x ~ p(x; θ): `[R, P] -> [N, R]`."""
    p = problem.distribution(theta)
    if not _is_defined(component(p)):
        raise NotApplicable("the step leads out of the set of θ for which p is defined")
    cost = problem.cost(p.sample((sample_size,)), theta)  # [N, R, (B)]
    value = cost if cost.dim() == 2 else cost.mean(2)  # [N, R]
    term = problem.analytic_term(theta, p)  # [R, (B)]
    return value if term is None else value + (term if term.dim() == 1 else term.mean(1))


def _is_defined(law: Distribution) -> bool:
    """Whether the parameters by which the distribution was given are such as it can have."""
    if isinstance(law, NamedMixture):
        return _is_defined(law.weights) and all(_is_defined(component(part)) for part in law.parts)
    constraints: Mapping[str, Any] = law.arg_constraints
    given = [(vars(law)[name], constraint) for name, constraint in constraints.items() if name in vars(law)]
    return all(bool(constraint.check(value).all()) for value, constraint in given)
