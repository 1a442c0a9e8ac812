"""Ratios of variances, and of signal to noise."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from bench.catalogue import build
from bench.engine.truth import exact_gradient
from bench.statistics.intervals import median_interval, normal_interval
from bench.statistics.metrics import signal_to_noise, signal_to_noise_squared
from bench.statistics.ratio import Ratio
from tests.calibration.runs import evidence, noise, repeated, runs_of
from tests.calibration.table import Table, rate_of
from tests.cases import estimator_of, problem_of
from tests.ratios import paired_ratio, unpaired_ratio

RUNS = 2000
# |∇F| = 4; a pathwise estimate has variance 4/N.
SIGNAL_TO_NOISE = 4 / math.sqrt(4 / 10)


def with_baseline(value: float, seed: int) -> Tensor:
    """Squared deviations of the score function with a constant baseline, `[runs, R]`."""
    estimator = build("estimators", "reinforce", {"baseline": {"constant": {"value": value}}})
    problem = problem_of("gaussian")
    truth = exact_gradient(problem)
    estimates = runs_of(estimator, problem, 10, 1000, RUNS, seed)
    return torch.stack([evidence(run, truth).deviation for run in estimates])


def variance_with_baseline(value: float) -> float:
    """The variance of (z² − b)(z − 2) for z normal about 2, by Gauss–Hermite; exact for polynomials."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(20)
    weights = weights / weights.sum()
    estimate = ((nodes + 2) ** 2 - value) * nodes
    return float(weights @ estimate**2 - (weights @ estimate) ** 2)


def width(ratio: Ratio) -> float:
    return math.log(ratio.high / ratio.low)


def test_paired_ratio_of_variances(table: Table) -> None:
    truth = variance_with_baseline(4.0) / variance_with_baseline(5.0)
    # The same seed gives both the same draws.
    control, changed = (with_baseline(b, seed=21).numpy() for b in (5.0, 4.0))
    paired = [paired_ratio(a, b) for a, b in zip(control, changed, strict=True)]
    unpaired = [unpaired_ratio(a, b) for a, b in zip(control, changed, strict=True)]
    where = "baseline 4 against 5, z², N = 10, R = 1000"
    covered = rate_of([ratio.low <= truth <= ratio.high for ratio in paired])
    table.hold(f"paired 95 % interval of the ratio {truth:.3f} covers: {where}", covered, 0.92)
    gains = [width(apart) / width(pair) for apart, pair in zip(unpaired, paired, strict=True)]
    median = median_interval(torch.tensor(gains, dtype=torch.float64))
    table.value(f"unpaired interval is so many times wider, on the log scale: {where}", "≥ 5", median, RUNS)
    assert rate_of([gain >= 5 for gain in gains]).may_be(0.5, 1.0)


def test_no_signal_about_a_truth_that_is_exact(table: Table) -> None:
    truth = repeated(0.0, 5)
    found = [signal_to_noise(evidence(run, truth))["snr"] == 0 for run in noise(RUNS, 30, 5, seed=22)]
    table.hold("signal to noise of 0 is 0: exact truth, noise in 5 dimensions, R = 30", rate_of(found), 1.0)


def test_no_signal_about_a_reference(table: Table) -> None:
    truth = repeated(0.0, 5, error=0.01)
    cells = [evidence(run, truth) for run in noise(RUNS, 30, 5, seed=23)]
    squares = torch.tensor([signal_to_noise_squared(cell)[0] for cell in cells], dtype=torch.float64)
    plain = [float(cell.mean.square().sum()) / cell.variance for cell in cells]
    naive = torch.tensor(plain, dtype=torch.float64)
    where = "noise in 5 dimensions, R = 30"
    for what, required, values in (
        (f"squared signal to noise of 0, freed of noise: {where}", "within 3 SE of 0", squares),
        (f"control: squared signal to noise of 0, as it is: {where}", "misses 0 by 3 SE", naive),
    ):
        mean = normal_interval(float(values.mean()), float(values.std()) / math.sqrt(RUNS))
        table.value(what, required, mean, RUNS)
        assert (abs(mean.value) <= 3 * mean.standard_error) == (values is squares)


@pytest.mark.parametrize("kind", ["exact truth", "reference"])
def test_interval_of_signal_to_noise(kind: str, table: Table) -> None:
    problem = problem_of("gaussian")
    estimates = runs_of(estimator_of("reparameterization"), problem, 10, 1000, RUNS, seed=24)
    truth = exact_gradient(problem)
    if kind == "reference":
        # Of 1e6 samples, each of variance 4.
        truth = replace(truth, kind=kind, standard_error=torch.full_like(truth.standard_error, 0.002))
    found = [signal_to_noise(evidence(run, truth)) for run in estimates]
    covered = [float(f["snr_low"]) <= SIGNAL_TO_NOISE <= float(f["snr_high"]) for f in found]
    what = f"95 % interval of signal to noise covers: reparameterization, z², N = 10, R = 1000, {kind}"
    table.hold(what, rate_of(covered), 0.92)
