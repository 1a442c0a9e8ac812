"""Intervals of variances cover as often as they say."""

from __future__ import annotations

import pytest
import torch
from scipy import stats
from torch import Tensor

from bench.catalogue import build
from bench.engine.truth import Truth, exact_gradient
from bench.statistics.metrics import variance
from tests.calibration.runs import evidence, runs_of
from tests.calibration.table import Rate, Table, rate_of
from tests.cases import estimator_of, expectation, problem_of

RUNS = 2000
SAMPLE_SIZE = 10

# With ε = z − 2 the score-function estimate is (2 + ε)² ε, of variance 16 + 24 + 15 + 48 − 16 = 87
# in the moments of ε; the pathwise one is 2 z, of variance 4.
SCORE_VARIANCE = 87.0 / SAMPLE_SIZE
PATHWISE_VARIANCE = 4.0 / SAMPLE_SIZE

LOCATIONS = [0.3 + 0.11 * d * (-1) ** d for d in range(20)]


def coverage(estimates: Tensor, truth: float, gradient: Truth) -> Rate:
    """How many runs have the true variance in their interval."""
    found = [variance(evidence(run, gradient)) for run in estimates]
    return rate_of([float(f["variance_low"]) <= truth <= float(f["variance_high"]) for f in found])


def chi_square_coverage(estimates: Tensor, truth: float) -> Rate:
    """The same with the textbook interval for normal estimates."""
    R = estimates.shape[1]
    scaled = (R - 1) * estimates[:, :, 0].var(1) / truth  # [runs]
    low, high = stats.chi2.ppf(0.025, R - 1), stats.chi2.ppf(0.975, R - 1)
    return rate_of([low <= float(s) <= high for s in scaled])


def test_variance_of_the_score_function(table: Table) -> None:
    problem = problem_of("gaussian")
    estimates = runs_of(estimator_of("reinforce"), problem, SAMPLE_SIZE, 1000, RUNS, seed=1)
    where = "score function, z², N = 10, R = 1000"
    covered = coverage(estimates, SCORE_VARIANCE, exact_gradient(problem))
    table.hold(f"95 % interval of the variance covers: {where}", covered, 0.94)
    table.control(f"chi-square interval: {where}", chi_square_coverage(estimates, SCORE_VARIANCE), 0.94)


@pytest.mark.parametrize("replicates", [100, 1000])
def test_variance_of_reparameterization(replicates: int, table: Table) -> None:
    estimator, problem = estimator_of("reparameterization"), problem_of("gaussian")
    estimates = runs_of(estimator, problem, SAMPLE_SIZE, replicates, RUNS, seed=2)
    what = f"95 % interval of the variance covers: reparameterization, z², N = 10, R = {replicates}"
    table.hold(what, coverage(estimates, PATHWISE_VARIANCE, exact_gradient(problem)), 0.92, 0.97)


def test_trace_of_the_covariance(table: Table) -> None:
    options = expectation("sum(z**2)", ["loc"], normal={"loc": LOCATIONS, "scale": 1.0})
    problem = build("problems", options.pop("name"), options).to("cpu", torch.float64)
    estimates = runs_of(estimator_of("reinforce"), problem, SAMPLE_SIZE, 100, RUNS, seed=3)
    what = "95 % interval of the trace covers: score function, Σ z² in 20 dimensions, N = 10, R = 100"
    trace = score_trace(LOCATIONS) / SAMPLE_SIZE
    table.hold(what, coverage(estimates, trace, exact_gradient(problem)), 0.92)


def score_trace(locations: list[float]) -> float:
    """tr(Σ) of |θ + ε|² ε: E[f² s] − |2θ|², with s = |ε|² of chi-square moments and a = |θ|².

    E[f² s] = E[(a + s)² s] + 4 E[(θ·ε)² s], the last being a E[s²] / D; odd moments vanish.
    """
    D, a = len(locations), sum(x * x for x in locations)
    first, second, third = D, D * (D + 2), D * (D + 2) * (D + 4)
    return a * a * first + 2 * a * second + third + 4 * a * second / D - 4 * a
