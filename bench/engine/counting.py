"""Evaluations of the cost and of its gradient, counted where they happen and not declared on trust."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from torch import Tensor

from bench.policy import PolicyProblem
from bench.problem import MultiSampleProblem, Problem, VariationalProblem


@dataclass
class Counts:
    """Numbers of samples that were evaluated, over all replicates; an item of a batch is not a sample.

    Attributes:
        evaluations: of f.
        gradient_evaluations: of the gradient of f, in x or in θ.
    """

    evaluations: float = 0
    gradient_evaluations: float = 0

    def __iadd__(self, other: Counts) -> Self:
        self.evaluations += other.evaluations
        self.gradient_evaluations += other.gradient_evaluations
        return self


def counted(problem: Problem, counts: Counts) -> Problem:
    """A copy of the problem that adds the evaluations of its cost to the counts.

    A cost that averages K weights counts K times. An estimator that goes round the cost,
    and takes the weights or the joint density themselves, is counted there.
    """
    copied = copy.copy(problem)
    # These shadow the methods. The cost calls those of the problem itself: nothing counts twice.
    K = problem.samples if isinstance(problem, VariationalProblem) else 1
    vars(copied)["cost"] = _counting(problem.cost, counts, K)
    if isinstance(problem, MultiSampleProblem):
        vars(copied)["log_weights"] = _counting(problem.log_weights, counts, K)
        vars(copied)["log_joint"] = _counting(problem.log_joint, counts, K)
    elif isinstance(problem, VariationalProblem):
        vars(copied)["log_joint"] = _counting(problem.log_joint, counts, K)
    vars(copied)["relaxed_cost"] = _counting(problem.relaxed_cost, counts, K)
    if isinstance(problem, PolicyProblem):
        vars(copied)["rewards"] = _counting(problem.rewards, counts, 1)
    vars(copied)["cost_terms"] = _counting_terms(problem.cost_terms, counts)
    return copied


def _counting(
    function: Callable[[Tensor, Tensor], Tensor], counts: Counts, each: int
) -> Callable[[Tensor, Tensor], Tensor]:
    """The function, each of whose N·R values counts `each` times."""

    def counting(x: Tensor, theta: Tensor) -> Tensor:
        value = function(x, theta)  # [N, R, (B), (K)]
        samples = each * value.shape[:2].numel()
        counts.evaluations += samples
        _count_gradients(value, samples, counts)
        return value

    return counting


Terms = tuple[Tensor | None, Tensor] | None


def _counting_terms(
    cost_terms: Callable[[Tensor, Tensor], Terms], counts: Counts
) -> Callable[[Tensor, Tensor], Terms]:
    def counting(x: Tensor, theta: Tensor) -> Terms:
        terms = cost_terms(x, theta)
        if terms is None:
            return None
        samples = x.shape[0] * x.shape[1]
        counts.evaluations += samples
        # One backward pass goes through both parts: it is counted at one of them.
        values = [value for value in terms if value is not None and value.requires_grad]
        for value in values[:1]:
            _count_gradients(value, samples, counts)
        return terms

    return counting


def _count_gradients(value: Tensor, samples: int, counts: Counts) -> None:
    def count(_: Tensor) -> None:
        counts.gradient_evaluations += samples

    if value.requires_grad:
        value.register_hook(count)  # type: ignore[no-untyped-call]
