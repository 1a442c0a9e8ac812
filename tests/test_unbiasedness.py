"""Every estimator that claims to be unbiased is, on every problem that it applies to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch
from torch import Tensor

from bench.engine.truth import exact_gradient
from bench.estimator import Claim, Estimator, NotApplicable, gradient_of
from bench.problem import Problem
from tests.cases import ESTIMATORS, PROBLEMS, VAES, estimates_of, estimator_of, problem_of

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


@pytest.mark.parametrize("problem_name", [name for name in PROBLEMS if name != "product"])
@pytest.mark.parametrize("estimator_name", ESTIMATORS)
def test_estimates_average_to_the_exact_gradient(estimator_name: str, problem_name: str) -> None:
    estimator, problem = estimator_of(estimator_name), problem_of(problem_name)
    assert estimator.bias == "unbiased"
    try:
        estimates = estimates_of(estimator, problem, SAMPLE_SIZE, REPLICATES)
    except NotApplicable as reason:
        pytest.skip(str(reason))
    truth = exact_gradient(problem).gradient
    assert truth is not None
    assert z_scores(estimates, truth).abs().max() < Z_LIMIT


@pytest.mark.parametrize("problem_name", ["product", *VAES])
@pytest.mark.parametrize("estimator_name", [name for name in ESTIMATORS if name != "reparameterization"])
def test_estimators_agree_where_the_truth_is_not_known(estimator_name: str, problem_name: str) -> None:
    problem = problem_of(problem_name)
    try:
        estimates = estimates_of(estimator_of(estimator_name), problem, SAMPLE_SIZE, 2_000)
    except NotApplicable as reason:
        pytest.skip(str(reason))
    reference = estimates_of(estimator_of("reparameterization"), problem, 16, 1_000, seed=1)
    error = (reference.var(0) / len(reference)).sqrt()
    assert z_scores(estimates, reference.mean(0), error).abs().max() < Z_LIMIT


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
