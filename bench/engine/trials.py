"""Trials of estimators before anything is measured: whether they apply, and at which N."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

from bench.engine.copies import own_copy
from bench.engine.granted import samples_for
from bench.engine.guard import Call, Ended, Misbehaved, guarded, reason_of
from bench.engine.origin import forks_watched
from bench.engine.streams import stream
from bench.estimator import Estimator
from bench.problem import NotApplicable, Problem

if TYPE_CHECKING:
    from bench.engine.plan import Experiment, NamedEstimator

# Few, so that a plan costs nothing however large the cells are.
_TRIAL_ROWS, _TRIAL_SAMPLE_SIZE, _TRIAL_NUMBERS = 2, 8, 1 << 20


def not_applicable(estimator: Estimator, experiment: Experiment) -> str:
    """Return why an estimator cannot be measured, as a trial tells; empty if it can."""
    return trial(estimator, experiment)[1]


def trial(estimator: Estimator, experiment: Experiment) -> tuple[str, str]:
    """Try an estimator with two rows, on a copy of the problem.

    Other failures than these two are left to the cells, which report them too.

    Returns:
        A status and a reason: "not_applicable" if it does not fit the problem, "error" if it changes
        what is not its own, else "ok".
    """
    try:
        problem = own_copy(experiment.problem.reduced())
        sample_size = _trial_sample_size(estimator, problem, experiment)
        theta = problem.theta.expand(_TRIAL_ROWS, -1).requires_grad_()
        address = experiment.address(sample_size, "trial")
        with guarded(problem), stream(address, torch.device("cpu")), Call(problem), forks_watched():
            batches = problem.resampled(len(theta)) if experiment.resampled else problem
            estimator.fitted(problem, theta, sample_size).gradient(batches, theta, sample_size)
    except NotApplicable as reason:
        return "not_applicable", reason_of(reason)
    except Ended:
        return "ok", ""
    except Misbehaved as error:
        return "error", reason_of(error)
    except Exception:  # noqa: BLE001 - an estimator is anybody's code
        return "ok", ""
    return "ok", ""


def _trial_sample_size(estimator: Estimator, problem: Problem, experiment: Experiment) -> int:
    """One of the experiment's N, or a smaller one: the trial may take little memory."""
    room = _TRIAL_NUMBERS // (_TRIAL_ROWS * problem.width)
    return max(estimator.minimum_sample_size, min(room, _TRIAL_SAMPLE_SIZE, *experiment.sample_sizes))


class Size(NamedTuple):
    """An N of an estimator, with the budget that pays for it, if any, and whether it can be measured."""

    sample_size: int
    granted: int | None
    status: str
    reason: str


def sizes_of(named: NamedEstimator, experiment: Experiment) -> list[Size]:
    """Return every N of an estimator: the scenario's own, or the largest that each budget pays for."""
    status, reason = trial(named.estimator, experiment)
    if not experiment.budgets:
        return [Size(N, None, status, reason) for N in experiment.sample_sizes]
    found: dict[int, Size] = {}
    for budget in sorted(experiment.budgets):
        size = _granted(named.estimator, experiment, budget, status, reason)
        # A larger budget may pay for no more samples; that cell is there already.
        found.setdefault(size.sample_size if size.status == "ok" else -budget, size)
    return [*found.values()]


def _granted(estimator: Estimator, experiment: Experiment, budget: int, status: str, reason: str) -> Size:
    least = estimator.minimum_sample_size
    if status != "ok":
        return Size(least, budget, status, reason)
    try:
        N = samples_for(estimator, experiment.problem.reduced(), budget)
    except NotApplicable as refusal:
        return Size(least, budget, "not_applicable", reason_of(refusal))
    except Exception as error:  # noqa: BLE001 - an estimator is anybody's code
        return Size(least, budget, "error", reason_of(error))
    return Size(N, budget, "ok", "")
