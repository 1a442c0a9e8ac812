"""Evaluations of the cost and of its gradient, counted where they happen and not declared on trust."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from torch import Tensor

from bench.problem import Problem


@dataclass
class Counts:
    """How many samples were evaluated, over all replicates; an item of a batch is not a sample.

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
    """A copy of the problem that adds the evaluations of its cost to the counts."""
    copied = copy.copy(problem)
    vars(copied)["cost"] = _counting(problem.cost, counts)  # shadows the method
    return copied


def _counting(cost: Callable[[Tensor, Tensor], Tensor], counts: Counts) -> Callable[[Tensor, Tensor], Tensor]:
    def counting(x: Tensor, theta: Tensor) -> Tensor:
        value = cost(x, theta)  # [N, R, (B)]
        samples = value[..., 0].numel() if value.dim() > 2 else value.numel()
        counts.evaluations += samples
        if value.requires_grad:

            def count(_: Tensor) -> None:
                counts.gradient_evaluations += samples

            value.register_hook(count)  # type: ignore[no-untyped-call]
        return value

    return counting
