"""The score-function estimator that weighs the score of each coordinate by what depends on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor
from torch.distributions import Independent

from bench.estimator import Claim, Estimator, NotApplicable, gradient_of
from bench.problem import Problem
from estimators.baselines import LeaveOneOut


@dataclass(frozen=True)
class RaoBlackwell(Estimator):
    r"""Drops the terms of the cost that a coordinate has no part in from the weight of its score.

    Where x has independent coordinates and :math:`f(x) = s(x) + \sum_d f_d(x_d)`,

    .. math:: \nabla_\theta E[f(x)]
        = E\Big[\sum_d (s(x) + f_d(x_d))\, \nabla_\theta \log p_d(x_d; \theta)\Big],

    the score function's expectation given all that the d-th score may depend on: the terms
    f_e of other coordinates have mean zero with it. If s is zero the variance is the sum of
    those of D one-dimensional estimates.

    Needs x of independent coordinates and a cost that splits into such terms
    (`Problem.cost_terms`); f may be discontinuous, and x discrete. Each estimate evaluates f
    N times, and the gradient of f only where f depends on θ itself.

    Attributes:
        baseline: `none`, or `leave_one_out` for the mean of the other samples' weights, one
            for each coordinate.

    References:
        Ranganath, Gerrish & Blei (2014), Black box variational inference, §3.1.
    """

    bias: ClassVar[Claim] = "unbiased"
    baseline: Literal["none", "leave_one_out"] = "none"

    @property
    def minimum_sample_size(self) -> int:  # type: ignore[override]
        return 2 if self.baseline == "leave_one_out" else 1

    @property
    def averages(self) -> bool:  # type: ignore[override]
        return self.baseline == "none"

    def evaluations(self, problem: Problem, sample_size: int) -> int:
        return sample_size

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        p = problem.distribution(theta)
        law = p.base_dist if isinstance(p, Independent) else p
        if law.event_shape:
            raise NotApplicable("the coordinates of x are not independent")
        x = p.sample((sample_size,))  # [N, R, (B,) *event]
        terms = problem.cost_terms(x, theta)
        if terms is None:
            raise NotApplicable("the cost does not split into a sum over the coordinates of x")
        shared, own = terms  # [N, R, (B)], [N, R, (B,) *event]
        axes = list(range(own.dim() - len(p.event_shape), own.dim()))
        cost, weights = (own.sum(axes) if axes else own), own.detach()
        if shared is not None:
            cost = cost + shared
            weights = weights + (shared.detach().unsqueeze(-1) if axes else shared.detach())
        if self.baseline == "leave_one_out":
            weights = LeaveOneOut().subtracted(weights)
        weighed = law.log_prob(x) * weights  # [N, R, (B,) *event]
        surrogate = weighed.sum(axes) if axes else weighed  # [N, R, (B)]
        return gradient_of(theta, surrogate, cost, problem.analytic_term(theta, p))
