"""Nobody is accused by skewed noise, rare events or few replicates; variances are covered or not given."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping

import pytest
import torch
from scipy import stats
from torch import Tensor

from bench.catalogue import build
from bench.engine.truth import Truth
from bench.exact import ExactMoments, exact_moments, single_draws
from bench.statistics.evidence import blocks_reported
from bench.statistics.metrics import LEAST_FOR_VARIANCE, variance
from bench.statistics.verdict import BIASED_BELOW, LEAST, LEAST_FOR_EQUIVALENCE, bias_p
from tests.calibration.runs import evidence, noise, runs_of
from tests.calibration.table import Rate, Table, rate_of
from tests.cases import estimator_of, expectation, verdict_alone

RUNS = 2000
REPLICATES = [2, 5, 10, 30, 100, 1000]
COORDINATES = [1, 6, 50]

Noise = Callable[[Tensor], Tensor]


def _uniform(normal: Tensor) -> Tensor:
    return torch.special.ndtr(normal)


# From standard normal numbers to noise of mean zero, and its variance.
NOISES: Mapping[str, tuple[Noise, float]] = {
    "normal": (lambda x: x, 1.0),
    "lognormal": (lambda x: x.exp() - math.exp(0.5), (math.e - 1) * math.e),
    "exponential": (lambda x: -_uniform(x).log() - 1, 1.0),
    "Bernoulli, p = 0.05": (lambda x: (_uniform(x) < 0.05).double() - 0.05, 0.05 * 0.95),
    "Bernoulli, p = 0.005": (lambda x: (_uniform(x) < 0.005).double() - 0.005, 0.005 * 0.995),
}


def drawn(name: str, runs: int, R: int, P: int) -> Tensor:
    """Estimates of 1 with some noise, `[runs, R, P]`."""
    return 1 + NOISES[name][0](noise(runs, R, P, seed=21))


def ones(P: int) -> Truth:
    return Truth("closed_form", torch.ones(P).double(), torch.zeros(P).double())


def runs_for(R: int, P: int) -> int:
    """As many as memory and minutes allow."""
    return RUNS if R * P <= 6000 else RUNS // 4


def accused(estimates: Tensor, truth: Truth, exact: ExactMoments | None = None) -> Rate:
    """The share of runs of a single row that call it biased."""
    return rate_of([bias_p(evidence(run, truth, exact)) < BIASED_BELOW for run in estimates])


@pytest.mark.parametrize("P", COORDINATES)
@pytest.mark.parametrize("R", REPLICATES)
@pytest.mark.parametrize("name", NOISES)
def test_nobody_is_accused_by_noise(name: str, R: int, P: int, table: Table) -> None:
    estimates = drawn(name, runs_for(R, P), R, P)
    found = accused(estimates, ones(P))
    table.hold(f"called biased, wrongly: {name} noise, P = {P}, R = {R}", found, most=0.01)


def test_the_t_test_accuses(table: Table) -> None:
    estimates = drawn("lognormal", RUNS, LEAST, 6)
    t = (estimates.mean(1) - 1) / (estimates.var(1) / LEAST).sqrt()  # [runs, P]
    limit = float(stats.t.isf(BIASED_BELOW / 2 / 6, LEAST - 1))
    found = rate_of((t.abs().amax(1) > limit).tolist())
    table.control(f"t-test with Bonferroni: lognormal noise, P = 6, R = {LEAST}", found, most=0.01)


@functools.cache
def rare(p: float, name: str) -> tuple[Tensor, Truth, ExactMoments]:
    """Estimates of d/dp of E[z] = p from N = 8, `[RUNS · 1000, 1]`, and their exact moments."""
    options = expectation("z", ["probs"], bernoulli={"probs": p})
    problem = build("problems", options.pop("name"), options).to("cpu", torch.float64)
    estimator = estimator_of(name)
    exact = exact_moments(estimator, 8, single_draws(problem, blocks_reported(problem.parameters, 1)))
    return runs_of(estimator, problem, 8, 1000, RUNS, seed=22), ones(1), exact


@pytest.mark.parametrize("R", REPLICATES)
@pytest.mark.parametrize("p", [1e-5, 1e-4, 1e-3, 0.01, 0.05])
@pytest.mark.parametrize("name", ["reinforce", "leave_one_out"])
def test_nobody_is_accused_by_what_is_rare(name: str, p: float, R: int, table: Table) -> None:
    estimates, truth, exact = rare(p, name)
    where = f"{name}, one success in {1 / p:g}, N = 8, R = {R}"
    table.hold(f"called biased, wrongly: {where}", accused(estimates[:, :R], truth, exact), most=0.01)


def test_without_exact_moments_what_is_rare_accuses(table: Table) -> None:
    # A success in every eighth run of 1000 estimates moves their mean by eight times the truth.
    estimates, truth, _ = rare(1e-3, "reinforce")
    t = (estimates[:, :30].mean(1) - 1) / (estimates[:, :30].var(1) / 30).sqrt()  # [runs, 1]
    table.control(
        "t-test: reinforce, one success in 1000, N = 8, R = 30",
        rate_of((~(t.abs() <= 2.76)).flatten().tolist()),
        most=0.01,
    )
    assert truth.gradient is not None


@pytest.mark.parametrize("P", COORDINATES)
@pytest.mark.parametrize("R", [30, 100, 1000])
def test_a_bias_of_six_errors_is_seen(R: int, P: int, table: Table) -> None:
    estimates = drawn("normal", runs_for(R, P), R, P)
    estimates[:, :, 0] += 6 / math.sqrt(R)
    # Of 50 coordinates with R = 30 the quantile of Student's law after Bonferroni is itself 4.5.
    least = 0.9 if R * P < 1500 or R > 30 else 0.8
    what = f"called biased, rightly: 6 standard errors of one of {P} coordinates, normal noise, R = {R}"
    table.hold(what, accused(estimates, ones(P)), least=least)


@pytest.mark.parametrize("P", COORDINATES)
@pytest.mark.parametrize("R", [10, 30, 100, 1000])
@pytest.mark.parametrize("name", NOISES)
def test_a_variance_is_covered_or_not_given(name: str, R: int, P: int, table: Table) -> None:
    wanted = P * NOISES[name][1]
    found = [variance(evidence(run, ones(P))) for run in drawn(name, runs_for(R, P), R, P)]
    given = [f for f in found if not math.isnan(float(f["variance_low"]))]
    where = f"{name} noise, P = {P}, R = {R}"
    if R < LEAST_FOR_VARIANCE:
        missing = rate_of([math.isnan(float(f["variance_low"])) or f["variance"] == 0 for f in found])
        table.hold(f"interval of the variance is not given: {where}", missing, least=1.0)
        return
    if name in ("normal", "lognormal"):
        share = rate_of([f in given for f in found])
        table.hold(f"interval of the variance is given: {where}", share, least=0.99)
    covered = rate_of([float(f["variance_low"]) <= wanted <= float(f["variance_high"]) for f in given])
    table.hold(f"95 % interval of the variance covers: {where}", covered, least=0.93)


@pytest.mark.parametrize("R", REPLICATES)
def test_a_spike_that_did_not_show_is_not_called_equivalent(R: int, table: Table) -> None:
    # 1 % of the estimates are 3 instead of 1: a bias of 2 %.
    estimates = 1 + 2 * (_uniform(noise(RUNS, R, 1, seed=23)) < 0.01).double()
    estimates += 1e-4 * noise(RUNS, R, 1, seed=24)
    found = rate_of([verdict_alone(evidence(run, ones(1))) == "within 1 %" for run in estimates])
    table.hold(f"called within 1 %, wrongly: a spike of 2 in 1 % of the estimates, R = {R}", found, most=0.05)


def test_that_spike_is_missed_in_fewer_replicates_than_the_least(table: Table) -> None:
    shown = (_uniform(noise(RUNS, 100, 1, seed=23)) < 0.01).any(1).flatten()  # [runs]
    unseen = rate_of((~shown).tolist())
    what = f"a spike of 1 % is not among the estimates: R = 100, of which {LEAST_FOR_EQUIVALENCE} are wanted"
    table.control(what, unseen, most=0.05)
