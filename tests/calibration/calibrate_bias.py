"""Verdicts on bias err as seldom as they say, and see what is plain."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from scipy import stats
from torch import Tensor

from bench.engine.truth import Truth, exact_gradient
from bench.statistics.evidence import Evidence
from bench.statistics.spectrum import Spectrum
from bench.statistics.unbiasedness import beyond_margin, whole_vector
from bench.statistics.verdict import BIASED_BELOW, bias_p
from tests.calibration.runs import evidence, noise, repeated, runs_of
from tests.calibration.table import Rate, Table, rate_of
from tests.cases import estimator_of, problem_of, verdict_alone
from tests.test_unbiasedness import OwnSample

# d/dθ (θ² + 1) at θ = 2.
SLOPE = 4.0


def verdict(estimates: Tensor, truth: Truth, said: str) -> Rate:
    """How many runs of a single row say so."""
    return rate_of([verdict_alone(evidence(run, truth)) == said for run in estimates])


def plain_t(estimates: Tensor, truth: Truth) -> Rate:
    """How many runs the largest |t| calls biased, after Bonferroni."""
    _, R, P = estimates.shape
    t = (estimates.mean(1) - truth.gradient) / (estimates.var(1) / R).sqrt()  # [runs, P]
    limit = float(stats.t.isf(BIASED_BELOW / 2 / P, R - 1))
    return rate_of((t.abs().amax(1) > limit).tolist())


def test_family_of_skewed_coordinates(table: Table) -> None:
    P, R, runs = 200, 100, 600
    problem = problem_of("gaussian")
    estimates = runs_of(estimator_of("reinforce"), problem, 1, P * R, runs, seed=11).reshape(runs, R, P)
    single = exact_gradient(problem)
    assert single.gradient is not None
    truth = Truth(single.kind, single.gradient.expand(P), single.standard_error.expand(P))
    where = "200 coordinates, score function, N = 1, R = 100"
    table.hold(f"called biased at 1 %, wrongly: {where}", verdict(estimates, truth, "biased"), most=0.03)
    table.control(f"t-test with Bonferroni at 1 %: {where}", plain_t(estimates, truth), most=0.03)


def test_family_with_noise_in_few_directions(table: Table) -> None:
    P, R = 200, 200
    scales = (1 / torch.arange(1, P + 1, dtype=torch.float64)).sqrt()  # [P]
    estimates = 1 + scales * noise(4000, R, P, seed=25)
    found = [evidence(run, repeated(1.0, P)) for run in estimates]
    where = "noise mostly in few of 200 directions, R = 200"
    said = rate_of([bias_p(each) < BIASED_BELOW for each in found])
    table.hold(f"called biased at 1 %, wrongly: {where}", said, most=0.03)
    table.hold(f"the whole vector at 0.1 %, wrongly: {where}", _whole(found, three=True), most=0.004)
    table.control(f"two moments of three at 0.1 %: {where}", _whole(found, three=False), most=0.004)


def _whole(found: list[Evidence], three: bool) -> Rate:
    """How many runs the whole vector calls biased at 0.1 %, by three moments of the noise or two."""
    p = []
    for each in found:
        noise = each.noise
        taken = noise if three else noise._replace(cube=noise.square**2 / noise.trace)
        p.append(whole_vector(each.difference, taken))
    return rate_of([each < 0.001 for each in p])


def test_level_against_a_reference_that_errs_in_few_directions(table: Table) -> None:
    P, R, longer = 200, 1000, 200
    scales = (1 / torch.arange(1, P + 1, dtype=torch.float64)).sqrt()  # [P]
    directions = torch.linalg.qr(noise(1, P, P, seed=28)[0])[0] * scales  # [P, P]
    estimates, references = (noise(1000, n, P, seed=n) @ directions.T for n in (R, longer))
    known, independent = [], []
    for run, reference in zip(estimates, references, strict=True):
        own = evidence(reference, repeated(0.0, P))
        error = own.variances.div(longer).sqrt()  # [P]
        truth = Truth("reference", own.mean, error, spectra={"all": own.spectrum.scaled(1 / longer)})
        known.append(bias_p(evidence(run, truth)) < BIASED_BELOW)
        apart = {"all": Spectrum(*(float(error.pow(2 * k).sum()) for k in (1, 2, 3)))}
        independent.append(bias_p(evidence(run, replace(truth, spectra=apart))) < BIASED_BELOW)
    where = "noise mostly in few of 200 directions, R = 1000, a reference of 200"
    table.hold(f"called biased at 1 %, wrongly: {where}", rate_of(known), most=0.03)
    table.control(f"its errors taken to be independent: {where}", rate_of(independent), most=0.03)


def test_level_for_a_single_coordinate(table: Table) -> None:
    problem = problem_of("gaussian")
    estimates = runs_of(estimator_of("reparameterization"), problem, 10, 1000, 4000, seed=12)
    what = "called biased at 1 %, wrongly: reparameterization, z², N = 10, R = 1000"
    table.hold(what, verdict(estimates, exact_gradient(problem), "biased"), most=0.02)


def test_power_against_a_baseline_with_its_own_sample(table: Table) -> None:
    problem = problem_of("gaussian")
    estimates = runs_of(OwnSample(), problem, 4, 20_000, 100, seed=13)
    what = "called biased, rightly: a baseline that holds its own sample, N = 4, R = 20 000"
    table.hold(what, verdict(estimates, exact_gradient(problem), "biased"), least=1.0)


def test_equivalence_is_not_said_of_a_bias_beyond_the_margin(table: Table) -> None:
    problem = problem_of("gaussian")
    truth = exact_gradient(problem)
    estimates = runs_of(estimator_of("reparameterization"), problem, 10, 1000, 4000, seed=14)
    said = verdict(estimates + 0.012 * SLOPE, truth, "within 1 %")
    what = "called within 1 %, wrongly: a bias of 1.2 %, reparameterization, z², N = 10, R = 1000"
    table.hold(what, said, most=0.06)


def test_equivalence_is_said_of_an_unbiased_estimator(table: Table) -> None:
    problem = problem_of("gaussian")
    estimates = runs_of(estimator_of("reparameterization"), problem, 10, 4000, 1000, seed=15)
    said = verdict(estimates, exact_gradient(problem), "within 1 %")
    # The standard error is √(0.4/4000) = 0.01, and the interval of ± 1.645 of it may lie
    # anywhere within ± 4: it does with probability 0.981.
    table.hold("called within 1 %, rightly: reparameterization, z², N = 10, R = 4000", said, least=0.95)


def test_equivalence_at_the_margin(table: Table) -> None:
    problem = problem_of("gaussian")
    truth = exact_gradient(problem)
    estimates = runs_of(estimator_of("reparameterization"), problem, 10, 4000, 1000, seed=16)
    said = verdict(estimates + 0.01 * SLOPE, truth, "within 1 %")
    what = "called within 1 %, wrongly: a bias of 1 %, reparameterization, z², N = 10, R = 4000"
    table.hold(what, said, most=0.06)


@pytest.mark.parametrize("size", [0.01, 0.012])
def test_equivalence_of_a_vector(size: float, table: Table) -> None:
    P, R = 5, 400
    length = math.sqrt(P)
    # A standard error of |b|², √(2 P) σ² / R, of 1/2.5 of the squared margin: an unbiased
    # estimator passes two times of three, so that there is something to be said wrongly.
    deviation = math.sqrt((0.01 * length) ** 2 * R / (2.5 * math.sqrt(2 * P)))
    estimates = 1 + deviation * noise(2000, R, P, seed=17)
    estimates[:, :, 0] += size * length
    said = verdict(estimates, repeated(1.0, P), "within 1 %")
    where = "normal estimates in 5 dimensions, R = 400"
    table.hold(f"called within 1 %, wrongly: a bias of {100 * size:g} %, {where}", said, most=0.06)


def test_noise_far_above_the_margin_tells_nothing(table: Table) -> None:
    P, R, runs = 5, 400, 2000
    margin = 0.01 * math.sqrt(P)
    # A standard error of |b|² of ten times the squared margin.
    deviation = math.sqrt(10 * margin**2 * R / math.sqrt(2 * P))
    estimates = 1 + deviation * noise(runs, R, P, seed=18)
    truth = repeated(1.0, P)
    where = "unbiased, but with a standard error of |b|² of ten squared margins, 5 dimensions, R = 400"
    table.hold(f"called within 1 %: {where}", verdict(estimates, truth, "within 1 %"), most=0.005)
    table.control(f"noncentral χ² alone: {where}", chi_square_alone(estimates, truth, margin), most=0.005)


def chi_square_alone(estimates: Tensor, truth: Truth, margin: float) -> Rate:
    """How many runs a test of the margin passes that does not ask how wide the interval is."""
    found = [evidence(run, truth) for run in estimates]
    p = [beyond_margin(e.difference, e.noise, margin) for e in found]
    return rate_of([value <= 0.05 for value in p])
