"""Measure-valued derivatives of categorical variables, alone and in vectors."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from bench.catalogue import build
from bench.estimator import NotApplicable
from bench.exact import exact_moments, single_draws
from bench.problem import Problem
from bench.statistics.evidence import blocks_reported
from tests.cases import estimates_of, expectation, problem_of

VECTOR: dict[str, Any] = {
    "distribution": {"categorical": {"probs": [[0.2, 0.5, 0.3], [0.6, 0.1, 0.3]]}},
    "parameters": ["probs"],
    "cost": "(z[0] - 0.7)**2 * z[1] + cos(z[1])",
}


def vector() -> Problem:
    problem: Problem = build("problems", "expectation", VECTOR)
    return problem.to("cpu", torch.float64)


@pytest.mark.parametrize("coupled", [True, False])
def test_a_single_categorical_leaves_no_variance(coupled: bool) -> None:
    problem = problem_of("categorical")
    estimates = estimates_of(build("estimators", "measure_valued", {"coupled": coupled}), problem, 2, 50)
    theta = problem.theta[None].requires_grad_()
    (truth,) = torch.autograd.grad(problem.expectation(theta).sum(), theta)
    assert torch.allclose(estimates, truth.expand_as(estimates), rtol=1e-12)


def test_two_classes_are_a_bernoulli_variable() -> None:
    of_classes = expectation("sum(z)**2 + z[0]", ["logits"], categorical={"logits": [[0, 0.4], [0, -0.9]]})
    of_bits = expectation("sum(z)**2 + z[0]", ["logits"], bernoulli={"logits": [0.4, -0.9]})
    found = []
    for options in (of_classes, of_bits):
        problem = build("problems", options.pop("name"), options).to("cpu", torch.float64)
        draws = single_draws(problem, blocks_reported(problem.parameters, len(problem.theta)))
        found.append(exact_moments(build("estimators", "measure_valued", {}), 1, draws))
    for moments in ("mean", "variance"):
        classes, bits = (getattr(each, moments) for each in found)
        assert torch.allclose(classes[1::2], bits, rtol=1e-12)


@pytest.mark.parametrize("make", [vector, lambda: problem_of("table")], ids=["by probs", "by logits"])
def test_in_vectors_it_is_the_local_expectation(make: Any) -> None:
    problem = make()
    draws = single_draws(problem, blocks_reported(problem.parameters, len(problem.theta)))
    found, wanted = (
        exact_moments(build("estimators", name, {}), 3, draws)
        for name in ("measure_valued", "local_expectation")
    )
    assert torch.allclose(found.mean, wanted.mean, rtol=1e-12)
    assert torch.allclose(found.variance, wanted.variance, rtol=1e-12, atol=1e-20)
    assert float(wanted.variance.min()) > 1e-4
    same = [
        estimates_of(build("estimators", n, {}), problem, 3, 100)
        for n in ("measure_valued", "local_expectation")
    ]
    assert torch.allclose(same[0], same[1], rtol=1e-10)


def test_at_a_probability_of_zero_the_slope_is_there() -> None:
    problem = build(
        "problems",
        "expectation",
        {
            "distribution": {"categorical": {"probs": [0.0, 0.4, 0.6]}},
            "parameters": ["probs"],
            "cost": "(z + 1)**2",
        },
    ).to("cpu", torch.float64)
    found = estimates_of(build("estimators", "measure_valued", {}), problem, 1, 3)
    # f_k − E f, with E f = 0.4 · 4 + 0.6 · 9 = 7.
    wanted = torch.tensor([-6.0, -3.0, 2.0], dtype=torch.float64)
    assert torch.allclose(found, wanted.expand_as(found), rtol=1e-12)


def test_one_hot_vectors_are_refused() -> None:
    problem = vector()
    p = torch.distributions.OneHotCategorical(logits=torch.zeros(1, 3))
    problem.distribution = lambda _: p  # type: ignore[method-assign]
    with pytest.raises(NotApplicable, match="not independent"):
        build("estimators", "measure_valued", {}).gradient(problem, problem.theta[None].requires_grad_(), 1)
