"""Time that an evaluation of f takes each estimator, against reparameterization on the same problem."""

from __future__ import annotations

import pytest
import torch

from bench.engine.counting import Counts, counted
from bench.engine.fitting import fit
from bench.engine.streams import Address, stream
from bench.estimator import Estimator
from bench.problem import NotApplicable, Problem
from tests.cases import BIASED, ESTIMATORS, VARIATIONAL_ESTIMATORS, estimator_of, problem_of
from tests.speed.conftest import median_ratio, record, seconds_of
from tests.speed.test_rates import estimates

SLOWEST = 5.0
SAMPLES = 1_000_000  # N·R
ROUNDS = 7

OTHERS = [name for name in ESTIMATORS | BIASED if name != "reparameterization"]
CASES = [
    *((name, "gaussian") for name in OTHERS),
    *((name, "gaussian_elbo") for name in ("reinforce", "sticking_the_landing")),
    *((name, "iwae-5") for name in ("reinforce", *VARIATIONAL_ESTIMATORS) if name != "sticking_the_landing"),
]


@pytest.mark.parametrize("N", [10, 1000])
@pytest.mark.parametrize(("name", "problem_name"), CASES)
def test_time_per_evaluation_against_reparameterization(name: str, problem_name: str, N: int) -> None:
    problem = problem_of(problem_name).to("cpu", torch.float32)
    works, evaluations = [], []
    for each in (name, "reparameterization"):
        try:
            estimator = fit(estimator_of(each), problem, N, Address(0, "speed", N, "fit", 0))
            evaluations.append(evaluations_of(estimator, problem, N))
        except NotApplicable as reason:
            pytest.skip(str(reason))
        works.append(estimates(estimator, problem, N, SAMPLES // N))
    if evaluations[0] == 0:
        pytest.skip("no evaluation of f is counted")
    ours, theirs = evaluations
    slower = theirs / ours / median_ratio(*map(seconds_of, works), ROUNDS)
    what = f"{name}, {problem_name}, N = {N}: time per evaluation / that of reparameterization"
    record(what, slower, SLOWEST)
    assert slower <= SLOWEST


def evaluations_of(estimator: Estimator, problem: Problem, N: int) -> float:
    """Evaluations of f that one estimate takes, as the engine counts them."""
    counts = Counts()
    theta = problem.theta.expand(10, -1).requires_grad_()
    with stream(Address(0, "speed", N, "counts", 0), torch.device("cpu")):
        estimator.gradient(counted(problem, counts), theta, N)
    return counts.evaluations / 10
