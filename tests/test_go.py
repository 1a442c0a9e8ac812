"""GO: exact variances of counts, enumerations, the tails in both precisions, and the wrong sign."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import Binomial, Distribution, Poisson

import bench
from bench.catalogue import build
from bench.certification.problems import PROBLEMS
from bench.distributions.by_counter import Bernoulli, Categorical, Geometric
from bench.engine.counting import Counts, counted
from bench.estimator import Estimator, NotApplicable
from bench.exact import exact_moments, single_draws
from bench.problem import Problem
from estimators.go import Go, _family_of
from tests.cases import estimates_of, estimator_of, expectation, problem_of
from tests.stated import Stated, faults_of

GO, SCORE = ("go", {}), ("reinforce", {})


def poisson(cost: str, rate: float) -> dict[str, Any]:
    return expectation(cost, ["rate"], poisson={"rate": rate})


def geometric(cost: str, p: float) -> dict[str, Any]:
    return expectation(cost, ["probs"], geometric={"probs": p})


STATED = {
    "the square of a Poisson": Stated(GO, poisson("z**2", 2.5), [6], [10.0], known=True),
    "… by the score": Stated(SCORE, poisson("z**2", 2.5), [6], [299.025], known=True),
    "a Poisson by the score": Stated(SCORE, poisson("z", 2.5), [1], [2.5 + 4 + 1 / 2.5], known=True),
    "a Poisson": Stated(GO, poisson("z", 2.5), [1], [0.0], known=True),
    "a geometric": Stated(GO, geometric("z", 0.4), [-6.25], [23.4375], known=True),
    "… by the score ": Stated(SCORE, geometric("z", 0.4), [-6.25], [471.35416667], known=True),
    # (x + 1)(x + 1 − x) again, but at other parameters: 4 λ, (1 − p)/p⁴, λ + 4 + 1/λ.
    "a square elsewhere": Stated(GO, poisson("z**2", 0.3), [1.6], [1.2], known=True),
    "the score elsewhere": Stated(SCORE, poisson("z", 0.3), [1], [0.3 + 4 + 1 / 0.3], known=True),
    "a geometric elsewhere": Stated(GO, geometric("z", 0.7), [-1 / 0.49], [0.3 / 0.7**4], known=True),
    "five of them": Stated(GO, poisson("z**2", 2.5), [6], [2.0], 5, known=True),
    # By the same coupling: z + 1 and z.
    "measure-valued": Stated(("measure_valued", {}), poisson("z**2", 2.5), [6], [10.0], known=True),
}


@pytest.mark.parametrize("name", STATED)
def test_means_and_variances_are_those_that_are_stated(name: str) -> None:
    assert faults_of(STATED[name]) == []


def test_a_variance_that_is_wrong_by_a_tenth_is_seen() -> None:
    assert len(faults_of(Stated(GO, poisson("z**2", 2.5), [6], [11.0], known=True))) == 2


def mass_of(name: str, values: dict[str, float]) -> Callable[[int], float]:
    if name == "binomial":
        n, p = int(values["total_count"]), values["probs"]
        return lambda k: math.comb(n, k) * p**k * (1 - p) ** (n - k) if 0 <= k <= n else 0.0
    p = values["probs"]
    return lambda k: (1 - p, p)[k] if k in (0, 1) else 0.0


@pytest.mark.parametrize(
    ("name", "values", "top"),
    [
        ("binomial", {"total_count": 7, "probs": 0.3}, 7),
        ("binomial", {"total_count": 3, "probs": 0.85}, 3),
        ("bernoulli", {"probs": 0.35}, 1),
    ],
)
def test_finite_counts_by_differences_of_the_distribution_function(
    name: str, values: dict[str, float], top: int
) -> None:
    h = 1e-5
    mass = mass_of(name, values)
    up, down = (mass_of(name, {**values, "probs": values["probs"] + step}) for step in (h, -h))

    def slope(k: int) -> float:
        return -sum(up(j) - down(j) for j in range(k + 1)) / (2 * h) / mass(k)

    def cost(k: int) -> float:
        return (k - 2.4) ** 2 + math.sin(k)

    each = [slope(k) * (cost(k + 1) - cost(k)) if k < top else 0.0 for k in range(top + 1)]
    mean = sum(mass(k) * e for k, e in enumerate(each))
    variance = sum(mass(k) * e**2 for k, e in enumerate(each)) - mean**2
    problem = expectation("(z - 2.4)**2 + sin(z)", ["probs"], **{name: values})
    assert faults_of(Stated(GO, problem, [mean], [variance], digits=6, known=True)) == []


def test_two_numbers_of_classes_by_enumeration() -> None:
    logits, f = [[0.3, -0.4, 0.9], [0.1, 0.5, -0.2]], [1.5, -0.3, 0.4]
    T = [[1, 2, 0.5], [0.3, -1.5, 1], [2, 0.1, -0.7]]
    π = [[math.exp(a) / sum(map(math.exp, row)) for a in row] for row in logits]

    def cost(state: tuple[int, ...]) -> float:
        return f[state[0]] + T[state[0]][state[1]]

    def estimate(state: tuple[int, ...], d: int, c: int) -> float:
        k = state[d]
        if k == 2:
            return 0.0
        moved = tuple(min(2, s + (e == d)) for e, s in enumerate(state))
        rise = sum(π[d][j] * ((j == c) - π[d][c]) for j in range(k + 1))
        return -rise / π[d][k] * (cost(moved) - cost(state))

    states = list(itertools.product(range(3), repeat=2))
    weights = [π[0][a] * π[1][b] for a, b in states]
    rows = [[estimate(s, d, c) for d in range(2) for c in range(3)] for s in states]
    mean = [sum(w * row[i] for w, row in zip(weights, rows, strict=True)) for i in range(6)]
    variance = [
        sum(w * (row[i] - mean[i]) ** 2 for w, row in zip(weights, rows, strict=True)) for i in range(6)
    ]
    options = {
        **expectation("f[z[0]] + T[z[0], z[1]]", ["logits"], categorical={"logits": logits}),
        "let": {"f": f, "T": T},
    }
    assert faults_of(Stated(GO, options, mean, variance, digits=10, known=True)) == []


@pytest.mark.parametrize(
    ("distribution", "cost"),
    [
        ({"poisson": {"rate": [2.3, 0.4]}}, "sqrt(z[0] + 1)*z[1] + z[0]"),
        ({"geometric": {"probs": [0.6, 0.3]}}, "sqrt(z[0] + 1) + cos(z[1])"),
        ({"binomial": {"total_count": [3, 5], "probs": [0.2, 0.7]}}, "sum(z)**2"),
    ],
)
def test_vectors_of_counts_have_the_right_mean(distribution: dict[str, Any], cost: str) -> None:
    (values,) = distribution.values()
    options = expectation(cost, [list(values)[-1]], **distribution)
    problem = build("problems", options.pop("name"), options).to("cpu", torch.float64)
    theta = problem.theta[None].requires_grad_()
    (truth,) = torch.autograd.grad(problem.expectation(theta).sum(), theta)
    estimates = estimates_of(Go(), problem, 3, 100_000)
    error = estimates.std(0) / len(estimates) ** 0.5
    assert bool(((estimates.mean(0) - truth[0]).abs() < 4.5 * error).all())
    assert bool(((1.05 * estimates.mean(0) - truth[0]).abs() > 4.5 * error).any())  # the control


def test_the_variance_grows_as_one_over_the_probability_of_a_rare_class_between_likely_ones() -> None:
    def variance(*logits: float) -> float:
        options = expectation("f[z]", ["logits"], categorical={"logits": list(logits)})
        problem = Stated(GO, {**options, "let": {"f": [0.2, 1, 0.5]}}).built()
        return float(exact_moments(Go(), 1, single_draws(problem, problem.parameters)).variance.sum())

    assert variance(0, -12, 1) / variance(0, -10, 1) == pytest.approx(math.e**2, rel=0.01)
    assert variance(0, 1, -12) == pytest.approx(variance(0, 1, -10), rel=0.01)


def test_evaluations_are_those_of_the_formula() -> None:
    problem, counts = problem_of("binomials"), Counts()
    Go().gradient(counted(problem, counts), problem.theta.expand(4, -1).requires_grad_(), 7)
    assert counts.evaluations == 4 * 7 * 3 == 4 * Go().evaluations(problem, 7)


@pytest.mark.parametrize(
    ("problem_name", "said"),
    [("gaussian", "of a Normal"), ("dirichlet", "not independent"), ("iwae-2", "not independent")],
)
def test_what_does_not_fit_is_refused(problem_name: str, said: str) -> None:
    problem = problem_of(problem_name)
    with pytest.raises(NotApplicable, match=said):
        Go().gradient(problem, problem.theta[None].requires_grad_(), 2)


def test_the_cost_is_not_asked_beyond_the_largest_value() -> None:
    problem = problem_of("table")  # the list of a class that there is not has no entry
    assert bool(estimates_of(estimator_of("go"), problem, 3, 200).isfinite().all())


# --- the tails --------------------------------------------------------------------------------------

Make = Callable[[Tensor], Distribution]
TAILS: dict[str, tuple[Make, list[float], list[int]]] = {
    "poisson": (lambda θ: Poisson(θ[:, 0]), [1e-4], [0, 1, 30]),
    "a long poisson": (lambda θ: Poisson(θ[:, 0]), [3000.0], [0, 3000, 9000]),
    "geometric": (lambda θ: Geometric(logits=θ[:, 0]), [-14.0], [0, 3, 10_000_000]),
    "a sure geometric": (lambda θ: Geometric(logits=θ[:, 0]), [15.0], [0, 1, 2]),
    "geometric by p": (lambda θ: Geometric(probs=θ[:, 0]), [0.999999], [0, 1, 5]),
    "bernoulli": (lambda θ: Bernoulli(logits=θ[:, 0]), [15.0], [0, 1]),
    "a rare bernoulli": (lambda θ: Bernoulli(logits=θ[:, 0]), [-15.0], [0, 1]),
    "binomial": (lambda θ: Binomial(9, logits=θ[:, 0]), [15.0], [0, 4, 8, 9]),
    "rare classes first": (lambda θ: Categorical(logits=θ), [-14.0, -15.0, -13.0, 0.0], [0, 1, 2, 3]),
    "rare classes last": (lambda θ: Categorical(logits=θ), [0.0, -14.0, -15.0, -13.0], [0, 1, 2, 3]),
    "a rare class between": (lambda θ: Categorical(logits=θ), [0.3, -15.0, -0.2, -13.0], [0, 1, 2, 3]),
}


def slopes(make: Make, point: list[float], values: list[int], dtype: torch.dtype) -> Tensor:
    """G at each value, `[S, P]`."""
    rows = []
    for value in values:
        theta = torch.tensor([point], dtype=dtype, requires_grad=True)
        p = make(theta)
        x = torch.tensor([[value]], dtype=torch.long if isinstance(p, Categorical) else dtype)
        y, weights = _family_of(p).slope(p, x, torch.ones(1, 1, dtype=dtype))
        rows.append(torch.autograd.grad((y * weights).sum(), theta)[0][0].double())
    return torch.stack(rows)


@pytest.mark.parametrize("name", TAILS)
def test_slopes_have_all_digits_in_the_tails(name: str) -> None:
    make, point, values = TAILS[name]
    rounded = torch.tensor(point, dtype=torch.float32).double().tolist()
    single, double = (slopes(make, rounded, values, dtype) for dtype in (torch.float32, torch.float64))
    if isinstance(make(torch.tensor([point])), Categorical):  # a difference is not taken at the largest
        single, double = single[:-1], double[:-1]
    size = double.abs().clamp(min=1e-30)
    assert bool(((single - double).abs() / size < 1e-5).all()), (single, double)


def test_of_classes_the_slopes_are_sums_of_masses() -> None:
    # In the logits of class i: −π_i (1[i ≤ x] − F(x)) / π_x, in rational steps of the float64 masses.
    _, point, _ = TAILS["rare classes last"]
    π = [math.exp(a) for a in point]
    π = [each / math.fsum(π) for each in π]
    found = slopes(TAILS["rare classes last"][0], point, [0, 1, 2], torch.float64)
    for x, i in itertools.product(range(3), range(4)):
        above = math.fsum(π[x + 1 :])
        wanted = -π[i] * above / π[x] if i <= x else π[i] * math.fsum(π[: x + 1]) / π[x]
        assert float(found[x, i]) == pytest.approx(wanted, rel=1e-12)


def test_the_plain_derivative_of_the_sum_has_not() -> None:
    """The control: −∂F/p with F the running sum of probabilities in float32."""

    def plain(dtype: torch.dtype) -> Tensor:
        theta = torch.tensor([[0.0, -14.0, -15.0, -13.0]], dtype=dtype, requires_grad=True)
        π = theta.softmax(-1)
        (found,) = torch.autograd.grad(-π.cumsum(-1)[0, 2] / π.detach()[0, 2], theta)
        return found[0].double()

    single, double = plain(torch.float32), plain(torch.float64)
    assert float(((single - double).abs() / double.abs()).max()) > 1e-3


# --- a variant that is wrong ------------------------------------------------------------------------


@dataclass(frozen=True)
class BySurvival(Go):
    """Has P(x > k) in the place of P(x ≤ k)."""

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        return -super().gradient(problem, theta, sample_size)


COUNTS = {name: PROBLEMS[name] for name in ("poisson", "categorical")}


def test_the_survival_function_is_not_certified() -> None:
    assert "bias" in bench.certify(BySurvival(), COUNTS, replicates=3000).failed_checks


@pytest.mark.parametrize("estimator", [Go()], ids=repr)
def test_what_is_right_is_certified_by_the_same_test(estimator: Estimator) -> None:
    assert bench.certify(estimator, COUNTS, replicates=3000).passed
