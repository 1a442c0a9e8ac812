"""Moments that are known without sampling are those that are measured, and those of closed forms."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor

from bench.catalogue import build
from bench.estimator import Claim, Estimator, NotApplicable
from bench.exact import ExactMoments, SingleDraws, exact_moments, single_draws
from bench.problem import Problem
from bench.statistics.evidence import blocks_reported
from tests.cases import ESTIMATORS, PROBLEMS, estimates_of, estimator_of, expectation, fitted_to, problem_of

# About 1000 variances and means are compared. |z| > 5.5 has probability 4e-8 for a normal number: all of them
# raise a false alarm with probability below 4e-5. With 20 000 estimates of kurtosis κ a variance that is
# wrong by 5.5 √((κ − 1)/20 000) is seen: by 6 % for normal estimates.
Z_LIMIT = 5.5
REPLICATES = 20_000


def draws_of(problem: Problem) -> tuple[SingleDraws, SingleDraws | None]:
    return single_draws(problem, blocks_reported(problem.parameters, len(problem.theta)))


def known(estimator: Estimator, problem: Problem, sample_size: int) -> ExactMoments:
    return exact_moments(estimator, sample_size, draws_of(problem))


def z_scores(estimates: Tensor, exact: ExactMoments) -> Tensor:
    """z-scores of means and variances, `[2 P]`; zero where nothing varies and all is right to rounding."""
    d = estimates - exact.mean  # [R, P]
    square = d.square()
    scale = 1e-9 * (1 + float(exact.mean.norm()))
    mean_z = d.mean(0) / (d.std(0) / math.sqrt(len(d)) + scale)
    variance_z = (square.mean(0) - exact.variance) / (square.std(0) / math.sqrt(len(d)) + scale**2)
    return torch.cat([mean_z, variance_z])


@pytest.mark.slow
@pytest.mark.parametrize("problem_name", PROBLEMS)
def test_exact_moments_are_the_measured_ones(problem_name: str) -> None:
    problem = problem_of(problem_name)
    try:
        draws = draws_of(problem)
    except NotApplicable:
        pytest.skip("x can be neither enumerated nor integrated over")
    compared = set()
    for name in ESTIMATORS:
        for N in (2, 6):
            try:
                estimator = fitted_to(estimator_of(name), problem, N)
                exact = exact_moments(estimator, N, draws)
            except NotApplicable:
                continue
            estimates = estimates_of(estimator, problem, N, REPLICATES)
            z = z_scores(estimates, exact)  # [2 P]
            if draws[0].power < 4:  # a variance without a variance of its own: only means can be compared
                z = z[: len(problem.theta)]
            assert z.abs().max() < Z_LIMIT, (name, N)
            compared.add(name)
    assert {"reinforce", "leave_one_out"} <= compared


@pytest.mark.parametrize("N", [2, 10, 1000])
def test_the_lecture_example_in_closed_form(N: int) -> None:
    wanted = {"reinforce": 87 / N, "leave_one_out": 42 / N + 34 / (N * (N - 1)), "reparameterization": 4 / N}
    for name, variance in wanted.items():
        found = known(estimator_of(name), problem_of("gaussian"), N)
        assert float(found.mean) == pytest.approx(4, rel=1e-9)
        assert float(found.variance) == pytest.approx(variance, rel=1e-9)


def test_kurtosis_and_skewness_in_closed_form() -> None:
    # 2 z is normal; z² (z − 2) has kurtosis 26.797, and the mean of N of them 3 + 23.797/N.
    path = known(estimator_of("reparameterization"), problem_of("gaussian"), 4)
    assert path.kurtosis["all"] == pytest.approx(3, rel=1e-6)
    assert float(path.skewness) == pytest.approx(0, abs=1e-9)
    score = known(estimator_of("reinforce"), problem_of("gaussian"), 10)
    assert score.kurtosis["all"] == pytest.approx(3 + 23.797 / 10, rel=1e-4)


def made(options: dict[str, Any]) -> Problem:
    options = dict(options)
    problem: Problem = build("problems", options.pop("name"), options)
    return problem.to("cpu", torch.float64)


@pytest.mark.parametrize("p", [1e-6, 1e-4, 0.3])
def test_a_rare_success_in_closed_form(p: float) -> None:
    # z ∇ log p(z) is 1/p with probability p.
    problem = made(expectation("z", ["probs"], bernoulli={"probs": p}))
    found = known(estimator_of("reinforce"), problem, 8)
    assert float(found.variance) == pytest.approx((1 / p - 1) / 8, rel=1e-9)
    assert float(found.mean) == pytest.approx(1, rel=1e-9)


@pytest.mark.parametrize("coupled", [True, False])
def test_measure_valued_halves_in_closed_form(coupled: bool) -> None:
    # Mohamed et al. (2020), §6, for (z − k)², d = loc − k.
    problem = made(expectation("(z - 0.2)**2", ["loc", "scale"], normal={"loc": 1.4, "scale": 0.7}))
    found = known(build("estimators", "measure_valued", {"coupled": coupled}), problem, 1)
    d, s = 1.2, 0.7
    wanted = (
        [d**2 * (16 / math.pi - 4), 4 * d**2 + 4 * s**2]
        if coupled
        else [d**2 * (8 / math.pi - 2) + 4 * s**2 / math.pi, 16 * d**2 + 8 * s**2]
    )
    assert found.variance.tolist() == pytest.approx(wanted, rel=1e-9)


def test_a_biased_estimator_gets_its_exact_mean() -> None:
    # Through a jump the path is blind: it is always zero.
    problem = made(expectation("z > 0", ["loc"], normal={"loc": 0.1, "scale": 0.2}))
    found = known(estimator_of("reparameterization"), problem, 5)
    assert (float(found.mean), float(found.variance)) == (0, 0)


class TwoDraws(Estimator):
    """Claims to be an average, and draws twice."""

    bias: ClassVar[Claim] = "unbiased"
    averages = True

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        problem.distribution(theta).sample((sample_size + 1,))
        return torch.zeros_like(theta)


class OwnNoise(TwoDraws):
    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        return torch.randn_like(theta)


@pytest.mark.parametrize("estimator", [TwoDraws(), OwnNoise()], ids=["two draws", "own noise"])
def test_what_draws_more_than_one_x_has_no_exact_moments(estimator: Estimator) -> None:
    with pytest.raises(NotApplicable, match="more than one x"):
        known(estimator, problem_of("gaussian"), 3)


def test_an_estimator_that_declares_nothing_has_none() -> None:
    with pytest.raises(NotApplicable, match="not known"):
        known(build("estimators", "evolution_strategies", {}), problem_of("gaussian"), 3)


class WrongDeclaration(TwoDraws):
    """Declares the moments of reinforce without a baseline, and uses one."""

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        return estimator_of("leave_one_out").gradient(problem, theta, sample_size)

    def exact_moments(self, draws: SingleDraws, sample_size: int) -> ExactMoments:
        return estimator_of("reinforce").exact_moments(draws, sample_size)


def test_a_wrong_declaration_is_seen() -> None:
    problem = problem_of("gaussian")
    estimates = estimates_of(WrongDeclaration(), problem, 6, REPLICATES)
    assert z_scores(estimates, known(WrongDeclaration(), problem, 6)).abs().max() > 2 * Z_LIMIT


def test_all_groups_of_values_give_what_is_known_of_the_leave_one_out_baseline() -> None:
    for name in ("bernoullis", "categorical"):
        draws, _ = draws_of(problem_of(name))
        for N in (2, 4):
            estimator = estimator_of("leave_one_out")
            wanted, found = estimator.exact_moments(draws, N), draws.of_group(estimator, N)
            assert torch.allclose(found.mean, wanted.mean, atol=1e-12)
            assert torch.allclose(found.variance, wanted.variance, rtol=1e-10)
            assert not torch.allclose(found.variance, draws.of_mean(estimator_of("reinforce"), N).variance)


def test_too_many_groups_are_not_enumerated() -> None:
    draws, _ = draws_of(problem_of("bernoullis"))
    with pytest.raises(NotApplicable, match=r"8\^6 values, and at most 65536"):
        draws.of_group(estimator_of("leave_one_out"), 6)


def test_a_group_that_draws_more_than_its_samples_has_no_exact_moments() -> None:
    draws, _ = draws_of(problem_of("bernoullis"))
    for estimator in (TwoDraws(), OwnNoise()):
        with pytest.raises(NotApplicable, match="more than one x"):
            draws.of_group(estimator, 2)
