"""The number of samples that a budget of evaluations of f pays for."""

from __future__ import annotations

import torch

from bench.engine.copies import own_copy
from bench.engine.counting import Counts, counted
from bench.engine.guard import Call, guarded
from bench.engine.streams import Address, stream
from bench.estimator import Estimator
from bench.problem import NotApplicable, Problem, VariationalProblem


def samples_for(estimator: Estimator, problem: Problem, budget: int) -> int:
    """Return the largest N, up to the budget, whose estimate takes no more evaluations of f.

    What an estimator learns beforehand is not in it.

    Args:
        estimator: not fitted.
        problem: what is differentiated; where the estimator declares no evaluations they are counted on it.
        budget: evaluations of f for one estimate.

    Raises:
        NotApplicable: if the smallest N takes more.
    """
    least = estimator.minimum_sample_size
    if (cost := evaluations_of(estimator, problem, least)) > budget:
        raise NotApplicable(f"an estimate takes {cost:g} evaluations of f or more, and {budget} are granted")
    low, high = least, max(least, budget)
    while low < high:
        middle = (low + high + 1) // 2
        if evaluations_of(estimator, problem, middle) <= budget:
            low = middle
        else:
            high = middle - 1
    return low


def evaluations_of(estimator: Estimator, problem: Problem, sample_size: int) -> float:
    """Return the evaluations of f for one estimate: as the estimator declares, else as one call counts them.

    As in the column of a run, a cost that averages K weights is K of them.
    """
    declared = estimator.evaluations(problem, sample_size)
    if declared is not None:
        return declared * (problem.samples if isinstance(problem, VariationalProblem) else 1)
    counts = Counts()
    own = own_copy(problem)
    theta = own.theta[None].clone().requires_grad_()
    address = Address(0, "evaluations", sample_size, "trial")
    with guarded(own), stream(address, torch.device("cpu")), Call(own):
        fitted = estimator.fitted(own, theta, sample_size)
        fitted.gradient(counted(own, counts), theta, sample_size)
    return counts.evaluations
