"""The smallest N is what it is said to be."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from bench.certification.shapes import unlike
from bench.certification.trial import Trial
from bench.certification.verdicts import Fault
from bench.engine.guard import contained
from bench.problem import NotApplicable


def smallest(trial: Trial) -> Iterator[Fault]:
    """At the smallest N there are estimates; below there are no numbers that could pass for some."""
    problem, least = trial.problem(), trial.estimator.minimum_sample_size
    theta = problem.theta.expand(2, -1)
    said = f"minimum_sample_size is {least}"
    try:
        found = trial.drawn(trial.fitted(problem, least), problem, theta, least).estimates
    except NotApplicable as reason:
        yield Fault("smallest N", f"{said}, and at N = {least} it does not apply: {reason}")
        return
    for fault in unlike(found, theta, problem.parameters):
        yield Fault("smallest N", f"{said}, and at N = {least} {fault.message}")
    if least > 1 and _finite_below(trial, least - 1):
        yield Fault("smallest N", f"{said}, and at N = {least - 1} there are numbers too")


def _finite_below(trial: Trial, sample_size: int) -> bool:
    problem = trial.problem()
    try:
        with contained():
            estimator = trial.fitted(problem, sample_size)
            found = trial.drawn(estimator, problem, problem.theta.expand(2, -1), sample_size).estimates
    except Exception:  # noqa: BLE001 - below its smallest N anything may be said, but no number
        return False
    return isinstance(found, Tensor) and bool(found.isfinite().all())
