"""Run variances of control variates are those known in closed form, and fall where they must."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from bench.catalogue import build
from bench.problem import Problem
from tests.cases import estimates_of, estimator_of, expectation, problem_of
from tests.test_exact_variances import assert_variance, quadratic

LEARNED = {"baseline": {"learned": {"steps": 2000}}}


def measured(name: str, options: dict[str, Any], problem: Problem, sample_size: int) -> torch.Tensor:
    return estimates_of(build("estimators", name, options), problem, sample_size, 40_000)


def mixed(score: float, path: float, together: float, alpha: float = 0.3) -> float:
    return alpha**2 * score + (1 - alpha) ** 2 * path + 2 * alpha * (1 - alpha) * together


# As means of 20 samples, so that the tails are light enough for the standard error.
@pytest.mark.parametrize(("mean", "scale", "target"), [(1.4, 0.7, 0.2), (-0.3, 1.6, 0.9)])
@pytest.mark.parametrize(
    ("name", "options", "exact"),
    [
        # The mean as baseline, and with a second sample Var f E[s²] more: Var f = 4d²σ² + 2σ⁴.
        ("reinforce", LEARNED, lambda d, s: (8 * d**2 + 10 * s**2, 40 * d**2 + 56 * s**2)),
        (
            "reinforce",
            {"baseline": "independent"},
            lambda d, s: (12 * d**2 + 12 * s**2, 48 * d**2 + 60 * s**2),
        ),
        # The two estimates have the covariances 2d² + 6σ² and 12d² + 20σ², by Stein's identity.
        (
            "mixture",
            {"alpha": 0.3},
            lambda d, s: (
                mixed(d**4 / s**2 + 14 * d**2 + 15 * s**2, 4 * s**2, 2 * d**2 + 6 * s**2),
                mixed(2 * d**4 / s**2 + 60 * d**2 + 74 * s**2, 4 * d**2 + 8 * s**2, 12 * d**2 + 20 * s**2),
            ),
        ),
    ],
    ids=["learned", "independent", "mixture"],
)
def test_the_gaussian_quadratic(
    name: str, options: dict[str, Any], exact: Any, mean: float, scale: float, target: float
) -> None:
    estimates = measured(name, options, quadratic(mean, scale, target), 20)
    assert_variance(estimates, torch.tensor(exact(mean - target, scale), dtype=torch.float64) / 20)


@pytest.mark.parametrize("logits", [0.8, -1.3])
@pytest.mark.parametrize(
    ("options", "exact"),
    [
        (
            {"baseline": {"constant": {"value": 0.2}}},
            lambda f0, f1, p: p * (1 - p) * ((1 - p) * f1 + p * f0 - 0.2) ** 2,
        ),
        (LEARNED, lambda f0, f1, p: p * (1 - p) * (1 - 2 * p) ** 2 * (f1 - f0) ** 2),
        # E[(f − f')² s²] = Δ² pq (p² + q²): the two differ in one of two ways.
        ({"baseline": "independent"}, lambda f0, f1, p: p * (1 - p) * (1 - 3 * p * (1 - p)) * (f1 - f0) ** 2),
    ],
    ids=["constant", "learned", "independent"],
)
def test_the_bernoulli(options: dict[str, Any], exact: Any, logits: float) -> None:
    given = expectation("(z + 0.3)**2", ["logits"], bernoulli={"logits": logits})
    problem = build("problems", given.pop("name"), given).to("cpu", torch.float64)
    wanted = exact(0.3**2, 1.3**2, 1 / (1 + math.exp(-logits)))
    estimates = measured("reinforce", options, problem, 20)
    assert_variance(estimates, torch.tensor([wanted / 20], dtype=torch.float64))


@pytest.mark.parametrize("logits", [0.8, -1.3])
def test_leave_one_out_of_two_bernoullis(logits: float) -> None:
    given = expectation("(z + 0.3)**2", ["logits"], bernoulli={"logits": logits})
    problem = build("problems", given.pop("name"), given).to("cpu", torch.float64)
    p = 1 / (1 + math.exp(-logits))
    wanted = p * (1 - p) * (1.3**2 - 0.3**2) ** 2 * (0.5 - p * (1 - p))
    estimates = measured("reinforce", {"baseline": "leave_one_out"}, problem, 2)
    assert_variance(estimates, torch.tensor([wanted], dtype=torch.float64))


def of_normals(cost: str, loc: list[float], scale: float | list[float]) -> Problem:
    given = expectation(cost, ["loc", "scale"], normal={"loc": loc, "scale": scale})
    problem: Problem = build("problems", given.pop("name"), given)
    return problem.to("cpu", torch.float64)


@pytest.mark.parametrize("scale", [0.8, 1.5])
def test_with_terms_of_their_own_coordinates_have_the_variance_of_one_dimension(scale: float) -> None:
    # A scale that all share has the sum of their variances.
    loc = torch.tensor([1.3, -0.6, 0.4], dtype=torch.float64)
    d = loc - 0.5
    of_loc = d**4 / scale**2 + 14 * d**2 + 15 * scale**2
    of_scale = 2 * d**4 / scale**2 + 60 * d**2 + 74 * scale**2
    problem = of_normals("sum((z - 0.5)**2)", loc.tolist(), scale)
    estimates = measured("rao_blackwell", {}, problem, 20)
    assert_variance(estimates, torch.cat([of_loc, of_scale.sum()[None]]) / 20)
    # The plain score function has the noise of all terms in each coordinate.
    plain = measured("reinforce", {}, problem, 20)
    assert (plain.var(0) > 1.5 * estimates.var(0)).all()


@pytest.mark.parametrize(("cost", "loc"), [("(z - 0.2)**2 + 3*z", [1.4]), ("sum(z)**2", [1.4, -0.3, 0.6])])
def test_the_delta_method_is_exact_for_a_quadratic_cost(cost: str, loc: list[float]) -> None:
    # With mixed terms, too: their expectation does not depend on the scales.
    cost = cost if len(loc) > 1 else f"sum({cost})"
    scale = [0.7, 1.2, 0.5][: len(loc)]
    problem = of_normals(cost, loc, scale)
    truth = torch.tensor([2 * sum(loc)] * 3 + [2 * s for s in scale], dtype=torch.float64)
    if len(loc) == 1:
        truth = torch.tensor([2 * (1.4 - 0.2) + 3, 2 * 0.7], dtype=torch.float64)
    for options in ({}, {"coefficient": "optimal"}):
        estimates = estimates_of(build("estimators", "delta_method", options), problem, 3, 500)
        assert torch.allclose(estimates, truth.expand_as(estimates), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(("mean", "scale"), [(1.4, 0.7), (-0.3, 1.6)])
def test_the_delta_method_leaves_the_third_order(mean: float, scale: float) -> None:
    # f − h = σ³ε³ for f = z³: Var ε⁴ = 96 and E[ε⁶(ε² − 1)²] = 750, times σ⁴. As a mean of
    # 200 samples, for the tails of ε⁸ and of ε¹⁰.
    problem = of_normals("sum(z**3)", [mean], [scale])
    estimates = measured("delta_method", {}, problem, 200)
    wanted = torch.tensor([96.0, 750.0], dtype=torch.float64) * scale**4 / 200
    assert_variance(estimates, wanted)


def variances(
    problem: Problem, *estimators: tuple[str, dict[str, Any]], replicates: int = 8000
) -> list[float]:
    """Total variances of estimates of N = 4."""
    found = [estimates_of(build("estimators", *each), problem, 4, replicates) for each in estimators]
    return [float(estimates.var(0).sum()) for estimates in found]


def test_an_optimal_coefficient_is_no_worse_than_one_or_none() -> None:
    # cos(8z) bends so much over the width of p that the expansion is of no use.
    problem = of_normals("sum(cos(8*z))", [0.7], [0.6])
    none, one, optimal = variances(
        problem, ("reinforce", {}), ("delta_method", {}), ("delta_method", {"coefficient": "optimal"})
    )
    assert one > 10 * none
    assert optimal < 1.05 * none
    problem = problem_of("normal")
    none, one, optimal = variances(
        problem, ("reinforce", {}), ("delta_method", {}), ("delta_method", {"coefficient": "optimal"})
    )
    assert optimal < 1.05 * one < 0.5 * none


def test_a_baseline_of_the_data_beats_one_number_for_all_items() -> None:
    # Decoder and encoder as they begin: pictures with more ink cost more.
    options = {"name": "vae", "batch_size": 16, "latent": 2, "hidden": 4, "likelihood": "normal"}
    problem = build("problems", options.pop("name"), options).to("cpu", torch.float64)
    with torch.no_grad():
        theta = problem.theta.expand(200, -1)
        mean = float(problem.cost(problem.distribution(theta).sample((1,)), theta).mean())
    none, constant, learned = variances(
        problem,
        ("reinforce", {}),
        ("reinforce", {"baseline": {"constant": {"value": mean}}}),
        ("reinforce", {"baseline": "learned"}),
        replicates=1000,
    )
    assert learned < 0.8 * constant < 0.8 * none


def test_a_mixture_weighs_the_better_estimate_more() -> None:
    # Of a cost that wiggles, the path is the noisier; of one that is smooth, the score.
    for cost in ("sum(cos(8*z))", "sum((z - 2)**2)"):
        problem = of_normals(cost, [0.7], [0.6])
        score, path, usual, best = variances(
            problem,
            ("reinforce", {}),
            ("reparameterization", {}),
            ("mixture", {}),
            ("mixture", {"covariance": "estimated"}),
        )
        # The two are of the same samples: without their covariance the weights are not the best.
        assert best < 1.05 * min(score, path, usual)
        assert usual < 0.5 * max(score, path)


@pytest.mark.parametrize(("alpha", "alone"), [(1.0, "reinforce"), (0.0, "reparameterization")])
@pytest.mark.parametrize("problem_name", ["normals", "gamma", "vae-sampled"])
def test_a_mixture_of_one_is_that_one(alpha: float, alone: str, problem_name: str) -> None:
    problem = problem_of(problem_name)
    mixture = build("estimators", "mixture", {"alpha": alpha})
    estimates = [estimates_of(each, problem, 4, 50) for each in (mixture, estimator_of(alone))]
    assert torch.allclose(*estimates, rtol=1e-9, atol=1e-12)
