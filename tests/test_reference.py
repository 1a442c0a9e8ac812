"""References: two families that agree give one, two that disagree give a dispute, and noise is stated."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from bench.catalogue import build
from bench.engine.gradient_draws import by_sample, jumps
from bench.engine.plan import Experiment
from bench.engine.reference import reference_of
from bench.engine.streams import Address
from bench.engine.truth import Truth, reference_gradient, truth_of
from bench.problem import Problem
from bench.scenario.resolve import default_references
from tests.cases import expectation, problem_of
from tests.parameters import spread
from tests.practice import Cosine, Edges, MeanCosine, Quadratic, Relaxed, experiment_on
from tests.test_truth import problem_from

# About 20 comparisons of a right value; |z| > 5 has probability 6e-7: below 2e-5 for all of them.
Z_LIMIT = 5.0


def usual(problem: Problem, replicates: int = 20_000) -> Experiment:
    """With the references that a scenario has if it names none."""
    return replace(experiment_on(problem), references=default_references(), reference_replicates=replicates)


def z_scores(truth: Truth, wanted: Any) -> Tensor:
    assert truth.kind == "reference", truth.note
    assert truth.gradient is not None
    return (truth.gradient - torch.as_tensor(wanted, dtype=torch.float64)) / truth.standard_error


def test_without_a_reference_there_is_no_truth_but_the_reason() -> None:
    truth = truth_of(experiment_on(problem_of("product")))
    assert (truth.kind, truth.gradient) == ("none", None)
    assert truth.standard_error.isnan().all()
    assert truth.standard_error.shape == (2,)
    assert "jump or a kink" in truth.note


def test_a_reference_comes_with_its_standard_error_and_how_it_was_made() -> None:
    # F = (μ₁ + μ₂)² + σ₁² + σ₂²: both derivatives are 2 (0.3 − 0.6) = −0.6.
    problem = problem_of("product")
    truth = truth_of(experiment_on(problem, "reparameterization", "leave_one_out"))
    assert truth.kind == "reference"
    assert truth.gradient is not None
    assert bool((((truth.gradient + 0.6) / truth.standard_error).abs() < Z_LIMIT).all())
    # 2 Σz has variance 4 · 0.89; a mean of 10 · 2000 samples.
    wanted = (4 * 0.89 / 20_000) ** 0.5
    assert truth.standard_error.tolist() == pytest.approx([wanted] * 2, rel=0.1)
    for part in ("reparameterization", "N = 10", "R = 2000", "jump or a kink"):
        assert part in truth.note


def test_a_reference_that_does_not_apply_is_passed_over() -> None:
    options = expectation("exp(z**2)*(z < 3)", ["rate"], poisson={"rate": 0.8})
    experiment = experiment_on(problem_from(options), "reparameterization", "leave_one_out")
    truth = reference_gradient(experiment, "why not")
    assert truth.kind == "reference"
    assert truth.note.startswith("leave_one_out")
    assert truth.note.endswith("why not")


def test_a_reference_is_the_same_every_time_and_another_with_another_seed() -> None:
    experiment = experiment_on(problem_of("product"), "reparameterization")
    first, again, other = (
        reference_gradient(one, "").gradient for one in (experiment, experiment, replace(experiment, seed=1))
    )
    assert first is not None
    assert again is not None
    assert other is not None
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


# --- two families ---------------------------------------------------------------------------------


def test_two_families_that_agree_give_the_less_noisy_one() -> None:
    # F = e^{2 l} + θ² + 0.3 θ²
    truth = truth_of(usual(Quadratic()))
    assert z_scores(truth, [2.6 * 0.7, 2 * float(torch.tensor(-0.8).exp())]).abs().max() < Z_LIMIT
    assert truth.families == 2
    assert truth.note.startswith("reparameterization, N = 10")
    assert "agrees with reinforce(baseline=leave_one_out)" in truth.note


def test_a_path_through_a_rejection_sampler_is_no_reference() -> None:
    # d/dκ of A_5(κ) at 2 is 0.147389, and the mean of the path 0.12766.
    truth = truth_of(usual(MeanCosine(exact=False)))
    assert (truth.kind, truth.gradient) == ("disputed", None)
    assert truth.standard_error.isnan().all()
    for part in ("two references disagree in kappa", "0.127", "0.14", "standard errors apart", "rejection"):
        assert part in truth.note
    control = truth_of(replace(usual(MeanCosine(exact=False)), references=default_references()[:1]))
    assert z_scores(control, 0.147389).abs() > 2 * Z_LIMIT
    assert control.families == 1


MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "log_prob": (
        {"log_prob": lambda p, x: -((x - p.loc) ** 2) / p.scale**2},
        "log_prob is not the log density of sample()",
    ),
    "rsample": ({"rsample": lambda p, x: p.loc + 1.3 * (x - p.loc)}, "sample() and rsample() do not draw"),
    "sample": ({"sample": lambda _, x: x + 0.2}, "sample() and rsample() do not draw"),
    "path": (
        {"rsample": lambda p, x: x + 0.2 * (p.loc.detach() - p.loc)},
        "rsample",
    ),
}


@pytest.mark.parametrize("name", spread(MISTAKES, 2))
def test_a_mistake_in_a_distribution_is_a_dispute_that_names_it(name: str) -> None:
    planted, said = MISTAKES[name]
    truth = truth_of(usual(Quadratic(**planted)))
    assert (truth.kind, truth.gradient) == ("disputed", None)
    assert "two references disagree" in truth.note
    assert said in truth.note


@pytest.mark.slow
def test_the_score_gives_no_reference_where_its_mean_is_not_zero() -> None:
    # In float64 a fifth of the draws of this coin round to the last number below 1.
    problem = Relaxed("logits")
    truth = truth_of(usual(problem))
    assert z_scores(truth, problem.slope()).abs() < Z_LIMIT
    assert truth.note.startswith("reparameterization")
    assert truth.families == 1
    assert "log_prob is not the log density of sample()" in truth.note
    assert truth_of(usual(Relaxed("temperature"))).kind == "disputed"


@pytest.mark.slow
def test_a_coin_at_a_higher_temperature_is_known_by_both() -> None:
    problem = Relaxed("temperature", temperature=0.5)
    truth = truth_of(usual(problem))
    assert z_scores(truth, problem.slope()).abs() < Z_LIMIT
    assert truth.families == 2


def test_a_reference_by_the_score_alone_is_disputed_where_the_support_moves() -> None:
    unknown = replace(usual(Edges()), references=default_references()[1:])
    truth = reference_gradient(unknown, "why not")
    assert truth.kind == "disputed"
    assert "the support of x depends on θ" in truth.note


# --- costs that jump ------------------------------------------------------------------------------


@pytest.mark.parametrize("cost", ["sum(z) > 0.3", "sum(z)**2 + 2*(sum(z) > 0.3)"])
def test_the_path_is_no_reference_where_the_cost_jumps(cost: str) -> None:
    problem = problem_from(expectation(cost, ["loc"], normal={"loc": [0.3, -0.6], "scale": [0.8, 0.5]}))
    truth = truth_of(usual(problem, 50_000))
    # Σz ~ N(−0.3, 0.89): the density at 0.3, once for each coordinate.
    jump = torch.distributions.Normal(-0.3, 0.89**0.5).log_prob(torch.tensor(0.3)).exp().item()
    wanted = jump if cost.startswith("sum(z) >") else 2 * -0.3 + 2 * jump
    assert z_scores(truth, [wanted, wanted]).abs().max() < Z_LIMIT
    assert "the cost jumps, which the path cannot see" in truth.note


@pytest.mark.parametrize(
    ("cost", "wanted"),
    [
        ("z**2 + 0.1*(z > 0.3)", True),
        ("z > 2", True),
        ("tanh(200*(z - 0.3))", False),
        ("abs(z - 0.2)", False),
        ("exp(z) + cos(20*z)", False),
        ("sqrt(abs(z))", False),
    ],
)
def test_a_jump_is_told_from_a_steep_slope(cost: str, wanted: bool) -> None:
    problem = problem_from(expectation(cost, ["loc"], normal={"loc": 0.3, "scale": 0.8}))
    draws = by_sample(problem, 4096, Address(0, "test", 1, "jumps", 0))
    assert jumps(problem, draws.x) is wanted


# --- noise that is stated -------------------------------------------------------------------------


def test_a_reference_that_never_varied_is_none() -> None:
    problem = problem_from(expectation("sum(z) > 99", ["loc"], normal={"loc": [0.3, -0.6], "scale": 0.5}))
    truth = truth_of(usual(problem, 1000))
    assert (truth.kind, truth.gradient) == ("none", None)
    assert "never varied" in truth.note


def test_a_slope_that_is_the_same_everywhere_is_known_without_noise() -> None:
    linear = Quadratic(f=lambda x: 2 * x, log_prob=lambda _, x: torch.zeros_like(x))
    truth = truth_of(replace(usual(linear), references=default_references()[:1]))
    assert truth.kind == "reference"
    assert truth.gradient is not None
    assert truth.gradient[0] == pytest.approx(2 + 0.6 * 0.7, abs=0.1)


def test_few_replicates_that_contribute_are_said_and_widen_the_error() -> None:
    # P(Σz > 2.5) of N(0.4, 0.46) is 0.001: about five of 500 · 10 draws reach the jump.
    problem = problem_from(expectation("sum(z) > 2.5", ["loc"], normal={"loc": [0.2, 0.2], "scale": 0.48}))
    experiment = usual(problem, 500)
    found = reference_of(experiment, "why not")
    assert found.gradient is not None
    assert "standard error is widened" in found.note
    right = torch.distributions.Normal(0.4, 0.48 * 2**0.5).log_prob(torch.tensor(2.5)).exp()
    assert ((found.gradient - right).abs() < Z_LIMIT * found.standard_error).all()


def test_a_reference_takes_as_many_samples_as_its_estimator_needs() -> None:
    coin = expectation("exp(sum(z)**2)", ["rate"], poisson={"rate": [0.2, 0.3]})
    experiment = replace(usual(problem_from(coin), 500), sample_sizes=(1,), reference_sample_size=1)
    found = reference_of(experiment, "why not")
    assert "leave_one_out), N = 2, R = 500" in found.note
    assert found.gradient is not None


@pytest.mark.slow
def test_a_named_reference_is_taken_though_a_check_is_less_noisy() -> None:
    path, score = default_references()
    experiment = replace(usual(Quadratic()), references=(score,), reference_checks=(path,))
    truth = reference_gradient(experiment, "why not")
    assert truth.note.startswith(score.label)
    assert f"agrees with {path.label}" in truth.note
    wrong = MeanCosine(exact=False)
    assert reference_gradient(replace(experiment, problem=wrong), "why not").kind == "disputed"


def test_a_wide_problem_is_checked_by_a_part_of_the_replicates() -> None:
    problem: Problem = build("problems", "vae", {"batch_size": 2, "latent": 2, "hidden": 4})
    truth = truth_of(usual(problem, 4000))
    assert truth.kind == "reference"
    assert "reparameterization, N = 10, R = 4000" in truth.note
    assert truth.families == 1 or "R = 40" in truth.note


def test_the_law_from_practice_is_sampled_rightly() -> None:
    # The control of the dispute above: E t = (coth κ − 1/κ)-like, by the log normalizer's slope.
    kappa = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    (wanted,) = torch.autograd.grad(Cosine(kappa).log_normalizer(), kappa)
    draws = by_sample(MeanCosine(), 20_000, Address(0, "test", 1, "cosine", 0)).cost
    assert abs(float((draws.mean() - wanted) / (draws.std() / len(draws) ** 0.5))) < Z_LIMIT
