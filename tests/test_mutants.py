"""Estimators and statistics that are wrong in known ways, each of which must be flagged."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from bench.catalogue import build
from bench.engine.truth import exact_gradient
from bench.estimator import Estimator
from bench.problem import Problem
from bench.statistics.contributions import of_variance
from bench.statistics.evidence import Evidence, evidence_of, segments_of
from bench.statistics.intervals import variance_interval
from bench.statistics.metric_table import measure
from bench.statistics.summary import deviations, summarize
from tests.cases import estimates_of, estimator_of, expectation, problem_of, verdict_alone
from tests.mutants import (
    AverageUpdatedBeforeUse,
    ExpansionWithoutItsMean,
    LopsidedPairs,
    MirroredSamples,
    MissingDetach,
    NForNMinusOne,
    OneDrawForAll,
    OwnSampleInTheBaseline,
    SecondSampleReused,
    SignFlipInOneCoordinate,
    SmoothingInverted,
    SmoothingMissing,
    SumForMean,
    TermsOfOtherCoordinates,
    WeightsFromTheSameSamples,
)

PAIRED = ("antithetic", "reparameterization")
SAMPLE_SIZE, REPLICATES = 4, 20_000


def evidence(estimates: Tensor, problem: Problem) -> Evidence:
    truth = exact_gradient(problem)
    P = len(problem.theta)
    summary = summarize(estimates, truth.gradient, segments_of(problem.parameters, P))
    seconds = torch.ones(7, dtype=torch.float64)
    every = evidence_of(
        summary,
        truth.gradient,
        truth.standard_error,
        seconds,
        1.0,
        SAMPLE_SIZE,
        problem.parameters,
        cost_varied=True,
    )
    return dict(every)["all"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "mutant",
    [
        SumForMean(),
        OwnSampleInTheBaseline(),
        SignFlipInOneCoordinate(),
        NForNMinusOne(),
        MissingDetach(),
        SmoothingInverted(),
        SmoothingMissing(),
        AverageUpdatedBeforeUse(),
        SecondSampleReused(),
        ExpansionWithoutItsMean(),
        WeightsFromTheSameSamples(),
    ],
    ids=lambda mutant: type(mutant).__name__,
)
@pytest.mark.parametrize("problem_name", ["gaussian", "normals"])
def test_a_biased_mutant_is_called_biased(mutant: Estimator, problem_name: str) -> None:
    problem = problem_of(problem_name)
    estimates = estimates_of(mutant, problem, SAMPLE_SIZE, REPLICATES)
    assert verdict_alone(evidence(estimates, problem)) == "biased"


def test_terms_of_other_coordinates_are_called_biased() -> None:
    problem = problem_of("normals")
    estimates = estimates_of(TermsOfOtherCoordinates(), problem, SAMPLE_SIZE, REPLICATES)
    assert verdict_alone(evidence(estimates, problem)) == "biased"


@pytest.mark.parametrize(
    "estimator_name",
    [
        "reinforce",
        "leave_one_out",
        "reparameterization",
        # The expectations are quadratic, so that smoothing does no harm.
        "evolution_strategies",
    ],
)
@pytest.mark.parametrize("problem_name", ["gaussian", "normals"])
def test_the_originals_are_not(estimator_name: str, problem_name: str) -> None:
    problem = problem_of(problem_name)
    estimates = estimates_of(estimator_of(estimator_name), problem, SAMPLE_SIZE, REPLICATES)
    assert verdict_alone(evidence(estimates, problem)) != "biased"


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("parameters", [["loc"], ["loc", "scale"]])
def test_the_exact_gradient_is_called_exact(parameters: list[str], dtype: torch.dtype) -> None:
    # The two rules of the truth differ by rounding, and the estimates from them by no more.
    options = expectation("z**2", parameters, normal={"loc": 2.0, "scale": 1.0})
    problem = build("problems", options.pop("name"), options)
    estimates = estimates_of(estimator_of("exact"), problem.to("cpu", dtype), SAMPLE_SIZE, 300).double()
    assert verdict_alone(evidence(estimates, problem)) == "within 1 %"
    assert verdict_alone(evidence(1.02 * estimates, problem)) == "biased"


@pytest.mark.parametrize(
    ("mutant", "problem_name"),
    [(LopsidedPairs(), "gaussian"), (LopsidedPairs(), "normals"), (MirroredSamples(), "exponential")],
    ids=lambda case: case if isinstance(case, str) else type(case).__name__,
)
def test_pairs_that_are_mirrored_wrongly_are_called_biased(mutant: Estimator, problem_name: str) -> None:
    problem = problem_of(problem_name)
    estimates = estimates_of(mutant, problem, SAMPLE_SIZE, REPLICATES)
    assert verdict_alone(evidence(estimates, problem)) == "biased"


# Of "normals" the derivatives in loc have no noise but rounding, and those in scale do.
@pytest.mark.parametrize("problem_name", ["normals", "exponential", "laplace"])
def test_pairs_that_are_mirrored_right_are_not(problem_name: str) -> None:
    problem = problem_of(problem_name)
    estimates = estimates_of(estimator_of("antithetic"), problem, SAMPLE_SIZE, REPLICATES)
    assert verdict_alone(evidence(estimates, problem)) != "biased"


def test_pairs_counted_as_independent_are_seen_in_the_variance() -> None:
    # The two of a pair err to opposite sides: their mean does not vary where its error,
    # from their spread as if they were independent, would be 4 σ²/2 = 2.
    x = [estimates_of(estimator_of(name), problem_of("gaussian"), 2, 2000) for name in PAIRED]
    assert float(x[0].var()) < 1e-20
    assert float(x[1].var()) == pytest.approx(2, rel=0.2)


def interval_of(estimates: Tensor) -> tuple[float, float]:
    found = measure(evidence(estimates, problem_of("gaussian")))
    return float(found["variance_low"]), float(found["variance_high"])


def test_one_draw_for_all_is_seen_in_the_variance() -> None:
    low, _ = interval_of(estimates_of(OneDrawForAll(), problem_of("gaussian"), SAMPLE_SIZE, REPLICATES))
    assert low > 87 / SAMPLE_SIZE


def test_a_stream_used_twice_is_seen_in_the_variance_of_the_mean() -> None:
    # Each estimate stands 100 times: the interval of the mean is ten times too narrow, and
    # excludes the truth, where that of the original holds it.
    estimates = estimates_of(estimator_of("reinforce"), problem_of("gaussian"), SAMPLE_SIZE, 200)
    verdicts = [
        verdict_alone(evidence(copies, problem_of("gaussian")))
        for copies in (estimates, estimates.repeat(100, 1))
    ]
    assert verdicts[0] != "biased"
    assert verdicts[1] == "biased"


def test_an_estimate_that_is_not_finite_is_not_dropped_in_silence() -> None:
    estimates = estimates_of(estimator_of("reinforce"), problem_of("gaussian"), SAMPLE_SIZE, 1000)
    estimates[3] = torch.nan
    summary = summarize(estimates, None, [slice(0, 1)])
    assert int((~summary.finite).sum()) == 1
    assert bool(summary.error[3].isnan())


def test_the_divisor_of_the_variance_is_one_less_than_the_number_of_replicates() -> None:
    # Of 30 values the other divisor is 3 % less, which an exact comparison sees.
    estimates = torch.randn(30, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    summary = summarize(estimates, None, [slice(0, 1)])
    assert float(summary.moments.variance) == pytest.approx(float(estimates.var(correction=1)), rel=1e-12)
    interval = variance_interval(
        of_variance(deviations(summary.distance[:, 0], float(summary.moments.variance)))
    )
    assert interval.value == pytest.approx(float(estimates.var(correction=1)), rel=1e-12)
