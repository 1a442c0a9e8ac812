"""Bounds on log evidence: their exact gradients, and the estimators that know how they are made."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from bench.catalogue import build
from bench.engine.streams import Address, stream
from bench.engine.truth import exact_gradient
from bench.estimator import Estimator, NotApplicable
from bench.problem import Problem
from tests.cases import VARIATIONAL, VARIATIONAL_ESTIMATORS, estimates_of, estimator_of, problem_of
from tests.test_exact_variances import variance_z
from tests.test_unbiasedness import z_scores

CPU = torch.device("cpu")
# About 1000 coordinates are compared. |z| > 5.5 has probability 4e-8 for a normal: the whole
# file raises a false alarm with probability below 1e-4.
Z_LIMIT = 5.5
SAMPLE_SIZE, REPLICATES = 2, 10_000
GENERAL = ["reinforce", "leave_one_out", "reparameterization"]


def problem_from(name: str, **options: object) -> Problem:
    problem: Problem = build("problems", name, options)
    return problem.to("cpu", torch.float64)


def truth_of(problem: Problem) -> Tensor:
    gradient = exact_gradient(problem).gradient
    assert gradient is not None
    return gradient


def drawn(estimator: Estimator, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
    """Estimates at the given rows of θ, from one and the same stream."""
    with stream(Address(0, "test", sample_size, "estimates", 0), CPU):
        return estimator.gradient(problem, theta.detach().requires_grad_(), sample_size)


# --- the batteries, for these problems and these estimators ---------------------------------------


@pytest.mark.parametrize("name", VARIATIONAL)
def test_the_expectation_is_the_mean_cost(name: str) -> None:
    problem = problem_of(name)
    R = min(20_000, 4_000_000 // problem.width)
    theta = problem.theta[None]
    with torch.no_grad(), stream(Address(0, "truth", R, "test", 0), CPU):
        p = problem.distribution(theta)
        cost = problem.cost(p.sample((R,)), theta).reshape(R, -1).mean(1)  # [R]
        z = (cost.mean() - problem.expectation(theta)[0]) / (cost.std() / R**0.5)
    assert abs(float(z)) < Z_LIMIT
    # What would be noticed: ten standard errors are at most a few percent of the cost's own size.
    assert 10 * float(cost.std()) / R**0.5 < 0.1 * max(1.0, abs(float(cost.mean())))


@pytest.mark.parametrize("name", VARIATIONAL)
def test_each_row_of_theta_has_its_own_expectation(name: str) -> None:
    problem = problem_of(name)
    rows = problem.theta * torch.tensor([[1.0], [1.01], [0.99]], dtype=torch.float64)  # [3, P]
    values = problem.expectation(rows)  # [3]
    alone = torch.cat([problem.expectation(row[None]) for row in rows])
    assert values.shape == (3,)
    torch.testing.assert_close(values, alone, rtol=1e-12, atol=1e-12)
    assert len(set(values.tolist())) == 3


@pytest.mark.parametrize("problem_name", VARIATIONAL)
@pytest.mark.parametrize("estimator_name", [*GENERAL, *VARIATIONAL_ESTIMATORS])
def test_estimates_average_to_the_exact_gradient(estimator_name: str, problem_name: str) -> None:
    estimator, problem = estimator_of(estimator_name), problem_of(problem_name)
    if estimator.bias != "unbiased":
        pytest.skip(f"it is {estimator.bias}")
    try:
        estimates = estimates_of(estimator, problem, SAMPLE_SIZE, REPLICATES)
    except NotApplicable as reason:
        pytest.skip(str(reason))
    assert z_scores(estimates, truth_of(problem)).abs().max() < Z_LIMIT


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("problem_name", VARIATIONAL)
@pytest.mark.parametrize("estimator_name", [*GENERAL, *VARIATIONAL_ESTIMATORS])
def test_rows_are_estimated_apart_and_in_the_type_of_theta(
    estimator_name: str, problem_name: str, dtype: torch.dtype
) -> None:
    problem, estimator = problem_of(problem_name).to("cpu", dtype), estimator_of(estimator_name)
    theta = problem.theta.repeat(4, 1)
    moved = theta.clone()
    moved[-1] *= 1.01
    try:
        before, after = drawn(estimator, problem, theta, 3), drawn(estimator, problem, moved, 3)
    except NotApplicable as reason:
        pytest.skip(str(reason))
    assert before.shape == theta.shape
    assert before.dtype == dtype
    assert before.isfinite().all()
    assert torch.equal(before[:-1], after[:-1])
    assert not torch.equal(before[-1], after[-1])


@pytest.mark.parametrize("estimator_name", VARIATIONAL_ESTIMATORS)
@pytest.mark.parametrize("problem_name", ["gaussian", "vae-analytic_kl", "vae-analytic_entropy"])
def test_what_has_no_log_weight_is_refused(estimator_name: str, problem_name: str) -> None:
    problem = problem_of(problem_name)
    with pytest.raises(NotApplicable):
        drawn(estimator_of(estimator_name), problem, problem.theta.expand(2, -1), 2)


# --- sticking the landing -------------------------------------------------------------------------


@pytest.mark.parametrize(("m", "s"), [(0.6, 0.7), (-0.4, 1.3)])
def test_variances_on_the_gaussian_elbo(m: float, s: float) -> None:
    problem = problem_from("gaussian_elbo", loc=m, scale=s)
    gap = (1 / s - s) ** 2
    exact = {
        "reparameterization": [s**2, m**2 + 2 * s**2],
        "sticking_the_landing": [gap, m**2 + 2 * gap],
    }
    for name, wanted in exact.items():
        estimates = estimates_of(estimator_of(name), problem, 1, 20_000)
        assert variance_z(estimates, torch.tensor(wanted, dtype=torch.float64)).abs().max() < 5
        assert variance_z(estimates, 0.8 * torch.tensor(wanted, dtype=torch.float64)).abs().min() > 5


@pytest.mark.parametrize(
    "model", [{}, {"data": [-0.5, 2.0], "noise": 0.7, "prior_loc": 0.3, "prior_scale": 1.4}]
)
def test_at_the_posterior_nothing_is_left_of_it(model: dict[str, float]) -> None:
    problem = problem_from("gaussian_elbo", **model)
    loc, scale = problem.posterior()  # type: ignore[attr-defined]
    optimum = problem_from("gaussian_elbo", **model, loc=loc, scale=scale)
    assert truth_of(optimum).abs().max() < 1e-14
    assert estimates_of(estimator_of("sticking_the_landing"), optimum, 3, 1000).abs().max() < 1e-13
    assert estimates_of(estimator_of("reparameterization"), optimum, 3, 1000).abs().max() > 0.1
