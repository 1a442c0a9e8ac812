"""Double control variates: stated values, groups enumerated by hand, and a control that must be flagged."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch
from torch import Tensor

from bench.catalogue import build
from bench.centering import centered
from bench.certification.problems import PROBLEMS
from bench.errors import Invalid
from bench.estimator import NotApplicable, gradient_of
from bench.exact import exact_moments, single_draws
from bench.problem import Problem
from bench.statistics.evidence import blocks_reported
from estimators.double_cv import DoubleCv, _terms
from tests.cases import expectation, fitted_to
from tests.discrete_items import FEW, flagged
from tests.stated import Stated, faults_of
from tests.test_muprop import TRUTH, A

NAME = "double_cv"


def stated(alpha: float, variance: Any, **others: Any) -> Stated:
    return Stated((NAME, {"coefficient": alpha}), A, TRUTH, variance, sample_size=2, known=True, **others)


STATED = [
    stated(0.0, 0.52555185),
    stated(0.0, (0.14847591, 0.20551268, 0.17156326)),
    stated(-0.5, 0.67194837),
    stated(0.34213, 0.49661174),
]


@pytest.mark.parametrize("case", STATED, ids=lambda case: str(case.estimator[1]))
def test_means_and_variances_are_the_stated_ones(case: Stated) -> None:
    assert faults_of(case) == []


def test_another_variance_is_a_fault() -> None:
    assert len(faults_of(stated(0.34213, 0.52555185))) == 2


def test_with_the_sign_flipped_it_is_unbiased_and_worse() -> None:
    flipped, plain, best = (total(alpha) for alpha in (-0.34213, 0.0, 0.34213))
    assert best < plain < flipped
    assert faults_of(stated(-0.34213, flipped)) == []


def total(alpha: float) -> float:
    return float(exact(alpha, build_problem(A)).variance.sum())


def build_problem(options: dict[str, Any]) -> Problem:
    options = dict(options)
    problem: Problem = build("problems", options.pop("name"), options)
    return problem.to("cpu", torch.float64)


def exact(alpha: float | str, problem: Problem, sample_size: int = 2) -> Any:
    estimator = fitted_to(build("estimators", NAME, {"coefficient": alpha}), problem, sample_size)
    draws = single_draws(problem, blocks_reported(problem.parameters, len(problem.theta)))
    return exact_moments(estimator, sample_size, draws)


def test_the_variance_is_a_square_of_the_coefficient_whose_minimum_is_fitted() -> None:
    low, none, high = (total(alpha) for alpha in (-1.0, 0.0, 1.0))
    curvature, slope = (low + high) / 2 - none, (high - low) / 2
    assert -slope / (2 * curvature) == pytest.approx(0.34213, abs=5e-6)
    assert none - slope**2 / (4 * curvature) == pytest.approx(0.49661174, abs=5e-9)
    # 4096 estimates tell α within some percent, and the variance to its square.
    fitted = float(exact("optimal", build_problem(A)).variance.sum())
    assert 0.49661174 - 1e-8 < fitted < 1.01 * 0.49661174


def by_hand(logits: list[float], target: float, alpha: float, K: int) -> tuple[Tensor, Tensor]:
    """Mean and variance for (Σ b − t)², group by group."""
    D = len(logits)
    p = torch.tensor(logits, dtype=torch.float64).sigmoid()
    first, second = torch.zeros(D, dtype=torch.float64), torch.zeros(D, dtype=torch.float64)
    for bits in itertools.product((0.0, 1.0), repeat=D * K):
        b = torch.tensor(bits, dtype=torch.float64).reshape(K, D)
        weight = float(torch.where(b > 0.5, p, 1 - p).prod())
        f, slope = (b.sum(1) - target) ** 2, 2 * (b.sum(1) - target)
        g = torch.zeros(D, dtype=torch.float64)
        h = [
            f[k] + alpha * sum(slope[j] for j in range(K) if j != k) / (K - 1) * (b[k] - p).sum()
            for k in range(K)
        ]
        for k in range(K):
            baseline = sum(h[j] for j in range(K) if j != k) / (K - 1)
            g += ((h[k] - baseline) * (b[k] - p) - alpha * slope[k] * p * (1 - p)) / K
        first += weight * g
        second += weight * g * g
    return first, second - first**2


@pytest.mark.parametrize(("logits", "K", "alpha"), [([-0.4, 1.3], 3, 0.6), ([0.5, -0.2], 4, -0.4)])
def test_variances_of_other_groups(logits: list[float], K: int, alpha: float) -> None:
    problem = expectation("(sum(z) - 0.8)**2", ["logits"], bernoulli={"logits": logits})
    mean, variance = by_hand(logits, 0.8, alpha, K)
    case = Stated((NAME, {"coefficient": alpha}), problem, mean.tolist(), variance.tolist(), K, known=True)
    assert faults_of(case) == []
    off = Stated((NAME, {"coefficient": 0.0}), problem, mean.tolist(), variance.tolist(), K, known=True)
    assert faults_of(off) != []


def test_without_a_coefficient_it_is_the_leave_one_out_baseline() -> None:
    problem = build_problem(A)
    draws = single_draws(problem, blocks_reported(problem.parameters, len(problem.theta)))
    for K in (2, 3):
        plain = exact_moments(build("estimators", "rloo", {}), K, draws)
        found = exact(0.0, problem, K)
        assert torch.allclose(found.mean, plain.mean, atol=1e-12)
        assert torch.allclose(found.variance, plain.variance, rtol=1e-10)


def test_of_a_linear_cost_nothing_is_left() -> None:
    # The slopes are known from any sample, so that with α = −1 h is the same constant for all of them.
    linear = expectation("sum(z) - 2*z[0]", ["logits"], bernoulli={"logits": [0.7, -1.1, 0.2]})
    assert float(exact(-1.0, build_problem(linear)).variance.sum()) < 1e-20
    assert float(exact("optimal", build_problem(linear)).variance.sum()) < 1e-20
    assert float(exact(1.0, build_problem(linear)).variance.sum()) > 0.01


class WithoutItsMean(DoubleCv):
    """The linear terms are added, and the gradient of their mean is not taken off."""

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        (log_prob, cost), (linear, _), rest = _terms(problem, theta, sample_size)
        return gradient_of(theta, (log_prob, centered(cost + 0.3 * linear)), *rest)


@pytest.mark.slow
@pytest.mark.parametrize("coefficient", ["optimal", 0.3, -0.8])
def test_nothing_is_flagged_with_items_and_classes(coefficient: float | str) -> None:
    assert not flagged(build("estimators", NAME, {"coefficient": coefficient}))


@pytest.mark.slow
def test_without_the_mean_of_the_linear_terms_it_is_flagged() -> None:
    assert "bias" in flagged(WithoutItsMean(0.3), replicates=FEW)
    assert "bias" in flagged(WithoutItsMean(0.3), {"bernoullis": PROBLEMS["bernoullis"]}, FEW)


def test_what_does_not_fit_is_said() -> None:
    problem = build_problem(A)
    with pytest.raises(NotApplicable, match="N is 1"):
        DoubleCv(0.3).gradient(problem, problem.theta[None].requires_grad_(), 1)
    with pytest.raises(Invalid, match="coefficient must be finite"):
        build("estimators", NAME, {"coefficient": math.inf})
    many = expectation("sum(z)**2", ["logits"], bernoulli={"logits": [0.1] * 9})
    with pytest.raises(NotApplicable, match=r"512\^2 values, and at most 65536"):
        exact(0.3, build_problem(many))
