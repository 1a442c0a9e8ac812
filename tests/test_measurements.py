"""Columns of measurements against what they are computed from, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from bench.engine import replicate
from bench.engine.plan import Experiment, plan
from bench.engine.result import Result, run
from bench.engine.streams import Address
from bench.engine.truth import Truth, truth_of
from bench.scenario import read_text
from bench.statistics.summary import summarize
from tests import tables
from tests.cases import estimator_of, experiment_of, problem_of

SCENARIO = """\
schema: 1
name: normal
version: 1
problem:
  name: expectation
  distribution: {normal: {loc: [0.3, -0.2], log_scale: 0.4}}
  parameters: [loc, log_scale]
  cost: "sum(z**2)"
estimators: [reinforce]
sweep: {sample_sizes: [10]}
replicates: 30
"""
BLOCKS = {"all": slice(0, 3), "loc": slice(0, 2), "log_scale": slice(2, 3)}


@pytest.fixture(scope="module")
def measured() -> tuple[Experiment, Truth, list[Result]]:
    """A cell, judged by a reference whose standard errors are 0.3, 0.4 and 1.2."""
    experiment = experiment_of(*read_text(SCENARIO, "x.yaml"))
    known = truth_of(experiment)
    errors = torch.tensor([0.3, 0.4, 1.2], dtype=torch.float64)
    truth = replace(known, kind="reference", standard_error=errors)
    return experiment, truth, list(run(experiment, plan(experiment), truth))


def test_errors_of_a_reference_add_as_the_root_of_their_squares(
    measured: tuple[Experiment, Truth, list[Result]],
) -> None:
    found = tables.measurements(*measured).set_index("parameter")
    assert dict(found["truth_se"]) == pytest.approx({"all": 1.3, "loc": 0.5, "log_scale": 1.2})
    gradient = measured[1].gradient
    assert gradient is not None
    norms = {name: float(gradient[block].square().sum().sqrt()) for name, block in BLOCKS.items()}
    assert dict(found["truth_norm"]) == pytest.approx(norms)


def test_replicates_keep_their_numbers_where_others_are_not_finite(
    measured: tuple[Experiment, Truth, list[Result]],
) -> None:
    experiment, truth, (result,) = measured
    assert result.replication is not None
    estimates = torch.randn(30, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    estimates[[0, 3]] = torch.nan
    summary = summarize(estimates, truth.gradient, [slice(0, 2), slice(2, 3)])
    some = replace(result, replication=replace(result.replication, summary=summary))
    found = tables.replicates(experiment, truth, [some])
    for name in BLOCKS:
        here = found[found["parameter"] == name]
        assert list(here["replicate"]) == [n for n in range(30) if n not in (0, 3)]


def test_coordinates_hold_the_moments_of_the_estimates(
    measured: tuple[Experiment, Truth, list[Result]],
) -> None:
    result = measured[2][0]
    assert result.replication is not None
    moments = result.replication.summary.moments
    found = tables.coordinates(*measured)
    np.testing.assert_array_equal(found["mean"], moments.mean)
    np.testing.assert_array_equal(found["variance"], moments.variance)
    np.testing.assert_array_equal(found["kurtosis"], moments.kurtosis)
    np.testing.assert_array_equal(found["center"], result.replication.summary.center)
    assert (found["variance_low"] < found["variance"]).all()
    assert (found["variance"] < found["variance_high"]).all()
    assert list(found["parameter"]) == ["loc", "loc", "log_scale"]


def test_evaluations_and_times_are_those_of_the_replication(
    measured: tuple[Experiment, Truth, list[Result]],
) -> None:
    result = measured[2][0]
    assert result.replication is not None
    assert result.seconds is not None
    row = tables.measurements(*measured).iloc[0]
    assert row["evaluations"] == result.replication.evaluations == 10
    assert row["gradient_evaluations"] == result.replication.gradient_evaluations == 0
    assert row["bytes"] == result.bytes
    assert row["seconds"] == pytest.approx(float(result.seconds.median()), rel=1e-9)
    assert (row["replicates"], row["nonfinite"]) == (30, 0)


def test_the_first_call_of_a_warm_up_is_no_timing(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[float] = []
    real = replicate.timed

    def counted(*args: object) -> tuple[torch.Tensor, float]:
        calls.append(100.0 if not calls else 1e-6 * len(calls))
        return real(*args)[0], calls[-1]  # type: ignore[arg-type]

    monkeypatch.setattr(replicate, "timed", counted)
    seconds = replicate.warm_up(
        estimator_of("reinforce"), problem_of("gaussian"), 10, 30, Address(0, "test", 10, "warm-up", 0)
    )
    assert len(calls) > 2
    assert seconds == calls[1:]
