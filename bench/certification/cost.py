"""The evaluations of f: as many for each estimate, and as many as are declared."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from torch import Tensor

from bench.certification.trial import Trial
from bench.certification.verdicts import Fault
from bench.engine.counting import Counts, counted
from bench.problem import Problem

_ROWS = 3


def counted_per_estimate(trial: Trial, sample_size: int, rows: int = _ROWS) -> float:
    """Evaluations of f for each of the rows, a cost of K weights as one."""
    problem = trial.problem()
    counts = Counts()
    estimator = trial.fitted(problem, sample_size)
    trial.drawn(estimator, counted(problem, counts), problem.theta.expand(rows, -1), sample_size)
    return counts.evaluations / trial.samples_per_cost / rows


def hidden_per_estimate(trial: Trial, sample_size: int) -> float:
    """Evaluations of f that go round the count, say by a call of the class's own method."""
    counts, every = Counts(), Counts()
    problem = counted(_watching(trial.problem(), every), counts)
    estimator = trial.fitted(trial.problem(), sample_size)
    trial.drawn(estimator, problem, trial.problem().theta.expand(_ROWS, -1), sample_size)
    return max(0.0, every.evaluations - counts.evaluations / trial.samples_per_cost) / _ROWS


def _watching(problem: Problem, every: Counts) -> Problem:
    """A copy of the problem whose class counts the calls of its cost, wherever they come from."""
    cls: Any = type(problem)

    class Watching(cls):  # type: ignore[misc]
        def cost(self, x: Tensor, theta: Tensor) -> Tensor:
            every.evaluations += x.shape[0] * x.shape[1]
            found: Tensor = super().cost(x, theta)
            return found

    copied = copy.copy(problem)
    copied.__class__ = Watching
    return copied


def cost(trial: Trial) -> Iterator[Fault]:
    """Hold counted evaluations at either N against the declared ones; they must not grow with the rows."""
    for N in trial.sizes:
        found, of_more = (counted_per_estimate(trial, N, rows) for rows in (_ROWS, 2 * _ROWS))
        if found != of_more and not trial.estimator.cost_varies:
            yield Fault(
                "cost",
                f"evaluates f {found:g} times for each of {_ROWS} estimates, {of_more:g} times "
                f"for each of {2 * _ROWS}, at N = {N}",
            )
            return
        declared = trial.estimator.evaluations(trial.problem(), N)
        if declared is not None and declared != found:
            yield Fault("cost", f"declares {declared} evaluations of f at N = {N}; {found:g} were counted")
            return
    if hidden := hidden_per_estimate(trial, trial.sizes[1]):
        yield Fault("cost", f"evaluates f {hidden:g} times at N = {trial.sizes[1]} where it is not counted")
