"""The evaluations of f: as many for each estimate, and as many as are declared."""

from __future__ import annotations

from collections.abc import Iterator

from bench.certification.trial import Trial
from bench.certification.verdicts import Fault
from bench.engine.counting import Counts, counted

_ROWS = 3


def counted_per_estimate(trial: Trial, sample_size: int, rows: int = _ROWS) -> float:
    """Evaluations of f for each of the rows, a cost of K weights as one."""
    problem = trial.problem()
    counts = Counts()
    estimator = trial.fitted(problem, sample_size)
    trial.drawn(estimator, counted(problem, counts), problem.theta.expand(rows, -1), sample_size)
    return counts.evaluations / trial.samples_per_cost / rows


def cost(trial: Trial) -> Iterator[Fault]:
    """What is counted, at either N, against what is declared; and whether it grows with the rows."""
    for N in trial.sizes:
        found, of_more = (counted_per_estimate(trial, N, rows) for rows in (_ROWS, 2 * _ROWS))
        if found != of_more:
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
