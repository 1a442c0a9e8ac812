"""An expectation less the entropy of the choices: a cost that holds log p(z; θ)."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor

from bench.distributions.choices import choices_of
from bench.distributions.families import component
from bench.errors import invalid
from bench.problem import NotApplicable
from bench.problems.expectation import Expectation


class EntropyRegularized(Expectation):
    r"""F(θ) = E[f(z)] + β E[log p(z; θ)], the cost f less β times the entropy of z.

    .. math:: \nabla F = E[(f(z) + \beta \log p(z; \theta))\, \nabla \log p(z; \theta)]
        + \beta\, E[\nabla \log p(z; \theta)]

    The last term, of the cost's own dependence on θ, has mean zero and noise. z is of Bernoulli or
    categorical variables. Divergences are of this form too: with β = 1 and the logarithms of reference
    probabilities as a table f, `cost: "-f[z]"` gives KL(p ‖ reference).

    Args:
        distribution: as in the problem `expectation`: a `bernoulli` or a `categorical`.
        parameters: which of its parameters are θ.
        cost: f, as in the problem `expectation`.
        weight: β; negative where F is maximized.
        let: constants that the formula names.

    References:
        Williams & Peng (1991), Function optimization using connectionist reinforcement learning algorithms.
    """

    def __init__(
        self,
        distribution: dict[str, Any],
        parameters: list[str],
        cost: str | dict[str, Any],
        weight: float,
        let: dict[str, Any] | None = None,
    ) -> None:
        if not math.isfinite(weight):
            raise invalid(f"weight must be finite, got {weight}", "weight")
        super().__init__(distribution, parameters, cost, let)
        self.weight = weight
        try:
            choices_of(self.distribution(self.theta[None]))
        except NotApplicable:
            (name,) = distribution
            message = f"wanted a bernoulli or a categorical, whose entropy is known, got a {name}"
            raise invalid(message, "distribution", name) from None

    def cost(self, x: Tensor, theta: Tensor) -> Tensor:
        return super().cost(x, theta) + self.weight * self.distribution(theta).log_prob(x)

    def relaxed_cost(self, points: Tensor, theta: Tensor) -> Tensor:
        """The formula between the values of z, with log p linear in each choice."""
        log_prob = choices_of(self.distribution(theta)).log_prob(points)
        return super().relaxed_cost(points, theta) + self.weight * log_prob

    def cost_terms(self, x: Tensor, theta: Tensor) -> tuple[Tensor | None, Tensor]:
        """The formula, split where it splits, and log p with a term for each number."""
        own = self.weight * component(self.distribution(theta)).log_prob(x)  # in the shape of x
        split = super().cost_terms(x, theta)
        return (super().cost(x, theta), own) if split is None else (None, split[1] + own)

    def expectation(self, theta: Tensor) -> Tensor:
        return super().expectation(theta) + self._regularizer(theta)

    def expectation_check(self, theta: Tensor) -> Tensor:
        return super().expectation_check(theta) + self._regularizer(theta)

    def _regularizer(self, theta: Tensor) -> Tensor:
        return self.weight * choices_of(self.distribution(theta)).mean_log_prob()  # [R]
