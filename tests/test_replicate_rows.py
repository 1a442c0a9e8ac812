"""Rows of replicates of cells whose estimates are not all finite, or of which there is no truth any more."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pytest
import torch
from torch import Tensor

from bench.engine.outcome import outcome_of, without_truth
from bench.engine.plan import Experiment, plan
from bench.engine.result import Result, run
from bench.engine.truth import Truth, truth_of
from bench.problem import Problem
from bench.results import frames
from bench.results.replicate_rows import is_within_float32, schema_of
from estimators.reparameterization import Reparameterization
from tests import tables
from tests.gates import experiment, with_estimator

R = 60


@dataclass(frozen=True)
class Odd(Reparameterization):
    """Every third of its estimates is not finite; it claims nothing else."""

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        found = super().gradient(problem, theta, sample_size)
        gaps = torch.arange(len(found)) % 3 == 1
        return torch.where(gaps[:, None], math.nan, found)


@pytest.fixture(scope="module")
def measured() -> tuple[Experiment, Truth, list[Result]]:
    chosen = replace(with_estimator(experiment(), Odd()), replicates=R)
    truth = truth_of(chosen)
    return chosen, truth, list(run(chosen, plan(chosen), truth))


def test_each_kept_estimate_stands_at_its_own_replicate(
    measured: tuple[Experiment, Truth, list[Result]],
) -> None:
    rows = tables.replicates(*measured)
    replication = measured[2][0].replication
    assert replication is not None
    assert rows["replicate"].tolist() == np.flatnonzero(replication.summary.finite.numpy()).tolist()
    assert 0 < len(rows) < R
    truth = float(measured[1].gradient)  # type: ignore[arg-type]
    # The error of a replicate is that of its estimate.
    found = (rows["estimate_1"].to_numpy(float) - truth) ** 2
    assert found == pytest.approx(rows["squared_error"].to_numpy(), rel=1e-4, abs=1e-6)


def test_a_row_counts_all_of_its_replicates(measured: tuple[Experiment, Truth, list[Result]]) -> None:
    row = tables.measurements(*measured).iloc[0]
    assert (row["replicates"], row["nonfinite"]) == (R, R - len(tables.replicates(*measured)))
    assert row["nonfinite"] > 0


def test_without_a_truth_nothing_is_said_of_errors(measured: tuple[Experiment, Truth, list[Result]]) -> None:
    chosen, truth, (result,) = measured
    known = outcome_of(chosen, truth, result)
    unknown = replace(truth, kind="disputed", gradient=None)
    for outcome, wanted in ((known, truth), (without_truth(known), unknown)):
        row = frames.measurements([frames.Point(chosen, wanted, [outcome])]).iloc[0]
        lost = [math.isnan(row[name]) for name in ("mse", "cosine", "positive_cosine", "bias", "truth_norm")]
        assert lost == [wanted is unknown] * 5
        assert row["variance"] > 0


def test_squares_that_float32_cannot_hold_are_kept_in_float64(
    measured: tuple[Experiment, Truth, list[Result]],
) -> None:
    """The largest of them counts, not their mean."""
    outcome = outcome_of(*measured[:2], measured[2][0])
    assert outcome.estimates is not None
    assert is_within_float32([outcome])
    evidence = outcome.estimates.evidence["all"]
    for change, narrow in (
        ({"mean": 1e36, "largest_share": 0.99}, False),
        ({"mean": 1e30, "largest_share": 0.99}, True),
        ({"mean": 1e-35}, False),
        ({"mean": 0.0}, True),
    ):
        evidence.scalars.__dict__["squares"] = replace(evidence.scalars.squares, **change)
        assert is_within_float32([outcome]) is narrow, change
    assert schema_of(pa.float64()).field("squared_error").type == pa.float64()


def test_coordinates_of_cells_without_kept_estimates_say_so(
    measured: tuple[Experiment, Truth, list[Result]],
) -> None:
    chosen, truth, (result,) = measured
    known = outcome_of(chosen, truth, result)
    assert known.estimates is not None
    bare = replace(known, estimates=replace(known.estimates, kept=False))
    points = [frames.Point(chosen, truth, [each]) for each in (known, bare)]
    assert [frames.coordinates([point])["kept"].tolist() for point in points] == [[1], [0]]
