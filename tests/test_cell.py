"""A cell is fitted once and sampled under a role: what a run, a judge and a pilot get is the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch
from torch import Tensor

from bench.engine.cell import CellSampler, samplers_of
from bench.engine.guard import Misbehaved
from bench.engine.plan import Cell, Experiment, NamedEstimator, Planned
from bench.engine.result import measure
from bench.engine.sample import sample_of
from bench.engine.truth import Truth, truth_of
from bench.estimator import Claim, Estimator
from bench.problem import Problem
from bench.scenario import read_text
from tests.cases import experiment_of

TEXT = """
schema: 1
name: example
version: 1
problem:
  name: expectation
  distribution: {normal: {loc: 2.0, scale: 1.5}}
  parameters: [loc, scale]
  cost: z**2
estimators: [{reinforce: {baseline: optimal}}]
sweep: {sample_sizes: [10], dtypes: [float32]}
replicates: 500
"""


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    return experiment_of(*read_text(TEXT, "example.yaml")).prepared


@pytest.fixture(scope="module")
def truth(experiment: Experiment) -> Truth:
    return truth_of(experiment)


def cell_of(experiment: Experiment, dtype: str = "float32") -> Cell:
    return Cell(experiment.estimators[0], 10, "cpu", dtype)


def test_a_sampler_gives_the_estimates_of_a_run(experiment: Experiment, truth: Truth) -> None:
    run = measure(experiment, cell_of(experiment), truth)
    assert run.replication is not None
    sampler = CellSampler(experiment, cell_of(experiment))
    parameters = experiment.problem.parameters
    with sampler.guarded():
        again = sampler.sample("estimates", 500, truth.gradient, parameters)
    assert torch.equal(again.summary.distance, run.replication.summary.distance)
    assert again.draws == run.replication.draws
    assert run.fitting is not None
    assert sampler.fitting.evaluations == run.fitting.evaluations > 0


def test_a_role_has_numbers_of_its_own_and_they_are_the_same_each_time(
    experiment: Experiment, truth: Truth
) -> None:
    sampler = CellSampler(experiment, cell_of(experiment))
    first, other, again = (sample_of(sampler, role, 300, truth) for role in ("a", "b", "a"))
    assert first.digest == again.digest != other.digest
    assert first.replicates == 300


def test_it_is_fitted_once_on_the_stream_of_its_purpose(experiment: Experiment) -> None:
    usual, same, another = (
        CellSampler(experiment, cell_of(experiment), role) for role in (None, None, "another fit")
    )
    assert usual.estimator is usual.estimator
    digests = [sample_of(sampler, "a", 100, None).digest for sampler in (usual, same, another)]
    assert digests[0] == digests[1] != digests[2]


def test_nothing_is_made_of_a_cell_before_it_is_sampled(experiment: Experiment) -> None:
    absent = Cell(experiment.estimators[0], 10, "cuda:99", "float32", "unavailable", "there is none")
    (one, two) = samplers_of([Planned(experiment, [cell_of(experiment), absent])])
    assert one.name != two.name
    assert two.cell.status == "unavailable"


def test_the_problem_is_of_the_cell_alone(experiment: Experiment) -> None:
    one, two = (CellSampler(experiment, cell_of(experiment, "float64")) for _ in "ab")
    assert one.problem is one.problem is not two.problem
    assert one.problem is not experiment.problem
    assert one.problem.theta.dtype == torch.float64


@dataclass(frozen=True)
class Meddling(Estimator):
    """It changes the problem that it is given."""

    bias: ClassVar[Claim] = "biased"

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        problem.theta += 1.0
        return torch.zeros_like(theta)


def test_what_a_judge_samples_is_guarded(experiment: Experiment) -> None:
    named = NamedEstimator("meddling", "meddling", "{}", Meddling())
    with pytest.raises(Misbehaved, match="the problem's theta"):
        sample_of(CellSampler(experiment, Cell(named, 10, "cpu", "float32")), "a", 10, None)
