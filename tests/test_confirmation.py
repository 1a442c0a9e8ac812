"""Exact truths against plain draws: right ones stand, wrong ones are disputed, and the fault is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from bench.catalogue import build
from bench.engine.confirmation import Claim, confirm
from bench.engine.gradient_draws import affordable
from bench.engine.truth import Truth, confirmed, confirmed_again, exact_gradient, truth_of
from bench.problem import NotApplicable, Points, Problem
from bench.statistics.agreement import LEVEL, disagreement, means_of, with_spread
from tests.cases import PROBLEMS, VARIATIONAL, expectation, problem_of
from tests.parameters import some, spread
from tests.practice import (
    CoinMixture,
    Edges,
    MeanCosine,
    Quadratic,
    ReverseKL,
    TwoSteps,
    experiment_on,
)
from tests.test_truth import problem_from

RIGHT = [name for name in (*PROBLEMS, *VARIATIONAL) if name != "product"]
PRACTICE: dict[str, tuple[Problem, list[float]]] = {
    "a cost that depends on θ": (ReverseKL(), [0.072491, -0.168966, 0.216733, -0.120257]),
    "a coin in a mixture": (CoinMixture(), [-0.0260646]),
    "two decisions": (TwoSteps(), [-0.321086, 0.133464, -0.153788]),
    "a rejection sampler": (MeanCosine(), [0.147389]),
}


def truth_with(problem: Problem, seed: int = 0) -> Truth:
    return truth_of(replace(experiment_on(problem), seed=seed))


# --- right truths ---------------------------------------------------------------------------------


# A right truth is refuted with a probability below 1e-4, by the simulation beside the level; of
# 36 problems with 3 seeds each in less than 1 % of suites.
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", RIGHT)
def test_a_right_truth_stands_and_nothing_is_said(name: str, seed: int) -> None:
    truth = truth_with(problem_of(name), seed)
    assert truth.kind in ("quadrature", "enumeration", "closed_form")
    assert truth.note == ""


@pytest.mark.parametrize("name", PRACTICE)
def test_truths_from_practice_stand(name: str) -> None:
    problem, wanted = PRACTICE[name]
    truth = truth_with(problem)
    assert truth.kind != "disputed", truth.note
    assert truth.gradient is not None
    assert truth.gradient.tolist() == pytest.approx(wanted, abs=1e-5)


# --- wrong truths ---------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", RIGHT)
def test_an_expectation_that_is_five_percent_wrong_is_refuted(name: str) -> None:
    # Where the truth is near zero, so is what five percent make of it. As many draws as the width of the
    # problem allows, for the number that a fast machine takes in a moment tells more than a slow one's.
    problem = problem_of(name)
    exact = exact_gradient(problem)
    assert exact.gradient is not None
    wrong = replace(exact, value=1.05 * exact.value + 0.02, gradient=1.05 * exact.gradient)
    assert confirmed(experiment_on(problem), wrong, affordable(problem)).kind == "disputed"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gaussian", "lognormal", "gamma"])
def test_a_truth_that_is_one_percent_wrong_is_refuted_by_as_many_draws_as_accuse(name: str) -> None:
    problem = problem_of(name)
    exact = exact_gradient(problem)
    assert exact.gradient is not None
    wrong = replace(exact, value=1.01 * exact.value, gradient=1.01 * exact.gradient)
    assert confirmed_again(experiment_on(problem), wrong, 1_000_000).kind == "disputed"
    # The control: what is right stands; and few draws are not taken again.
    assert confirmed_again(experiment_on(problem), exact, 1_000_000).kind == exact.kind
    assert confirmed_again(experiment_on(problem), wrong, 1000) is wrong


def right(loc: Tensor, log_scale: Tensor) -> Tensor:
    return 1.3 * loc**2 + (2 * log_scale).exp()


WRONG: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "factor": lambda loc, s: 1.05 * right(loc, s),
    "sign": lambda loc, s: -right(loc, s),
    "missing term": lambda loc, s: loc**2 + (2 * s).exp(),
    "exp(σ) for exp(2σ)": lambda loc, s: 1.3 * loc**2 + s.exp(),
    "constant": lambda loc, s: right(loc, s) + 0.1,
    "detached": lambda loc, s: loc**2 + 0.3 * loc.detach() ** 2 + (2 * s).exp(),
    "detached scale": lambda loc, s: 1.3 * loc**2 + (2 * s.detach()).exp() + 0 * s,
    "right value, wrong slope": lambda loc, s: right(loc, s) + 0.2 * (s + 0.4),
}


@pytest.mark.parametrize("name", some(WRONG, 2))
def test_a_wrong_expectation_is_disputed(name: str) -> None:
    truth = truth_with(Quadratic(WRONG[name]))
    assert (truth.kind, truth.gradient) == ("disputed", None)
    assert truth.standard_error.isnan().all()
    assert truth.standard_error.shape == (2,)
    assert "expectation" in truth.note
    assert "standard errors away" in truth.note


def test_the_right_one_of_these_is_not_disputed() -> None:
    truth = truth_with(Quadratic(right))
    assert (truth.kind, truth.note) == ("closed_form", "")


def test_code_that_fails_when_it_is_sampled_is_a_note() -> None:
    def fails(*_: Any) -> Tensor:
        raise ValueError("no such draw")

    truth = truth_with(Quadratic(right, sample=fails))
    assert truth.kind == "closed_form"
    assert "plain draws cannot confirm it: ValueError: no such draw" in truth.note


# --- faults of the distribution -------------------------------------------------------------------

FAULTS: dict[str, tuple[dict[str, Any], str, str]] = {
    "log_prob": (
        {"log_prob": lambda p, x: -((x - p.loc) ** 2) / p.scale**2},
        "closed_form",
        "log_prob is not the log density of sample(): the mean of its gradient in log_scale is ",
    ),
    "log_prob of another scale": (
        {"log_prob": lambda p, x: -((x - p.loc) ** 2) / (2 * p.scale**2)},
        "closed_form",
        "log_prob is not the log density of sample()",
    ),
    "rsample": (
        {"rsample": lambda p, x: p.loc + 1.3 * (x - p.loc)},
        "closed_form",
        "sample() and rsample() do not draw from the same distribution",
    ),
    "path": (
        {"rsample": lambda p, x: x + 0.3 * (p.loc.detach() - p.loc)},
        "closed_form",
        "rsample() does not follow θ as the distribution does",
    ),
    "path without the scale": (
        {"rsample": lambda p, x: p.loc + (x - p.loc).detach()},
        "closed_form",
        "rsample() does not follow θ: x does not move with log_scale, on which log_prob depends",
    ),
    "sample": (
        {"sample": lambda _, x: x + 0.2},
        "disputed",
        "sample() and rsample() do not draw from the same distribution",
    ),
}


@pytest.mark.parametrize("name", spread(FAULTS, 3))
def test_a_fault_of_the_distribution_is_named(name: str) -> None:
    planted, kind, said = FAULTS[name]
    truth = truth_with(Quadratic(right, **planted))
    assert truth.kind == kind, truth.note
    assert said in truth.note


def test_a_path_that_is_wrong_does_not_refute_a_truth() -> None:
    truth = truth_with(MeanCosine())
    assert truth.kind == "closed_form"
    assert "rsample() does not follow θ" in truth.note


def test_a_support_that_moves_is_said_and_leaves_the_truth() -> None:
    truth = truth_with(Edges())
    assert truth.kind == "closed_form"
    assert "the support of x depends on θ" in truth.note


@pytest.mark.parametrize(
    "cost", spread(["z > 0.3", "z**2 + 3*(z > 0.3)", "z*(z > 0.2) - z*(z < 0.2) + z*(z > 0.9)"], 1)
)
def test_the_path_says_nothing_of_a_cost_that_jumps(cost: str) -> None:
    truth = truth_with(problem_from(expectation(cost, ["loc", "scale"], normal={"loc": 0.7, "scale": 0.6})))
    assert (truth.kind, truth.note) == ("quadrature", "")


# --- rare draws -----------------------------------------------------------------------------------


@pytest.mark.parametrize("probs", [1e-4, 1e-6, 1e-9])
def test_a_rare_event_confirms_nothing_and_refutes_nothing(probs: float) -> None:
    truth = truth_with(problem_from(expectation("z", ["probs"], bernoulli={"probs": probs})))
    assert truth.kind == "enumeration"


class Rare(Problem):
    """E[z + 1e5 · 1(z = 2)] of a categorical z that is 2 once in three million draws."""

    truth_kind = "enumeration"
    parameters = {"logits": slice(0, 3)}  # noqa: RUF012

    def __init__(self, tells: bool) -> None:
        self.theta, self.tells = torch.tensor([1.0, 0.5, -13.5], dtype=torch.float64), tells  # [3]

    def distribution(self, theta: Tensor) -> torch.distributions.Distribution:
        return torch.distributions.Categorical(logits=theta, validate_args=False)

    def cost(self, x: Tensor, theta: Tensor) -> Tensor:
        return x + 1e5 * (x == 2).to(theta)

    def expectation(self, theta: Tensor) -> Tensor:
        p = theta.softmax(-1)  # [R, 3]
        return p[:, 1] + (2 + 1e5) * p[:, 2]

    def points(self, check: bool = False) -> Points:
        if not self.tells:
            raise NotApplicable("it does not tell")
        return Points(torch.arange(3)[:, None], self.theta.softmax(-1), 4)


def test_what_was_never_drawn_refutes_nothing_where_the_points_tell_of_it() -> None:
    assert truth_with(Rare(tells=True)).kind == "enumeration"
    # The control: among the other draws nothing hints at it.
    assert truth_with(Rare(tells=False)).kind == "disputed"


# --- the statistics -------------------------------------------------------------------------------


def saturated(**more: Any) -> Problem:
    """An autoencoder whose bits are nearly all certain, so that few draws have another value."""
    problem: Problem = build("problems", "discrete_vae", {"batch_size": 4, "latent": 3, "hidden": [], **more})
    problem.theta = problem.theta.clone()
    encoder = problem.parameters["encoder"]
    problem.theta[encoder] *= 30
    return problem.to("cpu", torch.float64)


@pytest.mark.parametrize("seed", range(3))
def test_bits_that_are_nearly_certain_refute_nothing(seed: int) -> None:
    problem = saturated(seed=seed)
    truth = truth_with(problem, seed)
    assert truth.kind == "enumeration"
    assert truth.note == ""


def test_a_wrong_truth_of_an_autoencoder_is_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    problem: Problem = build("problems", "discrete_vae", {"batch_size": 4, "latent": 3})
    problem = problem.to("cpu", torch.float64)
    right = problem.expectation
    monkeypatch.setattr(problem, "expectation", lambda theta: 1.2 * right(theta))
    monkeypatch.setattr(problem, "expectation_check", lambda theta: 1.2 * right(theta))
    assert truth_with(problem).kind == "disputed"


def test_the_number_of_draws_that_contribute() -> None:
    spikes = torch.zeros(10_000, 1, dtype=torch.float64)
    spikes[:20] = 1.0
    two = torch.tensor([[-1.0], [1.0]], dtype=torch.float64).repeat(5000, 1)
    constant = torch.full((10_000, 1), 3.0, dtype=torch.float64)
    assert float(means_of(spikes).effective) == pytest.approx(4 * 20 * 0.998, rel=1e-6)
    assert float(means_of(two).effective) == pytest.approx(10_000)
    assert float(means_of(constant).effective) == 0
    assert [bool(means_of(x).speaks) for x in (two, constant)] == [True, False]


def test_the_limit_is_four_and_a_half_errors_for_all_comparisons() -> None:
    values = torch.randn(100_000, 1, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    means = means_of((values - values.mean()) / values.std())
    error = float(means.variance.sqrt())

    def refuted(errors: float, comparisons: int) -> bool:
        claimed = torch.tensor([errors * error], dtype=torch.float64)
        return disagreement(means, claimed, torch.zeros(1), comparisons) is not None

    assert pytest.approx(6.8e-6, rel=0.01) == LEVEL
    assert [refuted(z, 1) for z in (4.3, 4.7)] == [False, True]
    assert [refuted(z, 1000) for z in (5.3, 6.3)] == [False, True]


def test_a_larger_spread_that_is_known_is_taken() -> None:
    values = torch.randn(1000, 1, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    means = means_of(values)
    wider = with_spread(means, torch.tensor([400.0]), torch.tensor([90.0]))
    assert float(wider.variance) == pytest.approx(0.4)
    assert float(wider.skewness) == pytest.approx(90 / 1000**0.5)
    assert torch.equal(with_spread(means, torch.tensor([1e-9]), torch.tensor([0.0])).variance, means.variance)


def test_a_claim_is_compared_as_it_is_given() -> None:
    problem = Quadratic(right)
    exact = exact_gradient(problem)
    assert exact.gradient is not None
    told = confirm(experiment_on(problem), Claim(exact.value + 0.05, exact.gradient, exact.standard_error))
    assert told.refuted.startswith("expectation says")
