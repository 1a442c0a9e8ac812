"""Stein control variates and RODEO: stated values, states enumerated by hand, controls that are flagged."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch
from torch import Tensor

from bench.catalogue import build
from bench.certification.problems import PROBLEMS
from bench.distributions.choices import Choices, choices_of
from bench.errors import Invalid
from bench.estimator import NotApplicable
from bench.exact import ExactMoments, exact_moments, single_draws
from bench.problem import Problem
from bench.statistics.evidence import blocks_reported
from estimators import rodeo, stein
from estimators.gibbs_moves import GibbsMoves
from estimators.rodeo import Rodeo
from estimators.stein import Stein
from estimators.surrogates import functions
from tests.cases import expectation, fitted_to
from tests.discrete_items import FEW, Bits, Classes, flagged
from tests.stated import Stated, faults_of
from tests.test_muprop import TRUTH, A

BEST = (1.6638, 1.7296, 1.6926)
LEAST = (0.05586473, 0.07723917, 0.05966912)


def made(options: dict[str, Any]) -> Problem:
    options = dict(options)
    problem: Problem = build("problems", options.pop("name"), options)
    return problem.to("cpu", torch.float64)


def exact(name: str, options: dict[str, Any], problem: dict[str, Any], sample_size: int = 1) -> ExactMoments:
    there = made(problem)
    estimator = fitted_to(build("estimators", name, options), there, sample_size)
    draws = single_draws(there, blocks_reported(there.parameters, len(there.theta)))
    return exact_moments(estimator, sample_size, draws)


@pytest.mark.parametrize("i", range(3))
def test_the_stated_least_variances_are_at_the_stated_coefficients(i: int) -> None:
    at, below, above = (exact("stein", {"coefficient": BEST[i] + d}, A).variance[i] for d in (0, -0.01, 0.01))
    # Four digits of β leave an error of the order of 1e-10 in the variance.
    assert float(at) == pytest.approx(LEAST[i], abs=6e-9)
    assert at < below
    assert at < above


def test_the_fitted_coefficients_are_nearly_the_best() -> None:
    found = exact("stein", {"coefficient": "optimal"}, A).variance
    least = torch.tensor(LEAST, dtype=torch.float64)
    # 4096 samples tell β within some percent, and the variance to its square.
    assert bool((found > least - 1e-8).all())
    assert bool((found < 1.01 * least).all())
    assert not bool((exact("stein", {"coefficient": 1.5}, A).variance < 1.01 * least).any())


@pytest.mark.parametrize(
    "problem",
    [
        expectation("(z - 0.45)**2", ["logits"], bernoulli={"logits": 0.8}),
        expectation("exp(z) - z**2", ["logits"], categorical={"logits": [0.3, -0.4, 0.9, 0.2]}),
    ],
    ids=["bit", "class"],
)
def test_of_a_single_choice_nothing_is_left(problem: dict[str, Any]) -> None:
    assert float(exact("stein", {"coefficient": 1.0}, problem).variance.sum()) < 1e-25
    assert float(exact("stein", {"coefficient": 0.9}, problem).variance.sum()) > 1e-4
    evaluations = Stein().evaluations(made(problem), 5)
    assert evaluations == 5 * (2 if "bernoulli" in problem["distribution"] else 4)


def by_hand(logits: list[float], target: float, beta: float) -> tuple[list[float], list[float]]:
    """Mean and variance of g + β A g for (Σ b − t)², state by state."""
    D = len(logits)
    p = [1 / (1 + math.exp(-each)) for each in logits]

    def g(b: tuple[int, ...]) -> list[float]:
        return [(sum(b) - target) ** 2 * (b[i] - p[i]) for i in range(D)]

    first, second = [0.0] * D, [0.0] * D
    for b in itertools.product((0, 1), repeat=D):
        here = g(b)
        control = [0.0] * D
        for j in range(D):
            moved = (*b[:j], 1 - b[j], *b[j + 1 :])
            rate = (1 - p[j] if b[j] else p[j]) / D
            control = [c + rate * (m - h) for c, m, h in zip(control, g(moved), here, strict=True)]
        weight = math.prod(p[i] if b[i] else 1 - p[i] for i in range(D))
        for i in range(D):
            value = here[i] + beta * control[i]
            first[i] += weight * value
            second[i] += weight * value * value
    return first, [second[i] - first[i] ** 2 for i in range(D)]


@pytest.mark.parametrize(("logits", "target"), [([-0.4, 1.3], 0.8), ([0.5, -0.2, 1.1, -2.0], 2.6)])
def test_variances_at_other_parameters(logits: list[float], target: float) -> None:
    problem = expectation(f"(sum(z) - {target})**2", ["logits"], bernoulli={"logits": logits})
    mean, variance = by_hand(logits, target, 1.3)
    assert faults_of(Stated(("stein", {"coefficient": 1.3}), problem, mean, variance, known=True)) == []
    assert faults_of(Stated(("stein", {"coefficient": 1.0}), problem, mean, variance, known=True)) != []


def test_without_a_coefficient_it_is_the_plain_score() -> None:
    plain = exact("reinforce", {}, A)
    assert torch.allclose(exact("stein", {"coefficient": 0.0}, A).variance, plain.variance, rtol=1e-12)


def test_a_group_with_surrogates_is_as_enumerated_and_far_less_noisy() -> None:
    found = exact("rodeo", {}, A, 2)
    stated = Stated(("rodeo", {}), A, TRUTH, found.variance.tolist(), 2, known=True)
    assert faults_of(stated) == []
    # Leave-one-out alone has 0.52555185, double control variates at best 0.49661174.
    assert float(found.variance.sum()) < 0.15
    assert float(exact("rloo", {}, A, 2).variance.sum()) == pytest.approx(0.52555185, abs=6e-9)


@pytest.mark.parametrize("scale", [0.02, 40.0])
def test_the_unit_of_the_cost_does_not_matter(scale: float) -> None:
    """In other units the surrogates are the same: the variance has the square of the factor."""
    scaled = {**A, "cost": f"{scale}*({A['cost']})"}
    plain, other = (float(exact("rodeo", {}, problem, 2).variance.sum()) for problem in (A, scaled))
    assert other / scale**2 == pytest.approx(plain, rel=0.02)
    assert plain < 0.5 * float(exact("reinforce", {"baseline": "leave_one_out"}, A, 2).variance.sum())


def test_before_it_is_fitted_it_is_the_leave_one_out_baseline() -> None:
    there = made(A)
    draws = single_draws(there, blocks_reported(there.parameters, 3))
    found = exact_moments(Rodeo(), 3, draws)
    assert torch.allclose(found.variance, exact("rloo", {}, A, 3).variance, rtol=1e-10)


@pytest.mark.parametrize("cls", [Bits, Classes])
def test_functions_of_surrogates_are_those_of_each_neighbor(cls: type[Bits]) -> None:
    torch.manual_seed(0)
    problem, K = cls(), 4
    theta = problem.theta.expand(2, -1)
    choices = choices_of(problem.distribution(theta))
    x = problem.distribution(theta).sample((K,))  # [K, R, B, *event]
    corner = choices.corner_of(x)
    slope = torch.randn_like(corner)  # [K, R, B, *points]
    cost = torch.randn(x.shape[:3], dtype=torch.float64)  # [K, R, B]
    moves = GibbsMoves(choices, x)
    known = functions(moves, cost, choices.by_class(slope), 0.5)

    def wanted(y: Tensor, k: int) -> Tensor:
        """The six functions at y, `[6, R, B]`."""
        a = torch.stack([cost[j] / 0.5 for j in range(K) if j != k])
        δ = torch.stack([choices.total(slope[j] * (y - corner[j])) / 0.5 for j in range(K) if j != k])
        return torch.stack([torch.ones_like(a), a, a**2, δ, a * δ, δ**2]).mean(1)

    for k in range(K):
        here = torch.cat([known.level[:, k], known.before[:, k]])
        assert torch.allclose(here, wanted(corner[k], k), atol=1e-12)
        for place in range(choices.shape[0]):
            for move in range(choices.classes - 1):
                y = choices.corner_of(choices.chosen(x, (place,), moves.others[..., place, move]))[k]
                assert torch.allclose(known.after[:, k, ..., place, move], wanted(y, k)[3:], atol=1e-12)
                assert not torch.allclose(known.after[:, k, ..., place, move], wanted(corner[k], k)[3:])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("stein", {}),
        pytest.param("stein", {"coefficient": "optimal"}, marks=pytest.mark.slow),
        pytest.param("rodeo", {}, marks=pytest.mark.slow),
    ],
)
def test_nothing_is_flagged_with_items_and_classes(name: str, options: dict[str, Any]) -> None:
    assert not flagged(build("estimators", name, options))


class WrongRates(GibbsMoves):
    """Moves to another class as probable as the class that x has, where they should be as that other one."""

    def __init__(self, choices: Choices, x: Tensor) -> None:
        super().__init__(choices, x)
        self.rates = (1 / choices.shape.numel() - self.rates.sum(-1, keepdim=True)).expand_as(self.rates)


@pytest.mark.slow
@pytest.mark.parametrize(
    "estimator", [Stein(), pytest.param(Rodeo(), marks=pytest.mark.slow)], ids=["stein", "rodeo"]
)
def test_a_wrong_probability_of_a_move_is_flagged(estimator: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (stein, rodeo):
        monkeypatch.setattr(module, "GibbsMoves", WrongRates)
    assert "bias" in flagged(estimator, replicates=FEW)
    assert "bias" in flagged(estimator, {"bernoullis": PROBLEMS["bernoullis"]}, FEW)


def test_what_does_not_fit_is_said() -> None:
    gaussian = made(expectation("z**2", ["loc"], normal={"loc": 0.4, "scale": 1.0}))
    for estimator in (Stein(), Rodeo()):
        with pytest.raises(NotApplicable, match="independent choices"):
            estimator.gradient(gaussian, gaussian.theta[None].requires_grad_(), 2)
    problem = made(A)
    with pytest.raises(NotApplicable, match="N is 1"):
        Rodeo().gradient(problem, problem.theta[None].requires_grad_(), 1)
    with pytest.raises(Invalid, match="coefficient must be finite"):
        build("estimators", "stein", {"coefficient": math.nan})
