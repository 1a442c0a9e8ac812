"""Bounds on log evidence: their exact gradients, and the estimators that know how they are made."""

from __future__ import annotations

import itertools
import math
from typing import Any, Literal

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.distributions import Independent, Normal

from bench.catalogue import build
from bench.distributions.repeated import Repeated
from bench.engine.counting import Counts, counted
from bench.engine.streams import Address, stream
from bench.engine.truth import exact_gradient
from bench.errors import Invalid
from bench.estimator import Estimator, NotApplicable
from bench.problem import Problem
from estimators.vimco import Vimco
from tests.cases import (
    BOUNDS,
    VAES,
    VARIATIONAL,
    VARIATIONAL_ESTIMATORS,
    estimates_of,
    estimator_of,
    problem_of,
)
from tests.parameters import spread
from tests.test_exact_variances import Z_LIMIT as OF_VARIANCES
from tests.test_exact_variances import assert_variance, variance_z
from tests.test_unbiasedness import z_scores

CPU = torch.device("cpu")
# About 1000 coordinates are compared. |z| > 5.5 has probability 4e-8 for a normal: the whole
# file raises a false alarm with probability below 1e-4.
Z_LIMIT = 5.5
SAMPLE_SIZE, REPLICATES = 2, 10_000
GENERAL = ["reinforce", "leave_one_out", "reparameterization"]


def problem_from(name: str, **options: Any) -> Problem:
    problem: Problem = build("problems", name, options)
    return problem.to("cpu", torch.float64)


def truth_of(problem: Problem) -> Tensor:
    gradient = exact_gradient(problem).gradient
    assert gradient is not None
    return gradient


def drawn(estimator: Estimator, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
    """Estimates at the given rows of θ, from one and the same stream."""
    with stream(Address(0, "test", sample_size, "estimates"), CPU) as draws:
        draws.begin(0, len(theta))
        return estimator.gradient(problem, theta.detach().requires_grad_(), sample_size)


# --- what is said of these problems ---------------------------------------


@pytest.mark.parametrize("name", VARIATIONAL)
def test_the_expectation_is_the_mean_cost(name: str) -> None:
    problem = problem_of(name)
    R = min(20_000, 1_500_000 // problem.width)
    theta = problem.theta[None]
    with torch.no_grad(), stream(Address(0, "truth", R, "test", 0), CPU):
        p = problem.distribution(theta)
        term = problem.analytic_term(theta, p)
        cost = problem.cost(p.sample((R,)), theta) + (0 if term is None else term)
        cost = cost.reshape(R, -1).mean(1)  # [R]
        z = (cost.mean() - problem.expectation(theta)[0]) / (cost.std() / R**0.5)
    assert abs(float(z)) < Z_LIMIT
    # What would be noticed: ten standard errors are at most a few percent of the cost's own size.
    assert 10 * float(cost.std()) / R**0.5 < 0.1 * max(1.0, abs(float(cost.mean())))


@pytest.mark.parametrize("name", spread(VARIATIONAL, 5))
def test_each_row_of_theta_has_its_own_expectation(name: str) -> None:
    problem = problem_of(name)
    rows = problem.theta * torch.tensor([[1.0], [1.01], [0.99]], dtype=torch.float64)  # [3, P]
    values = problem.expectation(rows)  # [3]
    alone = torch.cat([problem.expectation(row[None]) for row in rows])
    assert values.shape == (3,)
    torch.testing.assert_close(values, alone, rtol=1e-12, atol=1e-12)
    assert len(set(values.tolist())) == 3


@pytest.mark.parametrize("estimator_name", VARIATIONAL_ESTIMATORS)
@pytest.mark.parametrize("problem_name", ["gaussian", "bernoulli", "vae-analytic_kl", "vae-analytic_entropy"])
def test_what_has_no_log_weight_is_refused(estimator_name: str, problem_name: str) -> None:
    problem = problem_of(problem_name)
    with pytest.raises(NotApplicable):
        drawn(estimator_of(estimator_name), problem, problem.theta.expand(2, -1), 2)


# --- sticking the landing -------------------------------------------------------------------------


@pytest.mark.parametrize(("m", "s"), [(0.6, 0.7), (-0.4, 1.3)])
def test_variances_on_the_gaussian_elbo(m: float, s: float) -> None:
    problem = problem_from("gaussian_elbo", loc=m, scale=s)
    gap = (1 / s - s) ** 2
    exact = {
        "reparameterization": [s**2, m**2 + 2 * s**2],
        "sticking_the_landing": [gap, m**2 + 2 * gap],
    }
    for name, wanted in exact.items():
        estimates = estimates_of(estimator_of(name), problem, 1, 20_000)
        assert_variance(estimates, torch.tensor(wanted, dtype=torch.float64))
        less = 0.8 * torch.tensor(wanted, dtype=torch.float64)
        assert variance_z(estimates, less).abs().min() > OF_VARIANCES


@pytest.mark.parametrize(
    "model", [{}, {"data": [-0.5, 2.0], "noise": 0.7, "prior_loc": 0.3, "prior_scale": 1.4}]
)
def test_at_the_posterior_nothing_is_left_of_it(model: dict[str, float]) -> None:
    problem = problem_from("gaussian_elbo", **model)
    loc, scale = problem.posterior()  # type: ignore[attr-defined]
    optimum = problem_from("gaussian_elbo", **model, loc=loc, scale=scale)
    assert truth_of(optimum).abs().max() < 1e-14
    assert estimates_of(estimator_of("sticking_the_landing"), optimum, 3, 1000).abs().max() < 1e-13
    assert estimates_of(estimator_of("reparameterization"), optimum, 3, 1000).abs().max() > 0.1


# --- several samples ------------------------------------------------------------------------------

# z ~ N(0, 1), x|z ~ N(z, 1), x = 1.5: the posterior is N(0.75, ½).
TOY = {"name": "gaussian_elbo", "data": [1.5], "loc": 0.65, "scale": (2 / 3) ** 0.5}


def bound(samples: int, problem: dict[str, Any] = TOY) -> Problem:
    return problem_from("importance_weighted", samples=samples, problem=problem)


def log_evidence(d: float) -> float:
    return -0.25 * d * d - 0.5 * math.log(4 * math.pi)  # d ~ N(0, 2)


def test_with_one_sample_it_is_the_elbo() -> None:
    single, problem = problem_from(**TOY), bound(1)
    theta = single.theta[None]
    torch.testing.assert_close(problem.expectation(theta), single.expectation(theta), rtol=1e-10, atol=0)
    torch.testing.assert_close(truth_of(problem), truth_of(single), rtol=1e-10, atol=0)
    # The draws are the same, and so are the costs.
    for name in GENERAL:
        estimates = [drawn(estimator_of(name), one, one.theta.expand(5, -1), 3) for one in (problem, single)]
        torch.testing.assert_close(*estimates, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("estimator_name", ["reinforce", "reparameterization", "dreg", "vimco"])
def test_as_an_option_of_the_vae_it_is_the_same_problem(estimator_name: str) -> None:
    option, around = problem_of("iwae-vae"), bound(4, VAES["vae-sampled"])
    assert type(option) is type(around)
    assert (option.samples, option.width) == (4, around.width)  # type: ignore[attr-defined]
    estimates = [estimates_of(estimator_of(estimator_name), one, 2, 50) for one in (option, around)]
    assert torch.equal(*estimates)


def test_of_a_vector_the_bound_is_not_known() -> None:
    for name in BOUNDS:
        with pytest.raises(NotApplicable, match="one real number"):
            exact_gradient(problem_of(name))


def test_with_many_it_is_the_log_evidence() -> None:
    values = [-float(bound(K).expectation(bound(K).theta[None])) for K in (1, 2, 8, 64, 1024)]
    assert values == sorted(values)
    gaps = [log_evidence(1.5) - value for value in values]
    assert 0 < gaps[-1] < 1e-4
    # The gap is Var(w)/(2K) in the limit, here of 64 and 1024.
    assert gaps[-2] / gaps[-1] == pytest.approx(16, rel=0.1)


def test_the_bound_of_two_samples_is_that_of_a_square_of_nodes() -> None:
    nodes, weights = np.polynomial.hermite_e.hermegauss(90)
    z = torch.from_numpy(nodes)
    probability = torch.from_numpy(weights / weights.sum())
    problem, theta = bound(2), bound(2).theta[None]
    x = theta[0, 0] + theta[0, 1] * torch.cartesian_prod(z, z)  # [M², 2]
    cost = problem.cost(x[:, None], theta)[:, 0]  # [M²]
    mean = (torch.outer(probability, probability).flatten() * cost).sum()
    assert float(problem.expectation(theta)) == pytest.approx(float(mean), rel=1e-9)


def test_two_thirds_are_a_variance() -> None:
    # As a standard deviation they would move every number of the example.
    problem = problem_from("linear_gaussian")
    q = problem.distribution(problem.theta[None])
    assert q.variance.unique().tolist() == pytest.approx([2 / 3])
    assert q.mean.shape == (1, 16, 20)
    right, wrong = (truth_of(bound(4, {**TOY, "scale": s})) for s in ((2 / 3) ** 0.5, 2 / 3))
    assert right.tolist() == pytest.approx([-0.0344, 0.0644], abs=1e-4)
    assert (right - wrong).abs().min() > 0.01


def test_near_the_optimum_the_gradient_is_small() -> None:
    problem = problem_from("linear_gaussian", perturbation=0.0)
    gradient = truth_of(problem_from("linear_gaussian", perturbation=0.0, batch_size=1024))
    # Over all items that of the prior's mean vanishes, over some it does not; A and b are at their optimum.
    assert gradient.abs().max() < 1e-12
    assert truth_of(problem)[problem.parameters["prior_mean"]].abs().max() > 0.1


@pytest.mark.slow
@pytest.mark.parametrize("problem_name", BOUNDS)
@pytest.mark.parametrize("estimator_name", ["reinforce", "dreg", "vimco", "vimco-arithmetic"])
def test_they_agree_where_the_truth_is_not_known(estimator_name: str, problem_name: str) -> None:
    problem = problem_of(problem_name)
    reference = estimates_of(estimator_of("reparameterization"), problem, 8, 2_000, seed=1)
    estimates = estimates_of(estimator_of(estimator_name), problem, SAMPLE_SIZE, 4_000)
    error = (reference.var(0) / len(reference)).sqrt()
    assert z_scores(estimates, reference.mean(0), error).abs().max() < Z_LIMIT


@pytest.mark.parametrize("problem_name", spread(["iwae-linear", "iwae-vae"], 1))
def test_the_wake_phase_moves_the_model_as_the_bound_does(problem_name: str) -> None:
    problem = problem_of(problem_name)
    model = problem.parameters["decoder" if "decoder" in problem.parameters else "prior_mean"]
    encoder = problem.parameters["encoder" if "encoder" in problem.parameters else "encoder_offset"]
    reference = estimates_of(estimator_of("reparameterization"), problem, 8, 2_000, seed=1)
    estimates = estimates_of(estimator_of("wake_phase"), problem, 8, 4_000)
    error = (reference.var(0) / len(reference)).sqrt()
    z = z_scores(estimates, reference.mean(0), error).abs()
    assert z[model].max() < Z_LIMIT < z[encoder].max()


def test_the_wake_phase_tends_to_the_inclusive_divergence() -> None:
    # KL(p ‖ q) of N(¾, ½) from N(μ, σ²): its derivatives are (μ − ¾)/σ² and 1/σ − (½ + (μ − ¾)²)/σ³.
    mu, sigma = 0.65, (2 / 3) ** 0.5
    wanted = [(mu - 0.75) / sigma**2, 1 / sigma - (0.5 + (mu - 0.75) ** 2) / sigma**3]
    estimates = estimates_of(estimator_of("wake_phase"), bound(256), 4, 4_000)
    # Of self-normalized weights the bias is of the order of 1/K.
    assert estimates.mean(0).tolist() == pytest.approx(wanted, rel=0.03)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("estimator_name", "slope"), [("reparameterization", -0.5), ("vimco", -0.5), ("dreg", 0.5)]
)
def test_the_ratio_of_signal_to_noise_changes_with_samples_as_it_must(
    estimator_name: str, slope: float
) -> None:
    # Rainforth et al. (2018), theorem 1; Tucker et al. (2019), §6.
    sizes, logs = [4, 16, 64, 256], []
    for K in sizes:
        problem = bound(K)
        estimates = estimates_of(estimator_of(estimator_name), problem, 1, 5_000)
        logs.append((truth_of(problem).abs() / estimates.std(0)).log())
    x = torch.tensor(sizes, dtype=torch.float64).log()
    x = x - x.mean()
    found = (x[:, None] * torch.stack(logs)).sum(0) / x.square().sum()
    # A standard deviation is known to 1/√(2R) or twice that: 0.02/‖x‖ = 0.006 in the slope.
    assert (found - slope).abs().max() < 0.05


def test_a_score_left_out_of_several_samples_is_seen() -> None:
    problem = bound(4)
    truth, estimates = truth_of(problem), estimates_of(estimator_of("iwae_stl"), problem, 4, 20_000)
    assert z_scores(estimates, truth).abs().min() > 2 * Z_LIMIT
    assert estimates.mean(0)[0] == pytest.approx(-0.158, abs=0.003)
    assert float(truth[0]) == pytest.approx(-0.0344, abs=1e-4)
    with pytest.raises(NotApplicable, match="K > 1"):
        drawn(estimator_of("sticking_the_landing"), problem, problem.theta[None], 2)


def test_with_one_sample_it_is_none() -> None:
    problem = bound(1)
    theta = problem.theta.expand(5, -1)
    stuck, doubly = (
        drawn(estimator_of(name), problem, theta, 3) for name in ("sticking_the_landing", "dreg")
    )
    torch.testing.assert_close(stuck, doubly, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(stuck, drawn(estimator_of("iwae_stl"), problem, theta, 3))


def test_at_the_posterior_nothing_is_left_of_dreg() -> None:
    problem = bound(5, {**TOY, "loc": 0.75, "scale": 0.5**0.5})
    assert estimates_of(estimator_of("dreg"), problem, 3, 1000).abs().max() < 1e-13
    assert estimates_of(estimator_of("vimco"), problem, 3, 1000).abs().max() > 0.1


@pytest.mark.parametrize("mean", ["arithmetic", "geometric"])
def test_what_a_sample_adds_by_hand(mean: Literal["arithmetic", "geometric"]) -> None:
    weights = torch.tensor([[1.0, 2.0, 6.0, 0.5], [1e-30, 1.0, 1e-30, 1e-30]], dtype=torch.float64)
    wanted = torch.empty_like(weights)
    for row, k in itertools.product(range(2), range(4)):
        others = torch.cat([weights[row, :k], weights[row, k + 1 :]])
        instead = others.mean() if mean == "arithmetic" else others.log().mean().exp()
        wanted[row, k] = (weights[row].sum() / (others.sum() + instead)).log()
    torch.testing.assert_close(Vimco(mean=mean).advantages(weights.log()), wanted, rtol=1e-9, atol=1e-12)


def test_it_needs_two_samples() -> None:
    with pytest.raises(NotApplicable, match="K is 1"):
        drawn(estimator_of("vimco"), bound(1), bound(1).theta[None], 2)


@pytest.mark.parametrize(
    ("estimator_name", "problem_name", "counts"),
    [
        # f, and its gradient, for each of N·K = 15 samples.
        ("reparameterization", "iwae-5", (15, 15)),
        ("reinforce", "iwae-5", (15, 15)),
        ("dreg", "iwae-5", (15, 15)),
        ("vimco", "iwae-5", (15, 15)),
        ("wake_phase", "iwae-5", (15, 15)),
        ("iwae_stl", "iwae-5", (15, 15)),
        ("dreg", "iwae-vae", (12, 12)),
        ("sticking_the_landing", "vae-sampled", (3, 3)),
        ("sticking_the_landing", "gaussian_elbo", (3, 3)),
    ],
)
def test_evaluations_are_counted(estimator_name: str, problem_name: str, counts: tuple[int, int]) -> None:
    problem, found = problem_of(problem_name), Counts()
    theta = problem.theta.expand(7, -1)
    drawn(estimator_of(estimator_name), counted(problem, found), theta, 3)
    assert (found.evaluations / 7, found.gradient_evaluations / 7) == counts


def test_several_draws_are_those_of_the_base() -> None:
    base = Independent(Normal(torch.randn(2, 3, 4), torch.rand(2, 3, 4) + 0.5), 1)
    law = Repeated(base, 5)
    assert (law.batch_shape, law.event_shape) == (base.batch_shape, (5, 4))
    with stream(Address(0, "test", 6, "estimates", 0), CPU):
        x = law.sample((6,))  # [N, R, B, K, D]
    with stream(Address(0, "test", 6, "estimates", 0), CPU):
        same = base.sample((30,)).view(6, 5, 2, 3, 4)
    assert x.shape == (6, 2, 3, 5, 4)
    assert torch.equal(x[:, :, :, 2], same[:, 2])
    each = torch.stack([base.log_prob(x[:, :, :, k]) for k in range(5)], -1)
    torch.testing.assert_close(law.log_probs(x), each)
    torch.testing.assert_close(law.log_prob(x), each.sum(-1))
    assert law.unfolded(x).is_contiguous()


def test_resampled_data_and_pictures_are_those_of_the_problem_within() -> None:
    problem = problem_of("iwae-vae")
    torch.manual_seed(2)
    batches = problem.resampled(4)
    estimates = drawn(estimator_of("dreg"), batches, problem.theta.expand(4, -1), 2)
    assert estimates.isfinite().all()
    assert not torch.equal(estimates, drawn(estimator_of("dreg"), problem, problem.theta.expand(4, -1), 2))
    assert set(problem.pictures()) == set(problem_of("vae-sampled").pictures())
    assert batches.to("cpu", torch.float32).theta.dtype == torch.float32
    for name in ("linear_vae", "linear_gaussian"):
        rows = problem_of(name).resampled(4, copies=2)
        data = vars(rows)["data"]
        assert torch.equal(data[0], data[1])
        assert not torch.equal(data[0], data[2])
        x = rows.distribution(rows.theta.expand(4, -1)).sample((3,))
        assert rows.cost(x, rows.theta.expand(4, -1)).shape[:2] == (3, 4)


# --- one problem at a time ------------------------------------------------------------------------


@pytest.mark.slow
def test_logistic_regression_in_all_its_coordinates() -> None:
    # Four standard errors, in 62 coordinates: a false alarm has probability 4e-3, once for this seed.
    problem = problem_from("logistic_regression")
    assert len(problem.theta) == 62
    estimates = estimates_of(estimator_of("reparameterization"), problem, 10, 4_000)
    assert z_scores(estimates, truth_of(problem)).abs().max() < 4
    exact = exact_gradient(problem)
    assert exact.kind == "quadrature"
    assert exact.standard_error.max() < 1e-12


@pytest.mark.parametrize(
    ("name", "optimum"),
    [
        ("gamma_poisson", {"concentration": 34.0, "rate": 11.0}),
        ("dirichlet_multinomial", {"weight": 1.0}),
        ("beta_bernoulli", {"concentration1": 9.0, "concentration0": 5.0}),
        ("linear_vae", {"perturbation": 0.0, "latent": 1}),
    ],
)
def test_at_the_posterior_the_gradient_and_the_estimate_vanish(name: str, optimum: dict[str, Any]) -> None:
    problem = problem_from(name, **optimum)
    q = [slice(0, len(problem.theta))]
    if name == "linear_vae":  # of the model's parameters the gradient need not vanish
        q = [s for key, s in problem.parameters.items() if key not in ("weights", "offset")]
    estimates = estimates_of(estimator_of("sticking_the_landing"), problem, 2, 500)
    for block in q:
        assert truth_of(problem)[block].abs().max() < 1e-10
        assert estimates[:, block].abs().max() < 1e-10
    assert truth_of(problem_from(name)).abs().max() > 0.01


def test_at_the_posterior_of_trials_the_bound_is_their_probability() -> None:
    # p(d) = B(a₀ + s, b₀ + n − s) / B(a₀, b₀) = B(9, 5) / B(2, 2).
    problem = problem_from("beta_bernoulli", concentration1=9.0, concentration0=5.0)
    evidence = math.factorial(8) * math.factorial(4) / math.factorial(13) * 6
    assert float(problem.expectation(problem.theta[None])) == pytest.approx(-math.log(evidence), rel=1e-12)


@pytest.mark.parametrize(
    ("name", "options", "path"),
    [
        ("gaussian_elbo", {"scale": 0.0}, ("scale",)),
        ("gaussian_elbo", {"noise": -1.0}, ("noise",)),
        ("gaussian_elbo", {"data": 3}, ("data",)),
        ("linear_vae", {"batch_size": 0}, ("batch_size",)),
        ("linear_vae", {"noise": math.inf}, ("noise",)),
        ("linear_gaussian", {"batch_size": 2000}, ("batch_size",)),
        ("logistic_regression", {"steps": -1}, ("steps",)),
        ("logistic_regression", {"prior_scale": 0.0}, ("prior_scale",)),
        ("gamma_poisson", {"rate": 0.0}, ("rate",)),
        ("gamma_poisson", {"data": [1, -2]}, ("data", 1)),
        ("dirichlet_multinomial", {"categories": 1}, ("categories",)),
        ("dirichlet_multinomial", {"weight": 1.5}, ("weight",)),
        ("beta_bernoulli", {"concentration0": 0.0}, ("concentration0",)),
        ("beta_bernoulli", {"prior_concentration1": math.inf}, ("prior_concentration1",)),
        ("beta_bernoulli", {"trials": -1}, ("trials",)),
        ("beta_bernoulli", {"successes": 11}, ("successes",)),
        ("beta_bernoulli", {"successes": 0.5}, ("successes",)),
        ("importance_weighted", {"samples": 0, "problem": TOY}, ("samples",)),
        ("importance_weighted", {"samples": 2, "problem": {"nam": "vae"}}, ("problem",)),
        ("importance_weighted", {"samples": 2, "problem": {"name": "vea"}}, ("problem",)),
        ("importance_weighted", {"samples": 2, "problem": {**TOY, "scale": 0.0}}, ("problem", "scale")),
        ("importance_weighted", {"samples": 2, "problem": {"name": "vae", "batch_size": 2}}, ("problem",)),
        (
            "importance_weighted",
            {"samples": 2, "problem": {"name": "importance_weighted", "samples": 2, "problem": TOY}},
            ("problem", "name"),
        ),
    ],
)
def test_options_that_do_not_fit_are_refused(
    name: str, options: dict[str, Any], path: tuple[str, ...]
) -> None:
    with pytest.raises(Invalid) as caught:
        build("problems", name, options)
    assert [fault.path for fault in caught.value.faults] == [path]


@pytest.mark.parametrize("name", ["linear_vae", "linear_gaussian", "iwae-linear", "vae-sampled"])
@pytest.mark.parametrize("estimator_name", ["evolution_strategies", "simultaneous_perturbation"])
def test_points_beside_theta_have_the_data_of_their_row(name: str, estimator_name: str) -> None:
    # Rows that are folded with their directions would be given the data of others, or none.
    problem = problem_of(name)
    theta = problem.theta.expand(6, -1)
    batches = problem.resampled(6)
    alike = problem.resampled(6, copies=6)
    assert batches.data_per_row
    for drawn in (batches, alike):
        estimates = estimator_of(estimator_name).gradient(drawn, theta, 3)
        assert estimates.shape == theta.shape
        assert estimates.isfinite().all()
