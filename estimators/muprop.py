"""MuProp: the score function less a Taylor expansion of the cost at the mean of discrete choices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor

from bench.distributions.choices import choices_of
from bench.estimator import Claim, Estimator, gradient_of
from bench.problem import Problem
from estimators.relaxed_slopes import cost_and_slope


@dataclass(frozen=True)
class Muprop(Estimator):
    r"""Subtracts from the cost its expansion at the mean of x, and adds the expansion's own gradient.

    With x as a point b between its values (0 or 1 of a Bernoulli variable, a one-hot vector of a categorical
    one), and the mean p = E[b] as a function of θ,

    .. math:: \nabla_\theta E[f(b)]
        = E\big[\big(f(b) - f(p) - \nabla f(p)^T (b - p)\big)\, \nabla_\theta \log p(b; \theta)\big]
        + \nabla f(p)^T \nabla_\theta p(\theta):

    what is subtracted has a mean that is linear in p, so that its gradient is known. Simple MuProp,
    `order: 0`, subtracts f(p) alone, a baseline.

    Needs x of independent choices among finitely many classes, and a cost that is defined between them
    and, for `order: 1`, differentiable there. Each estimate evaluates f N times, and once more at p, with its
    gradient. Of one Bernoulli variable and a quadratic cost :math:`(b - t)^2` the variance is
    :math:`p q (1 - 3 p q)^2`, whatever t is. The expansion may be further from the cost than a constant is.

    Attributes:
        order: of the expansion, 1 or 0.

    References:
        Gu, Levine, Sutskever & Mnih (2016), MuProp: unbiased backpropagation for stochastic neural networks.
    """

    bias: ClassVar[Claim] = "unbiased"
    averages = True
    order: Literal[0, 1] = 1

    def evaluations(self, problem: Problem, sample_size: int) -> int:
        return sample_size + 1

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        p = problem.distribution(theta)
        choices = choices_of(p)
        x = p.sample((sample_size,))  # [N, R, (B,) *event]
        cost = problem.cost(x, theta)  # [N, R, (B)]
        mean = choices.probs.detach()[None]  # [1, R, (B,) *points]
        if self.order == 0:
            left = cost.detach() - problem.relaxed_cost(mean, theta.detach())  # [N, R, (B)]
            return gradient_of(theta, (p.log_prob(x), left), cost, problem.analytic_term(theta, p))
        value, slope = cost_and_slope(problem, mean, theta.detach())
        expansion = value.detach() + choices.total(slope * (choices.corner_of(x) - mean))  # [N, R, (B)]
        expected = choices.total(slope[0] * choices.probs)  # [R, (B)]
        left = cost.detach() - expansion  # [N, R, (B)]
        return gradient_of(theta, (p.log_prob(x), left), expected, cost, problem.analytic_term(theta, p))
