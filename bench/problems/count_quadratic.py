"""The squared distance of a count of successes from a target: the smallest cost that does not split."""

from __future__ import annotations

import math

from torch import Tensor

from bench.errors import Invalid, invalid
from bench.problem import Points, TruthKind
from bench.problems.enumeration import points_of
from bench.problems.expectation import Expectation
from bench.problems.sums import STATES


class CountQuadratic(Expectation):
    r"""F(θ) = E[(Σ_i b_i − t)²] for independent Bernoulli variables b_i, with θ their logits.

    .. math:: F(\theta) = \sum_i p_i q_i + \Big(\sum_i p_i - t\Big)^2, \quad
        \nabla_i F = p_i q_i \Big(1 + 2 \Big(\sum_{j \ne i} p_j - t\Big)\Big)

    with p the probabilities of 1 and q = 1 − p. The cost couples all variables, and yet the gradient is known
    for any number of them; variances are by enumeration, of 20 variables at most.

    Args:
        logits: of each variable; or one number.
        target: t.
        repeat: how many variables share the one logit.
    """

    truth_kind: TruthKind = "closed_form"

    def __init__(
        self,
        logits: float | list[float] = [0.7, -1.1, 0.2],  # noqa: B006 - it is not changed
        target: float = 1.3,
        repeat: int | None = None,
    ) -> None:
        if not math.isfinite(target):
            raise invalid(f"target must be finite, got {target}", "target")
        given = {"logits": logits} | ({} if repeat is None else {"repeat": repeat})
        try:
            super().__init__({"bernoulli": given}, ["logits"], "(sum(z) - t)**2", {"t": target})
        except Invalid as error:
            raise error.past("distribution", "bernoulli") from error
        self.target = target

    def expectation(self, theta: Tensor) -> Tensor:
        p = self.distribution(theta)
        variance, mean = (each.reshape(len(theta), -1).sum(-1) for each in (p.variance, p.mean))  # [R] each
        return variance + (mean - self.target).square()

    def points(self, check: bool = False) -> Points:
        return points_of(self, STATES)
