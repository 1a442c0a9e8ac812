"""Fitting of an estimator before it is measured, and its cost."""

from __future__ import annotations

from dataclasses import dataclass

from bench.engine.counting import Counts, counted
from bench.engine.guard import Call
from bench.engine.streams import Address, stream
from bench.engine.timing import now
from bench.estimator import Estimator
from bench.problem import Problem

# Fitting may take as many rows as this many numbers and gradient entries allow.
_ROWS = 1 << 14
_NUMBERS = 1 << 26


@dataclass(frozen=True)
class Fitting:
    """The cost of fitting, once per cell; none of it is in the cost of an estimate.

    Attributes:
        seconds: of all of it, the first use of a kernel included.
        evaluations: of f.
        gradient_evaluations: of the gradient of f.
    """

    seconds: float
    evaluations: float
    gradient_evaluations: float


def fit(estimator: Estimator, problem: Problem, sample_size: int, address: Address) -> Estimator:
    """The estimator with what it learns beforehand, from samples that no estimate shares."""
    widest = max(len(problem.theta), problem.width)
    rows = max(1, min(_ROWS, _NUMBERS // widest))
    theta = problem.theta.expand(rows, -1).requires_grad_()
    with stream(address, problem.theta.device), Call(problem):
        return estimator.fitted(problem, theta, sample_size)


def fit_at_a_cost(
    estimator: Estimator, problem: Problem, sample_size: int, address: Address
) -> tuple[Estimator, Fitting]:
    """Fit as `fit` does, timed and counted."""
    counts = Counts()
    device = problem.theta.device
    start = now(device)
    fitted = fit(estimator, counted(problem, counts), sample_size, address)
    seconds = now(device) - start
    return fitted, Fitting(seconds, counts.evaluations, counts.gradient_evaluations)
