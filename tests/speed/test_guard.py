"""The cost of the guard around foreign code: in each call, and once a cell."""

from __future__ import annotations

import torch

from bench.catalogue import build
from bench.engine.blocks import blocks_of
from bench.engine.guard import Call, guarded, moved_copy
from bench.engine.origin import Origin
from bench.engine.plan import Experiment, NamedEstimator, plan
from bench.engine.result import measure
from bench.engine.truth import truth_of
from tests.speed import test_rates as gaussian
from tests.speed.conftest import Ratio

N, R = 1000, 1000
CPU = torch.device("cpu")


def calls() -> None:
    """The guard of all calls of a cell; within each a single number is drawn."""
    for block in blocks_of(PROBLEM, N, "cpu", R):
        origin = Origin(CPU)
        for rows in block.chunks():
            with Call(PROBLEM):
                torch.empty(1).normal_()
            origin.after(ESTIMATES[rows], data_per_row=False)


PROBLEM = gaussian.gaussian()
ESTIMATES = torch.randn(R, 1, generator=torch.Generator().manual_seed(0))  # [R, P]


def test_the_guard_of_the_calls_takes_about_a_hundredth(ratio: Ratio) -> None:
    what = f"reinforce, N = {N}, R = {R}: time / time of the guard of its calls"
    with torch.random.fork_rng(devices=[]):
        ratio(what, calls, gaussian.replication("reinforce", N, R), 60.0, 25)


def border() -> None:
    """The work that is done once a cell: the copy of the problem, and the state before and after."""
    problem = moved_copy(PROBLEM, "cpu", "float32")
    with guarded(problem):
        pass


def test_the_guard_of_a_cell_takes_little(ratio: Ratio) -> None:
    named = NamedEstimator("reinforce", "reinforce", "{}", build("estimators", "reinforce", {}))
    experiment = Experiment(
        scenario="speed",
        version=1,
        problem_name="expectation",
        problem_key="speed",
        problem=PROBLEM,
        estimators=(named,),
        references=(),
        sample_sizes=(N,),
        devices=("cpu",),
        dtypes=("float32",),
        replicates=R,
        seed=0,
        reference_sample_size=N,
        reference_replicates=R,
    )
    (cell,), truth = plan(experiment), truth_of(experiment)
    what = f"reinforce, N = {N}, R = {R}: time of a cell / time of the guard around it"
    ratio(what, border, lambda: measure(experiment, cell, truth), 30.0, 9)
