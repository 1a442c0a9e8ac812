"""The pathwise estimator (reparameterization trick)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from bench.estimator import Claim, Estimator, NotApplicable, gradient_of
from bench.problem import Problem


@dataclass(frozen=True)
class Reparameterization(Estimator):
    r"""Differentiates through the sample.

    With x = g(ε; θ), where ε does not depend on θ,

    .. math:: \nabla_\theta E[f(x, \theta)] = E[\nabla_\theta f(g(\epsilon; \theta), \theta)].

    Needs a reparameterized sampler, and a cost that is differentiable in x: where f
    jumps, the estimate is wrong and cannot know it. Each estimate evaluates f and its
    gradient N times.

    References:
        Kingma & Welling (2014), Auto-encoding variational Bayes, §2.4.
        Mohamed et al. (2020), Monte Carlo gradient estimation in machine learning, §5.
    """

    bias: ClassVar[Claim] = "unbiased"

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        p = problem.distribution(theta)
        if not p.has_rsample:
            raise NotApplicable("x has no reparameterized sampler")
        x = p.rsample((sample_size,))  # [N, R, (B,) *event], a function of θ
        cost = problem.cost(x, theta)  # [N, R, (B)]
        return gradient_of(theta, cost, problem.analytic_term(theta, p))
