"""A quadratic function of one-hot vectors, for which second-order straight-through estimators are exact."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution
from torch.nn import functional

from bench.distributions.families import component
from bench.distributions.written_distribution import WrittenDistribution, read_distribution
from bench.errors import Fault, Invalid, collected
from bench.formula.constants import read_constants
from bench.problem import Points, Problem
from bench.problems.enumeration import points_of
from bench.problems.sums import STATES


class CategoricalQuadratic(Problem):
    r"""F(θ) = E[xᵀ A x + bᵀ x] for a one-hot vector x, or several of them end to end.

    For a single x with probabilities π,

    .. math:: F = \pi^T (\operatorname{diag} A + b), \quad
        \nabla F = (\operatorname{diag} \pi - \pi \pi^T)(\operatorname{diag} A + b)

    in the logits. Of several independent x, the entries of A that couple two of them count as πᵀ A π does.
    At a point between the one-hot vectors the cost is the same formula. θ are the logits or the
    probabilities, which are normalized; variances are by enumeration of up to 2²⁰ values.

    Args:
        matrix: A, as rows; as many as there are classes in all.
        vector: b.
        logits: of the classes; or rows of them, one for each x.
        probs: of the classes, in place of logits.

    References:
        Liu et al. (2023), Bridging discrete and backpropagation: straight-through and beyond.
    """

    def __init__(
        self,
        matrix: list[list[float]],
        vector: list[float],
        logits: list[float] | list[list[float]] | None = None,
        probs: list[float] | list[list[float]] | None = None,
    ) -> None:
        given = {"logits": logits, "probs": probs}
        with collected() as wrong:
            with wrong.under():
                constants = read_constants({"matrix": matrix, "vector": vector})
            with wrong.under():
                law = _categorical({name: value for name, value in given.items() if value is not None})
        self.law = law
        ((self._name, self.theta),) = law.blocks.items()  # [D·C]
        self.parameters = {self._name: slice(0, len(self.theta))}
        self.A, self.b = constants["matrix"], constants["vector"]  # [D·C, D·C], [D·C]
        _check_sizes(self.A, self.b, len(self.theta))
        self.classes = len(self.theta) // max(1, law.dimensions)
        self.width = len(self.theta)

    def distribution(self, theta: Tensor) -> Distribution:
        return self.law.make(self.law.values_of(theta, [self._name]))

    def cost(self, x: Tensor, theta: Tensor) -> Tensor:
        return self.relaxed_cost(functional.one_hot(x.long(), self.classes).to(theta.dtype), theta)

    def relaxed_cost(self, points: Tensor, theta: Tensor) -> Tensor:
        """The formula itself at points of the simplex."""
        x = points.flatten(2)  # [N, R, D·C]
        return ((x @ self.A) * x).sum(-1) + x @ self.b

    def expectation(self, theta: Tensor) -> Tensor:
        p: Any = component(self.distribution(theta))
        probs: Tensor = p.probs.flatten(1)  # [R, D·C]
        x = torch.arange(len(self.b), device=probs.device) // self.classes
        coupling = torch.where(x[:, None] == x, 0.0, self.A)  # [D·C, D·C]
        linear = self.A.diagonal() + self.b  # [D·C]
        return ((probs @ coupling) * probs).sum(-1) + probs @ linear

    def points(self, check: bool = False) -> Points:
        return points_of(self, STATES)


def _categorical(named: Mapping[str, Any]) -> WrittenDistribution:
    try:
        return read_distribution({"categorical": named})
    except Invalid as error:
        raise error.past("categorical") from error


def _check_sizes(matrix: Tensor, vector: Tensor, count: int) -> None:
    wanted = [
        (matrix, (count, count), "matrix", f"{count} rows of {count} numbers"),
        (vector, (count,), "vector", f"{count} numbers"),
    ]
    faults = [
        Fault(f"wanted {words}, one for each class, got the shape {list(found.shape)}", (key,))
        for found, shape, key, words in wanted
        if found.shape != shape
    ]
    if faults:
        raise Invalid(*faults)
