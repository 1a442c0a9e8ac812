"""Samples that depend on one another within an estimate: their laws, their exact variances, their rates."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Size, Tensor

from bench.catalogue import build
from bench.distributions.paths import inside, path_of
from bench.distributions.sobol import scrambled_sobol
from bench.engine.streams import Address, stream
from bench.engine.truth import exact_gradient
from bench.estimator import NotApplicable
from bench.problem import Problem
from estimators.baselines import LeaveOneOut
from estimators.samplers import SAMPLERS
from tests.cases import PROBLEMS, estimates_of, estimator_of, expectation, problem_of
from tests.test_exact_variances import MOST_ERROR
from tests.test_exact_variances import Z_LIMIT as OF_VARIANCES
from tests.test_unbiasedness import z_scores

CPU = torch.device("cpu")
# A normal exceeds 5 with probability 6e-7; 36 means are compared.
Z_LIMIT = 5.0
WITH_PATH = ["gaussian", "normals", "lognormal", "laplace", "exponential", "half_normal", "weibull"]
WITH_PATH += ["multivariate_normal", "vae-sampled"]


def drawn(sample_size: int, rows: int, dimensions: int) -> Tensor:
    """Scrambled points, `[N, R, D]`."""
    with stream(Address(0, "test", sample_size, "sobol", 0), CPU):
        return scrambled_sobol(sample_size, Size((rows,)), dimensions, CPU)


# --- the points -----------------------------------------------------------------------------------


@pytest.mark.parametrize("sample_size", [1, 2, 8, 64])
def test_in_every_interval_of_length_one_over_n_there_is_one_point(sample_size: int) -> None:
    points = drawn(sample_size, 50, 7)
    cells = (points * sample_size).long().sort(0).values
    assert torch.equal(cells, torch.arange(sample_size)[:, None, None].expand_as(cells))


def test_in_every_elementary_box_of_two_dimensions_there_is_one_point() -> None:
    points = drawn(16, 50, 2)
    for columns in (1, 2, 4, 8, 16):
        x, y = (points[..., 0] * columns).long(), (points[..., 1] * (16 // columns)).long()
        cells = (x * (16 // columns) + y).sort(0).values
        assert torch.equal(cells, torch.arange(16)[:, None].expand_as(cells))


def test_the_first_points_do_not_depend_on_how_many_follow() -> None:
    first = scrambled_in_order(5)
    assert torch.equal(first, scrambled_in_order(8)[:5])


def scrambled_in_order(sample_size: int) -> Tensor:
    # The same number of levels, hence of random numbers.
    with stream(Address(0, "test", 8, "sobol", 0), CPU):
        return scrambled_sobol(sample_size, Size((4,)), 3, CPU)


@pytest.mark.parametrize("sample_size", [4, 32])
def test_the_variance_of_the_mean_is_that_of_nested_uniform_scrambling(sample_size: int) -> None:
    # One point in each of N intervals, uniform there and pairwise independent: 1/(12 N²) / N.
    means = drawn(sample_size, 40_000, 1).mean(0)[:, 0]
    square = (means - 0.5).square()
    error = 12 * sample_size**3 * square.std() / 200
    assert error < MOST_ERROR
    assert abs(float(square.mean() * 12 * sample_size**3 - 1)) < OF_VARIANCES * error


def test_each_point_is_uniform() -> None:
    points = drawn(4, 20_000, 3)
    for moment in (1, 2, 3):
        power = points**moment
        z = (power.mean(1) - 1 / (moment + 1)) / (power.std(1) / 20_000**0.5)
        assert z.abs().max() < Z_LIMIT
    assert float(points.min()) > 0
    assert float(points.max()) < 1


def test_too_many_dimensions_are_refused() -> None:
    with pytest.raises(NotApplicable, match="dimensions"):
        drawn(2, 1, 30_000)


# --- the paths ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["laplace", "exponential", "half_normal", "weibull"])
def test_uniform_noise_goes_through_the_inverse_of_the_cdf(name: str) -> None:
    problem = problem_of(name)
    p = problem.distribution(problem.theta[None])
    u = torch.linspace(0.01, 0.99, 50, dtype=torch.float64)[:, None]
    assert torch.allclose(p.cdf(path_of(p).follow(u)), u, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_ends_of_the_unit_interval_give_finite_samples(dtype: torch.dtype) -> None:
    ends = inside(torch.tensor([[0.0], [1.0]], dtype=dtype))
    for name in ("laplace", "exponential", "half_normal", "weibull"):
        problem = problem_of(name).to("cpu", dtype)
        assert path_of(problem.distribution(problem.theta[None])).follow(ends).isfinite().all()


@pytest.mark.parametrize("name", [name for name in PROBLEMS if name in ("gamma", "beta", "von_mises")])
@pytest.mark.parametrize("sampler", ["antithetic", "rqmc"])
def test_what_has_no_inverse_cdf_is_refused(sampler: str, name: str) -> None:
    problem = problem_of(name)
    with pytest.raises(NotApplicable, match="no inverse CDF"):
        estimates_of(estimator_of(sampler), problem, 4, 3)


# --- the samplers ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", WITH_PATH)
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_rows_do_not_depend_on_one_another(sampler: str, name: str) -> None:
    problem = problem_of(name)
    p = problem.theta.repeat(4, 1)
    moved = p.clone()
    moved[-1] *= 1.01
    before, after = (one_draw(sampler, problem, rows) for rows in (p, moved))
    assert torch.equal(before[:-1], after[:-1])
    assert not torch.equal(before[-1], after[-1])
    if (sampler, name) != ("antithetic", "gaussian"):  # of z² a mirrored pair has no noise
        assert not torch.equal(before[0], before[1])


def one_draw(sampler: str, problem: Problem, rows: Tensor) -> Tensor:
    estimator = build("estimators", "reparameterization", {"sampler": sampler})
    with stream(Address(0, "test", 4, "estimates"), CPU) as draws:
        draws.begin(0, len(rows))
        return estimator.gradient(problem, rows.clone().requires_grad_(), 4)


def test_pairs_need_an_even_sample_size() -> None:
    with pytest.raises(NotApplicable, match="even"):
        estimates_of(estimator_of("antithetic"), problem_of("gaussian"), 3, 2)
    assert estimator_of("antithetic").minimum_sample_size == 2


@pytest.mark.parametrize("sampler", ["antithetic", "rqmc"])
def test_a_baseline_of_dependent_samples_is_refused(sampler: str) -> None:
    estimator = build("estimators", "reinforce", {"sampler": sampler, "baseline": "leave_one_out"})
    with pytest.raises(NotApplicable, match="not independent"):
        estimates_of(estimator, problem_of("gaussian"), 4, 2)


def test_it_would_be_biased(monkeypatch: pytest.MonkeyPatch) -> None:
    # With its partner's cost as baseline a pair μ ± ε has the estimate (f(μ + ε) − f(μ − ε)) ε = 4 μ ε²,
    # whose mean is twice the gradient, 2 μ.
    monkeypatch.setattr(LeaveOneOut, "of_other_samples", False)
    estimator = build("estimators", "reinforce", {"sampler": "antithetic", "baseline": "leave_one_out"})
    estimates = estimates_of(estimator, problem_of("gaussian"), 2, 10_000)
    assert z_scores(estimates, torch.tensor([4.0], dtype=torch.float64)).abs() > 2 * Z_LIMIT
    assert z_scores(estimates, torch.tensor([8.0], dtype=torch.float64)).abs() < Z_LIMIT


@pytest.mark.parametrize("baseline", ["optimal", "moving_average", "learned", "independent"])
def test_others_leave_mirrored_scores_unbiased(baseline: str) -> None:
    problem = problem_of("normal")
    estimator = build("estimators", "reinforce", {"sampler": "antithetic", "baseline": baseline})
    truth = exact_gradient(problem).gradient
    assert truth is not None
    assert z_scores(estimates_of(estimator, problem, 4, 10_000), truth).abs().max() < Z_LIMIT


def test_what_is_drawn_is_the_same_whether_it_is_followed_or_not() -> None:
    problem = problem_of("normals")
    p = problem.distribution(problem.theta.expand(5, -1).requires_grad_())
    for sampler in SAMPLERS.values():
        with stream(Address(0, "test", 4, "estimates", 0), CPU):
            followed = sampler().samples(p, 4)
        with stream(Address(0, "test", 4, "estimates", 0), CPU):
            fixed = sampler().fixed(p, 4)
        assert torch.equal(followed, fixed)
        assert followed.requires_grad
        assert not fixed.requires_grad


def test_pairs_are_mirrored() -> None:
    problem = problem_of("lognormal")
    p = problem.distribution(problem.theta.expand(5, -1))
    x = SAMPLERS["antithetic"]().samples(p, 6).log() - problem.theta[0]
    assert torch.allclose(x[:3], -x[3:], rtol=1e-9)


def log_variance_slope(sampler: str, cost: str, sizes: list[int], replicates: int) -> float:
    options: dict[str, Any] = expectation(cost, ["loc"], normal={"loc": 0.7, "scale": 0.9})
    problem = build("problems", options.pop("name"), options).to("cpu", torch.float64)
    estimator = build("estimators", "reparameterization", {"sampler": sampler})
    y = torch.stack([estimates_of(estimator, problem, N, replicates).var(0).log()[0] for N in sizes])
    x = torch.tensor(sizes, dtype=torch.float64).log()
    x = x - x.mean()
    return float((x * y).sum() / x.square().sum())


@pytest.mark.parametrize(("cost", "steepest"), [("cos(z)", -1.7), ("z**2", -1.7), ("exp(-z**2)", -2.5)])
def test_the_rate_of_quasi_monte_carlo(cost: str, steepest: float) -> None:
    # The normal quantile is steep at the ends: a derivative that stays large far out costs
    # the rate of N⁻³ there, N⁻² without logarithms; one that vanishes keeps it.
    assert log_variance_slope("rqmc", cost, [8, 32, 128, 512], 2000) < steepest


@pytest.mark.parametrize("sampler", ["iid", "antithetic"])
def test_the_others_have_the_rate_of_monte_carlo(sampler: str) -> None:
    # Each log variance has a standard error of about √(2/10 000) = 0.014, the slope of 0.005.
    assert abs(log_variance_slope(sampler, "cos(z)", [8, 32, 128, 512], 10_000) + 1) < 0.03
