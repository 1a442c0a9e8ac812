"""Local expectations and one random flip: exact variances, other parameters, and variants that are wrong."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor

import bench
from bench.catalogue import build
from bench.certification.problems import PROBLEMS
from bench.distributions.choices import choices_of
from bench.engine.counting import Counts, counted
from bench.estimator import Claim, Estimator, NotApplicable, gradient_of
from bench.exact import exact_moments, single_draws
from bench.problem import Problem
from estimators.local_expectations import LocalExpectation, OneFlip
from tests.cases import estimates_of, expectation, problem_of
from tests.stated import Stated, faults_of

ETA = [0.7, -1.1, 0.2]
COUNT: dict[str, Any] = expectation("(sum(z) - 1.3)**2", ["logits"], bernoulli={"logits": ETA})
SPLIT: dict[str, Any] = {
    **expectation("dot(w, z)", ["logits"], bernoulli={"logits": ETA}),
    "let": {"w": [1, -2, 0.5]},
}
OF_COUNT, OF_SPLIT = (-0.00018895, 0.15664938, 0.0583781), (0.22171287, -0.37473976, 0.12375829)

LOCAL, FLIP = ("local_expectation", {}), ("one_flip", {})
STATED = {
    "local expectation of a count": Stated(
        LOCAL, COUNT, OF_COUNT, (0.08551015, 0.06589384, 0.10024893), known=True
    ),
    "local expectation of a sum": Stated(LOCAL, SPLIT, OF_SPLIT, (0.0, 0.0, 0.0), known=True),
    "one flip of a count": Stated(FLIP, COUNT, OF_COUNT, (0.25653053, 0.24675957, 0.30756278), known=True),
    "the mean of four": Stated(
        LOCAL, COUNT, OF_COUNT, [v / 4 for v in (0.08551015, 0.06589384, 0.10024893)], 4, known=True
    ),
}


@pytest.mark.parametrize("name", STATED)
def test_means_and_variances_are_those_that_are_stated(name: str) -> None:
    assert faults_of(STATED[name]) == []


def test_a_variance_that_is_wrong_by_a_tenth_is_seen() -> None:
    wrong = Stated(FLIP, COUNT, OF_COUNT, [1.1 * v for v in (0.25653053, 0.24675957, 0.30756278)], known=True)
    assert len(faults_of(wrong)) == 2  # the exact one and the measured one


@pytest.mark.parametrize(
    ("eta", "t"), [((1.3, -0.4, 0.9, -2.1), 0.6), ((-0.3, 2.2), 1.9), ((0.0, 0.0, 0.0), -0.7)]
)
def test_the_count_quadratic_at_other_parameters(eta: tuple[float, ...], t: float) -> None:
    p = [1 / (1 + math.exp(-each)) for each in eta]
    v = [each * (1 - each) for each in p]
    D, total = len(eta), sum(p)
    d = [1 + 2 * (total - p[i] - t) for i in range(D)]
    local = [4 * v[i] ** 2 * (sum(v) - v[i]) for i in range(D)]
    flip = [D * (v[i] ** 2 * d[i] ** 2 + local[i]) - (v[i] * d[i]) ** 2 for i in range(D)]
    problem = expectation(f"(sum(z) - {t})**2", ["logits"], bernoulli={"logits": list(eta)})
    mean = [v[i] * d[i] for i in range(D)]
    assert faults_of(Stated(LOCAL, problem, mean, local, known=True)) == []
    assert faults_of(Stated(FLIP, problem, mean, flip, known=True)) == []


def test_of_classes_by_enumeration() -> None:
    # f[z₀] + T[z₀, z₁], by sums over all nine states in plain Python.
    logits, f = [[0.3, -0.4, 0.9], [0.1, 0.5, -0.2]], [1.5, -0.3, 0.4]
    T = [[1, 2, 0.5], [0.3, -1.5, 1], [2, 0.1, -0.7]]
    π = [[math.exp(a) / sum(map(math.exp, row)) for a in row] for row in logits]

    def slopes(d: int, costs: list[float]) -> list[float]:
        mean = sum(a * b for a, b in zip(π[d], costs, strict=True))
        return [π[d][c] * (costs[c] - mean) for c in range(3)]

    of_state = {
        (a, b): (
            slopes(0, [f[c] + T[c][b] for c in range(3)]),
            slopes(1, [f[a] + T[a][c] for c in range(3)]),
        )
        for a, b in itertools.product(range(3), repeat=2)
    }
    weight = {(a, b): π[0][a] * π[1][b] for a, b in of_state}
    mean, local, flip = [], [], []
    for d, c in itertools.product(range(2), range(3)):
        of_both = [(weight[s], each[d][c]) for s, each in of_state.items()]
        mean.append(sum(w * g for w, g in of_both))
        square = sum(w * g * g for w, g in of_both)
        local.append(square - mean[-1] ** 2)
        flip.append(2 * square - mean[-1] ** 2)  # with probability ½ twice the term, else 0
    options = {
        **expectation("f[z[0]] + T[z[0], z[1]]", ["logits"], categorical={"logits": logits}),
        "let": {"f": f, "T": T},
    }
    assert faults_of(Stated(LOCAL, options, mean, local, digits=10, known=True)) == []
    assert faults_of(Stated(FLIP, options, mean, flip, digits=10, known=True)) == []


@pytest.mark.parametrize("N", [1, 4])
def test_the_skewness_of_one_flip_by_enumeration(N: int) -> None:
    # Of each of three flips and eight states, in plain Python: D p (1 − p) (f(1) − f(0)) in its coordinate.
    p = [1 / (1 + math.exp(-each)) for each in ETA]
    states = list(itertools.product((0, 1), repeat=3))
    weights = [math.prod(a if b else 1 - a for a, b in zip(p, x, strict=True)) / 3 for x in states]
    skewness = []
    for d in range(3):
        others = [sum(x) - x[d] - 1.3 for x in states]
        estimates = [3 * p[d] * (1 - p[d]) * ((rest + 1) ** 2 - rest**2) for rest in others]
        outcomes = [*zip(weights, estimates, strict=True), (2 / 3, 0.0)]
        mean = sum(w * g for w, g in outcomes)
        variance, third = (sum(w * (g - mean) ** power for w, g in outcomes) for power in (2, 3))
        skewness.append(third / variance**1.5 / math.sqrt(N))
    problem = Stated(FLIP, COUNT).built()
    draws = single_draws(problem, problem.parameters)
    assert exact_moments(OneFlip(), N, draws).skewness.tolist() == pytest.approx(skewness, rel=1e-9)
    assert max(map(abs, skewness)) > 0.1


@pytest.mark.parametrize(
    ("estimator", "problem_name", "wanted"),
    [
        (LocalExpectation(), "bernoullis", 4),
        (LocalExpectation(), "table", 5),
        (LocalExpectation(), "categorical", 3),
        (OneFlip(), "bernoullis", 2),
        (OneFlip(), "table", 3),
    ],
)
def test_evaluations_are_those_of_the_formula(estimator: Estimator, problem_name: str, wanted: int) -> None:
    problem, counts = problem_of(problem_name), Counts()
    theta = problem.theta.expand(3, -1).requires_grad_()
    estimator.gradient(counted(problem, counts), theta, 7)
    assert counts.evaluations == 3 * 7 * wanted == 3 * estimator.evaluations(problem, 7)


@pytest.mark.parametrize("estimator", [LocalExpectation(), OneFlip()], ids=repr)
def test_what_makes_no_choices_is_refused(estimator: Estimator) -> None:
    problem = problem_of("poisson")
    with pytest.raises(NotApplicable, match="independent choices"):
        estimator.gradient(problem, problem.theta[None].requires_grad_(), 2)


# --- variants that are wrong ------------------------------------------------------------------------


@dataclass(frozen=True)
class Stale(Estimator):
    """Leaves each choice at the class that was tried last: the others are then not as they were drawn."""

    bias: ClassVar[Claim] = "unbiased"

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        p = problem.distribution(theta)
        choices = choices_of(p)
        log_masses = choices.log_masses
        x = p.sample((sample_size,))
        means = torch.zeros_like(log_masses)
        for place in itertools.product(*map(range, choices.shape)):
            for c in range(choices.classes):
                x = choices.chosen(x, place, c)
                means[(..., *place, c)] = problem.cost(x, theta).mean(0)
        weights = log_masses.detach().exp() * means.detach() * log_masses[0].numel()
        return gradient_of(theta, (log_masses, weights))


@dataclass(frozen=True)
class WithoutFactor(OneFlip):
    """Forgets that one of D choices was drawn."""

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        D = problem.distribution(theta).event_shape.numel()
        return super().gradient(problem, theta, sample_size) / D


# By a probability itself an estimate changes with θ through x alone, and seldom: logits are tried, too.
BITS = {name: PROBLEMS[name] for name in ("bernoulli", "bernoullis")}


@pytest.mark.parametrize("wrong", [Stale(), WithoutFactor()], ids=repr)
def test_what_is_wrong_is_not_certified(wrong: Estimator) -> None:
    found = bench.certify(wrong, BITS, replicates=3000)
    assert "bias" in found.failed_checks


@pytest.mark.parametrize("estimator", [LocalExpectation(), OneFlip()], ids=repr)
def test_what_is_right_is_certified_by_the_same_test(estimator: Estimator) -> None:
    assert bench.certify(estimator, BITS, replicates=3000).passed


def test_two_hundred_choices_are_the_derivative_of_the_mean() -> None:
    # f = (1/D) Σ (b_i − 0.499)² splits: no variance, pq (1 − 2 · 0.499) / D each.
    options = expectation(
        "sum((z - 0.499)**2) / 200", ["logits"], bernoulli={"logits": [0.01 * i - 1 for i in range(200)]}
    )
    problem = build("problems", options.pop("name"), options).to("cpu", torch.float64)
    p = problem.theta.sigmoid()
    wanted = p * (1 - p) * (1 - 2 * 0.499) / 200
    found = estimates_of(LocalExpectation(), problem, 2, 5)
    assert torch.allclose(found, wanted.expand_as(found), rtol=1e-9, atol=1e-14)
