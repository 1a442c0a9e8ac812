"""The z-scores by which other tests judge means: they see a bias that is there.

That estimators have none is what `bench certify` tests, see `tests/test_certify.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch
from torch import Tensor

from bench.engine.truth import exact_gradient
from bench.estimator import Claim, Estimator, gradient_of
from bench.problem import Problem
from tests.cases import estimates_of, problem_of

# Several hundred coordinates are tested below. |z| > 5.5 has probability 4e-8 for a normal, so
# that the whole battery raises a false alarm with probability below 1e-5; estimates are
# means of N = 4 and R = 20 000, far enough from heavy tails for this to hold nearly.
Z_LIMIT = 5.5
SAMPLE_SIZE = 4
REPLICATES = 20_000


def z_scores(estimates: Tensor, truth: Tensor, truth_error: Tensor | float = 0.0) -> Tensor:
    """(mean − truth) / standard error of each coordinate, `[P]`; where nothing varies, 0 if exact, else ∞."""
    difference = estimates.mean(0) - truth
    error = (estimates.var(0) / len(estimates) + truth_error**2).sqrt()
    exact = difference.abs() <= 1e-12 * truth.abs().clamp(min=1.0)
    return torch.where(error > 1e-12, difference / error, torch.where(exact, 0.0, torch.inf))


@dataclass(frozen=True)
class OwnSample(Estimator):
    """A mutant: the baseline is the mean cost of all samples, and the gradient shrinks by (N − 1)/N."""

    bias: ClassVar[Claim] = "unbiased"

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        p = problem.distribution(theta)
        x = p.sample((sample_size,))
        cost = problem.cost(x, theta).detach()
        return gradient_of(theta, (p.log_prob(x), cost - cost.mean(0)), problem.analytic_term(theta, p))


@dataclass(frozen=True)
class Summed(Estimator):
    """A mutant: a sum over the samples where a mean is meant."""

    bias: ClassVar[Claim] = "unbiased"

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        p = problem.distribution(theta)
        return sample_size * gradient_of(theta, problem.cost(p.rsample((sample_size,)), theta))


@pytest.mark.parametrize("mutant", [OwnSample(), Summed()], ids=repr)
@pytest.mark.parametrize("problem_name", ["gaussian", "normals", "gamma"])
def test_the_test_has_power(mutant: Estimator, problem_name: str) -> None:
    problem = problem_of(problem_name)
    truth = exact_gradient(problem).gradient
    assert truth is not None
    assert z_scores(estimates_of(mutant, problem, SAMPLE_SIZE, REPLICATES), truth).abs().max() > 2 * Z_LIMIT


def test_a_baseline_with_its_own_sample_shrinks_the_gradient_by_a_quarter() -> None:
    problem = problem_of("gaussian")
    estimates = estimates_of(OwnSample(), problem, SAMPLE_SIZE, REPLICATES)
    assert z_scores(estimates, torch.tensor([3.0], dtype=torch.float64)).abs().max() < Z_LIMIT
