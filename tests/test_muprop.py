"""MuProp: its stated values, its traps, what does not fit, and a control that must be flagged."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch
from torch import Tensor

from bench.catalogue import build
from bench.certification.problems import PROBLEMS
from bench.distributions.choices import choices_of
from bench.estimator import NotApplicable, gradient_of
from bench.problem import Problem
from estimators.muprop import Muprop
from estimators.relaxed_slopes import cost_and_slope
from tests.cases import expectation, problem_of
from tests.discrete_items import FEW, flagged
from tests.stated import Stated, faults_of

A = expectation("(sum(z) - 1.3)**2", ["logits"], bernoulli={"logits": [0.7, -1.1, 0.2]})
TRUTH = (-0.00018895, 0.15664938, 0.0583781)


def logit(p: float) -> float:
    return math.log(p / (1 - p))


def bit(p: float, t: float) -> dict[str, Any]:
    return expectation(f"(z - {t})**2", ["logits"], bernoulli={"logits": logit(p)})


STATED = [
    Stated(("muprop", {}), A, TRUTH, (0.29198126, 0.31723654, 0.27129795), known=True),
    Stated(("simple_muprop", {}), A, TRUTH, (0.23389135, 0.43608624, 0.26158497), known=True),
    Stated(("reinforce", {}), A, TRUTH, (0.24226475, 0.44757291, 0.27060139), known=True),
    *(
        # Of one Bernoulli variable and a quadratic cost, whatever t is.
        Stated(("muprop", {}), bit(p, t), None, (variance,), digits=6, known=True)
        for p, variance in ((0.2, 0.043264), (0.5, 0.015625), (0.7, 0.028749))
        for t in (0.45, -1.7)
    ),
]


@pytest.mark.parametrize("stated", STATED, ids=lambda stated: f"{stated.estimator[0]}-{stated.variance}")
def test_means_and_variances_are_the_stated_ones(stated: Stated) -> None:
    assert faults_of(stated) == []


def test_another_variance_is_a_fault() -> None:
    wrong = Stated(("muprop", {}), A, TRUTH, (0.29198126, 0.31723654, 0.24), known=True)
    assert len(faults_of(wrong)) == 2  # of the exact one and of the measured one


def enumerated(logits: list[float], target: float, order: int) -> tuple[list[float], list[float]]:
    """Mean and variance of each coordinate for (Σ b − t)², state by state."""
    D = len(logits)
    p = [1 / (1 + math.exp(-each)) for each in logits]
    f = lambda b: (sum(b) - target) ** 2  # noqa: E731
    slope = 2 * (sum(p) - target) * order
    first, second = [0.0] * D, [0.0] * D
    for b in itertools.product((0, 1), repeat=D):
        weight = math.prod(p[i] if b[i] else 1 - p[i] for i in range(D))
        left = f(b) - f(p) - sum(slope * (b[i] - p[i]) for i in range(D))
        for i in range(D):
            g = left * (b[i] - p[i]) + slope * p[i] * (1 - p[i])
            first[i] += weight * g
            second[i] += weight * g * g
    return first, [second[i] - first[i] ** 2 for i in range(D)]


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize(("logits", "target"), [([-0.4, 1.3], 0.8), ([0.5, -0.2, 1.1, -2.0], 2.6)])
def test_variances_at_other_parameters(logits: list[float], target: float, order: int) -> None:
    problem = expectation(f"(sum(z) - {target})**2", ["logits"], bernoulli={"logits": logits})
    mean, variance = enumerated(logits, target, order)
    assert faults_of(Stated(("muprop", {"order": order}), problem, mean, variance, known=True)) == []
    assert faults_of(Stated(("muprop", {"order": 1 - order}), problem, mean, variance, known=True)) != []


def test_it_is_worse_than_the_plain_score_in_two_of_three_coordinates_and_better_in_total() -> None:
    plain, controlled = STATED[2].variance, STATED[0].variance
    assert isinstance(plain, tuple)
    assert isinstance(controlled, tuple)
    assert [a > b for a, b in zip(controlled, plain, strict=True)] == [True, False, True]
    assert sum(controlled) == pytest.approx(0.8805, abs=5e-5)
    assert sum(plain) == pytest.approx(0.9604, abs=5e-5)


def test_a_cost_of_classes_that_is_linear_leaves_the_score_of_a_constant() -> None:
    # f(e_c) is linear in the one-hot vector: what is left of the cost is zero, and the estimate certain.
    table = {**expectation("f[z]", ["logits"], categorical={"logits": [0.3, -0.4, 0.9]})}
    table["let"] = {"f": [1.5, -0.3, 0.4]}
    pi = torch.tensor([0.3, -0.4, 0.9], dtype=torch.float64).softmax(0)
    f = torch.tensor(table["let"]["f"], dtype=torch.float64)
    stated = Stated(("muprop", {}), table, (pi * (f - pi @ f)).tolist(), (0.0, 0.0, 0.0), known=True)
    assert faults_of(stated) == []


class WithoutItsMean(Muprop):
    """The expansion is subtracted, and the gradient of its mean not added."""

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        p = problem.distribution(theta)
        choices = choices_of(p)
        x = p.sample((sample_size,))
        mean = choices.probs.detach()[None]
        value, slope = cost_and_slope(problem, mean, theta.detach())
        cost = problem.cost(x, theta)
        left = cost.detach() - value.detach() - choices.total(slope * (choices.corner_of(x) - mean))
        return gradient_of(theta, (p.log_prob(x), left), cost, problem.analytic_term(theta, p))


@pytest.mark.slow
@pytest.mark.parametrize("order", [0, 1])
def test_nothing_is_flagged_with_items_and_classes(order: int) -> None:
    assert not flagged(build("estimators", "muprop", {"order": order}))


@pytest.mark.slow
def test_without_the_mean_of_the_expansion_it_is_flagged() -> None:
    assert "bias" in flagged(WithoutItsMean(), replicates=FEW)
    assert "bias" in flagged(WithoutItsMean(), {"bernoullis": PROBLEMS["bernoullis"]}, FEW)


def test_what_does_not_fit_is_said() -> None:
    with pytest.raises(NotApplicable, match="independent choices"):
        _estimate("gaussian")
    jump = expectation("z > 0.3", ["logits"], bernoulli={"logits": 0.4})
    problem = build("problems", jump.pop("name"), jump)
    with pytest.raises(NotApplicable, match="comparison"):
        Muprop().gradient(problem, problem.theta[None].requires_grad_(), 2)


def _estimate(name: str) -> Tensor:
    problem = problem_of(name)
    return Muprop().gradient(problem, problem.theta[None].requires_grad_(), 2)
