"""Run variances are those known in closed form."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from bench.catalogue import build
from bench.problem import Problem
from tests.cases import estimates_of, estimator_of, expectation, problem_of
from tests.parameters import some

# A normal exceeds 4 with probability 6.3e-5. The 130 comparisons of this file, of paths, control variates,
# samplers, resampled batches and bounds together raise a false alarm with probability below 1 %. The standard
# error of a variance is √((κ − 1)/R) of it, κ estimated; R makes that 3 % at most, so that 12 % are seen.
Z_LIMIT = 4.0
MOST_ERROR = 0.03
REPLICATES = 10_000


def variance_z(estimates: torch.Tensor, exact: torch.Tensor) -> torch.Tensor:
    """(sample variance − exact variance) / its standard error, of each coordinate, `[P]`."""
    square = (estimates - estimates.mean(0)).square()  # [R, P]
    return (estimates.var(0) - exact) / (square.std(0) / len(estimates) ** 0.5)


def assert_variance(estimates: torch.Tensor, exact: torch.Tensor) -> None:
    """Within the limit, by a standard error that is small enough, in each coordinate."""
    square = (estimates - estimates.mean(0)).square()  # [R, P]
    assert (square.std(0) / len(estimates) ** 0.5 / exact).max() < MOST_ERROR
    assert variance_z(estimates, exact).abs().max() < Z_LIMIT


@pytest.mark.parametrize("sample_size", [10, 100, 1000])
@pytest.mark.parametrize(
    ("estimator_name", "exact"),
    [
        ("reinforce", lambda N: 87 / N),
        ("leave_one_out", lambda N: 42 / N + 34 / (N * (N - 1))),
        ("reparameterization", lambda N: 4 / N),
    ],
)
def test_the_lecture_example(estimator_name: str, exact: Any, sample_size: int) -> None:
    estimates = estimates_of(estimator_of(estimator_name), problem_of("gaussian"), sample_size, REPLICATES)
    wanted = torch.tensor([exact(sample_size)], dtype=torch.float64)
    assert_variance(estimates, wanted)
    assert abs(float(estimates.mean()) - 4) < Z_LIMIT * float((wanted / REPLICATES).sqrt())


def quadratic(mean: float, scale: float, target: float) -> Problem:
    cost = f"(z - {target})**2"
    options = expectation(cost, ["loc", "scale"], normal={"loc": mean, "scale": scale})
    options.pop("name")
    problem: Problem = build("problems", "expectation", options)
    return problem.to("cpu", torch.float64)


@pytest.mark.parametrize(("mean", "scale", "target"), [(1.4, 0.7, 0.2), (-0.3, 1.6, 0.9)])
@pytest.mark.parametrize(
    ("name", "options", "exact"),
    [
        (
            "reinforce",
            {},
            lambda d, s: (d**4 / s**2 + 14 * d**2 + 15 * s**2, 2 * d**4 / s**2 + 60 * d**2 + 74 * s**2),
        ),
        (
            "reinforce",
            {"baseline": "optimal"},
            lambda d, s: (8 * d**2 + 6 * s**2, 40 * d**2 + 24 * s**2),
        ),
        ("reparameterization", {}, lambda d, s: (4 * s**2, 4 * d**2 + 8 * s**2)),
    ],
    ids=["reinforce", "optimal", "reparameterization"],
)
def test_the_gaussian_quadratic_with_one_sample(
    name: str, options: dict[str, Any], exact: Any, mean: float, scale: float, target: float
) -> None:
    # Mohamed et al. (2020), §4-5: variances of the estimates of d/dloc and d/dscale for
    # f = (x − k)², d = loc − k. The fitted baseline is off its optimum by a few percent,
    # which costs a variance of second order in that: 1 %, a standard error at most. The kurtosis
    # of the score function is 31 to 442 here, by Gauss-Hermite quadrature; for 442 R must be 490 000.
    estimates = estimates_of(build("estimators", name, options), quadratic(mean, scale, target), 1, 500_000)
    assert_variance(estimates, torch.tensor(exact(mean - target, scale), dtype=torch.float64))


@pytest.mark.parametrize(("mean", "scale", "target"), [(1.4, 0.7, 0.2), (-0.3, 1.6, 0.9)])
@pytest.mark.parametrize("sample_size", [4, 20])
def test_leave_one_out_on_the_gaussian_quadratic(
    mean: float, scale: float, target: float, sample_size: int
) -> None:
    # That of the mean as baseline over N, and (I Var f + |∇|²)/(N (N − 1)) for its noise, with
    # I = 1/σ² and 2/σ², Var f = 4 d²σ² + 2 σ⁴.
    d, s, N = mean - target, scale, sample_size
    spread = 4 * d**2 * s**2 + 2 * s**4
    noise = torch.tensor([spread / s**2 + 4 * d**2, 2 * spread / s**2 + 4 * s**2], dtype=torch.float64)
    known = torch.tensor([8 * d**2 + 10 * s**2, 40 * d**2 + 56 * s**2], dtype=torch.float64)
    estimates = estimates_of(estimator_of("leave_one_out"), quadratic(mean, scale, target), N, 250_000)
    assert_variance(estimates, known / N + noise / (N * (N - 1)))


# The kurtosis is at most 15 from here on: deviations of 3 % are seen.
MANY = 250_000


@pytest.mark.parametrize(("mean", "scale", "target"), [(1.4, 0.7, 0.2), (-0.3, 1.6, 0.9)])
def test_the_score_of_mirrored_pairs(mean: float, scale: float, target: float) -> None:
    # With x = μ ± σ ε and d = μ − k a pair has the estimates 2 d ε² and (d² + σ² ε²)(ε² − 1)/σ.
    problem, d, s = quadratic(mean, scale, target), mean - target, scale
    estimates = estimates_of(estimator_of("reinforce-antithetic"), problem, 2, MANY)
    exact = torch.tensor([8 * d**2, 2 * d**4 / s**2 + 20 * d**2 + 74 * s**2], dtype=torch.float64)
    assert_variance(estimates, exact)
    # The control: two independent samples, whose mean has more noise for the one and less for the other.
    iid = torch.tensor(
        [d**4 / s**2 + 14 * d**2 + 15 * s**2, 2 * d**4 / s**2 + 60 * d**2 + 74 * s**2], dtype=torch.float64
    )
    assert variance_z(estimates, iid / 2).abs().min() > Z_LIMIT


def independent(h: float) -> Any:
    """Var of (f(x₊) − f(x₋))/2h for f = (x − k)², x± independent: 4 d² s² + 2 s⁴ at each side, summed."""
    return lambda d, s: (
        2 * s**2 + (2 * d**2 * s**2 + s**4) / h**2,
        2 * d**2 * (1 + s**2 / h**2) + s**4 / h**2 + 6 * s**2 + h**2,
    )


@pytest.mark.parametrize(("mean", "scale", "target"), [(1.4, 0.7, 0.2), (-0.3, 1.6, 0.9)])
@pytest.mark.parametrize(
    ("name", "options", "exact"),
    [
        (
            "measure_valued",
            {},
            lambda d, s: (d**2 * (16 / math.pi - 4), 4 * d**2 + 4 * s**2),
        ),
        (
            "measure_valued",
            {"coupled": False},
            lambda d, s: (d**2 * (8 / math.pi - 2) + 4 * s**2 / math.pi, 16 * d**2 + 8 * s**2),
        ),
        ("finite_differences", {"step": 0.5}, lambda d, s: (4 * s**2, 4 * d**2 + 8 * s**2)),
        ("finite_differences", {"step": 0.01}, lambda d, s: (4 * s**2, 4 * d**2 + 8 * s**2)),
        ("finite_differences", {"step": 0.5, "common": False}, independent(0.5)),
        ("finite_differences", {"step": 0.1, "common": False}, independent(0.1)),
    ],
    ids=["coupled", "uncoupled", "common-0.5", "common-0.01", "independent-0.5", "independent-0.1"],
)
def test_the_gaussian_quadratic_by_differences(
    name: str, options: dict[str, Any], exact: Any, mean: float, scale: float, target: float
) -> None:
    # Mohamed et al. (2020), §6, for measure-valued derivatives.
    estimates = estimates_of(build("estimators", name, options), quadratic(mean, scale, target), 1, MANY)
    assert_variance(estimates, torch.tensor(exact(mean - target, scale), dtype=torch.float64))


@pytest.mark.parametrize("weights", some([[0.7, -1.9, 0.4], [1.3, 0.6, -0.8, 2.1, 0.9]], 1))
@pytest.mark.parametrize(
    ("name", "options", "exact"),
    [
        # Of one direction e the estimate is (gᵀe) e: E|(gᵀe) e|² − |g|² = (d + 2 − 1) |g|² for normal e,
        # (d − 1) |g|² for signs. Random numbers in common cancel from a linear cost.
        ("evolution_strategies", {}, lambda d, N: (d + 1) / N),
        ("evolution_strategies", {"direction": "forward", "smoothing": 0.3}, lambda d, N: (d + 1) / N),
        ("simultaneous_perturbation", {}, lambda d, N: (d - 1) / N),
    ],
    ids=["antithetic", "forward", "simultaneous"],
)
@pytest.mark.parametrize("sample_size", [pytest.param(1, marks=pytest.mark.slow), 4])
def test_a_linear_cost_by_random_directions(
    name: str, options: dict[str, Any], exact: Any, weights: list[float], sample_size: int
) -> None:
    problem = linear(weights)
    estimates = estimates_of(build("estimators", name, options), problem, sample_size, MANY)
    gradient = torch.tensor(weights, dtype=torch.float64)  # [D]
    wanted = exact(len(weights), sample_size) * gradient.square().sum()
    square = (estimates - gradient).square().sum(1)  # [R]
    error = square.std() / len(square) ** 0.5
    assert error < MOST_ERROR * wanted
    assert (square.mean() - wanted).abs() < Z_LIMIT * error
    # The control: the variance of the other kind of direction, 2 |g|² / N away.
    other = (len(weights) - 1 if name == "evolution_strategies" else len(weights) + 1) / sample_size
    assert (square.mean() - other * gradient.square().sum()).abs() > Z_LIMIT * error


def linear(weights: list[float]) -> Problem:
    """f = gᵀx, x ~ N(θ, 0.8²); a formula has no weights, so the cost is put in its place."""
    options = expectation("sum(z)", ["loc"], normal={"loc": [0.3] * len(weights), "scale": 0.8})
    problem: Problem = build("problems", options.pop("name"), options)
    gradient = torch.tensor(weights, dtype=torch.float64)  # [D]
    problem.cost = lambda x, _: x @ gradient  # type: ignore[method-assign]
    return problem.to("cpu", torch.float64)


def test_enumeration_and_a_single_bernoulli_leave_no_variance() -> None:
    for name, problem_name in [("exact", "normal"), ("exact", "bernoullis"), ("measure_valued", "bernoulli")]:
        estimates = estimates_of(estimator_of(name), problem_of(problem_name), 3, 100)
        assert torch.equal(estimates, estimates[:1].expand_as(estimates))


def test_the_variance_test_has_power() -> None:
    estimates = estimates_of(estimator_of("reinforce"), problem_of("gaussian"), 10, REPLICATES)
    assert variance_z(estimates, torch.tensor([87 / 10 * 0.8], dtype=torch.float64)).abs() > Z_LIMIT


def test_the_rate_is_one_over_sample_size() -> None:
    sizes = torch.tensor([10.0, 100.0, 1000.0], dtype=torch.float64)
    problem, estimator = problem_of("gaussian"), estimator_of("reparameterization")
    log_variances = torch.stack(
        [estimates_of(estimator, problem, int(N), REPLICATES).var(0).log()[0] for N in sizes]
    )
    x = sizes.log() - sizes.log().mean()
    slope = float((x * log_variances).sum() / x.square().sum())
    # Each log variance has standard error √(2/R); that of the slope follows.
    assert abs(slope + 1) < Z_LIMIT * (2 / REPLICATES) ** 0.5 / float(x.norm())
