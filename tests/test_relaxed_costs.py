"""Costs between the values of a discrete x: at the values the cost itself."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from bench.catalogue import build
from bench.distributions.choices import choices_of
from bench.problem import NotApplicable, Problem

TABLE = [[1, 2, 0.5], [0.3, -1.5, 1], [2, 0.1, -0.7]]
PAIR = {"categorical": {"logits": [[0.3, -0.4, 0.9], [0.1, 0.5, -0.2]]}}
BITS = {"bernoulli": {"logits": [0.7, -1.1, 0.2]}}

CASES: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "table of two": ("dot(w, z) + (z[0] - 0.4)*z[1]**2 + T[z[0], z[1]]", {"w": [1, -2], "T": TABLE}, PAIR),
    "table beside a place": ("sum(f[z]) * f[z[1] + 1]", {"f": [1, -2, 0.3, 0.4]}, PAIR),
    "fixed place": ("f[z[0]] + T[z[0], 0]*T[1, z[1]] + 3", {"f": [1, -2, 0.3], "T": TABLE}, PAIR),
    "same place twice": ("T[z[0], z[0]] + exp(z[1])", {"T": TABLE}, PAIR),
    "bits": ("(sum(z) - 1.3)**2 + f[z[2]]", {"f": [1, -2]}, BITS),
    "places as a list": ("sum(f[z])*abs(z[0] - 0.3)", {"f": [1, -2]}, BITS),
    "one bit": ("f[z] + z**2", {"f": [1, -2]}, {"bernoulli": {"logits": 0.7}}),
    "one class": ("f[z] + z**2", {"f": [1, -2, 0.3]}, {"categorical": {"logits": [0.7, 1, 2]}}),
    "constant": ("2.5 + 0*sum(z)", {}, BITS),
}


def problem_of(cost: str, let: dict[str, Any], distribution: dict[str, Any]) -> Problem:
    options = {"distribution": distribution, "parameters": ["logits"], "cost": cost, "let": let}
    made: Problem = build("problems", "expectation", options)
    return made.to("cpu", torch.float64)


@pytest.mark.parametrize("name", CASES)
def test_at_its_corners_a_relaxed_cost_is_the_cost(name: str) -> None:
    problem = problem_of(*CASES[name])
    theta = problem.theta.expand(5, -1)
    p = problem.distribution(theta)
    x = p.sample((40,))
    cost = problem.cost(x, theta)
    assert torch.allclose(problem.relaxed_cost(choices_of(p).corner_of(x), theta), cost, atol=1e-12)
    assert name == "constant" or float(cost.std()) > 0.1


def test_an_entry_of_a_table_is_the_mean_over_the_classes() -> None:
    problem = problem_of("T[z[0], z[1]]", {"T": TABLE}, PAIR)
    theta = problem.theta[None]
    points = choices_of(problem.distribution(theta)).probs[None]  # [1, 1, 2, 3]
    wanted = points[0, 0, 0] @ torch.tensor(TABLE, dtype=torch.float64) @ points[0, 0, 1]
    assert float(problem.relaxed_cost(points, theta)) == pytest.approx(float(wanted), abs=1e-12)
    # Where numbers of choices do not occur in one product twice, that is the expectation.
    assert float(problem.expectation(theta)) == pytest.approx(float(wanted), abs=1e-12)
    square = problem_of("T[z[0], z[0]]", {"T": TABLE}, PAIR)
    assert float(square.relaxed_cost(points, theta)) != pytest.approx(
        float(square.expectation(theta)), abs=0.01
    )


def test_an_entry_of_a_table_has_a_slope_in_the_point() -> None:
    problem = problem_of("f[z]", {"f": [1, -2, 0.3]}, {"categorical": {"logits": [0.7, 1, 2]}})
    points = torch.full((1, 1, 3), 1 / 3, dtype=torch.float64, requires_grad=True)
    problem.relaxed_cost(points, problem.theta[None]).sum().backward()
    assert points.grad is not None
    assert points.grad.flatten().tolist() == pytest.approx([1, -2, 0.3])


@pytest.mark.parametrize(
    ("cost", "reason"),
    [
        ("sum(z == 1)", "comparison (==)"),
        ("z[0] * (z[1] > 0.5)", "comparison (>)"),
        ("f[z[0] + z[1]]", "several coordinates"),
    ],
)
def test_what_has_no_value_between_is_not_applicable(cost: str, reason: str) -> None:
    let = {"f": [1, 2, 3, 4, 5]} if "f[" in cost else {}
    problem = problem_of(cost, let, PAIR)
    theta = problem.theta[None]
    points = choices_of(problem.distribution(theta)).probs[None]
    with pytest.raises(NotApplicable, match=reason.replace("(", r"\(").replace(")", r"\)")):
        problem.relaxed_cost(points, theta)


def test_a_problem_that_does_not_say_has_no_relaxed_cost() -> None:
    vae: Problem = build("problems", "vae", {"batch_size": 2, "latent": 1, "hidden": 2})
    with pytest.raises(NotApplicable, match="not defined between the values"):
        vae.relaxed_cost(torch.zeros(1, 1, 2, 1), vae.theta[None])
