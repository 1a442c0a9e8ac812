"""Replicates are independent, and each is at the θ of its row."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import torch
from torch import Tensor

from bench.certification import cost
from bench.certification.shapes import unlike
from bench.certification.trial import Trial, same
from bench.certification.verdicts import Fault
from bench.engine.streams import stream
from bench.estimator import Estimator
from bench.problem import NotApplicable, Problem

_ROWS = 4
# Little, so that samplers by rejection take the same number of trials in the other rows.
_FURTHER = 1e-3
_MANY, _MOST_NUMBERS = 1024, 1 << 20


def rows(trial: Trial) -> Iterator[Fault]:
    """Moving the last row of θ leaves the estimates of the others as they were, to the bit."""
    problem, N = trial.problem(), trial.sizes[1]
    estimator = trial.fitted(problem, N)
    before, after = _before_and_after(trial, estimator, problem)
    if not same(before[:-1], after[:-1]):
        yield Fault("rows", "the estimate of one row changes when θ of another is moved")


def theta(trial: Trial) -> Iterator[Fault]:
    """The point is the one that is handed over, not the one that the problem happens to have."""
    problem, N = trial.problem(), trial.sizes[1]
    if not cost.counted_per_estimate(trial, N):
        return  # it asks the problem, whose nodes are about its own θ
    estimator = trial.fitted(problem, N)
    elsewhere = copy.copy(problem)
    elsewhere.theta = _moved(problem.theta)
    point = problem.theta.repeat(_ROWS, 1)
    here, there = (trial.drawn(estimator, one, point, N).estimates for one in (problem, elsewhere))
    if not same(here, there):
        yield Fault("theta", "estimates are at the problem's own θ, not at that of their row")


def follows(trial: Trial) -> bool:
    """Whether the estimate of a row changes when its own θ is moved, a little or far."""
    problem = trial.problem()
    estimator, N = trial.fitted(problem, trial.sizes[1]), trial.sizes[1]
    before, after = _before_and_after(trial, estimator, problem)
    if not same(before[-1], after[-1]):
        return True
    # An estimate that counts outcomes changes only where one of them does.
    rows = max(1, min(_MANY, _MOST_NUMBERS // len(problem.theta)))
    point = problem.theta.repeat(rows, 1)  # [R, P]
    before, after = (trial.drawn(estimator, problem, at, N).estimates for at in (point, _moved(point)))
    return not same(before, after)


def data(trial: Trial) -> Iterator[Fault]:
    """With a batch for each row, rows are still apart; what has no data is passed over."""
    problem, N = trial.problem(), trial.sizes[1]
    estimator = trial.fitted(problem, N)
    address = trial.experiment.address(N, "certify trial data")
    try:
        with stream(address, problem.theta.device):
            resampled = problem.resampled(_ROWS)
        before, after = _before_and_after(trial, estimator, resampled)
    except NotApplicable:
        return
    if faults := list(unlike(before, problem.theta.expand(_ROWS, -1), problem.parameters)):
        yield from faults
    elif not same(before[:-1], after[:-1]):
        yield Fault("rows", "with a batch for each row, the estimate of one depends on θ of another")


def _before_and_after(trial: Trial, estimator: Estimator, problem: Problem) -> tuple[Tensor, Tensor]:
    """Estimates before and after the last row of θ is moved, `[R, P]` each."""
    point = problem.theta.repeat(_ROWS, 1)  # [R, P]
    moved = point.clone()
    moved[-1] = _moved(moved[-1])
    N = trial.sizes[1]
    before, after = (trial.drawn(estimator, problem, each, N).estimates for each in (point, moved))
    return before, after


def _moved(theta: Tensor) -> Tensor:
    """θ a little further from zero, `[..., P]`; each zero by another number, as logits may be moved alike."""
    P = theta.shape[-1]
    apart = torch.arange(1, P + 1, dtype=theta.dtype, device=theta.device) / P
    return torch.where(theta == 0, _FURTHER * apart, theta * (1 + _FURTHER))
