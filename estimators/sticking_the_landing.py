"""Sticking the landing: the pathwise gradient of an ELBO without its score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from bench.estimator import Claim, Estimator, NotApplicable, gradient_of
from bench.problem import Problem, VariationalProblem


@dataclass(frozen=True)
class StickingTheLanding(Estimator):
    r"""Differentiates log q through the sample only, and not in its parameters.

    The pathwise gradient of the ELBO's :math:`\log q(x; \theta)`, x = g(ε; θ), has two parts,

    .. math:: \nabla_\theta \log q(g(\epsilon; \theta); \theta)
        = \frac{\partial \log q(x; \theta)}{\partial x} \frac{\partial g}{\partial \theta}
        + \frac{\partial \log q(x; \theta)}{\partial \theta},

    of which the second, the score, has mean zero and is left out. What remains vanishes for
    each sample where q is the posterior: the estimate has no variance at an exact optimum.
    Elsewhere it may have more than `reparameterization`.

    Needs an ELBO whose cost holds the whole of log q, a reparameterized sampler
    and a density that is differentiable in x. With K > 1 weights within the logarithm the score is weighed
    by them and has no mean of zero: to leave it out would bias (see `dreg`). Each estimate
    evaluates f and its gradient N times, and once more the score of q.

    References:
        Roeder, Wu & Duvenaud (2017), Sticking the landing: simple, lower-variance gradient
        estimators for variational inference, §2-3.
        Tucker et al. (2019), Doubly reparameterized gradient estimators for Monte Carlo
        objectives, §3, on K > 1.
    """

    bias: ClassVar[Claim] = "unbiased"
    averages = True

    def evaluations(self, problem: Problem, sample_size: int) -> int:
        return sample_size

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        if not isinstance(problem, VariationalProblem):
            raise NotApplicable("it is no bound with a log q to be differentiated")
        if problem.samples > 1:
            raise NotApplicable("with K > 1 samples in a weight's logarithm it would be biased")
        q = problem.distribution(theta)
        if not q.has_rsample:
            raise NotApplicable("x has no reparameterized sampler")
        if problem.analytic_term(theta, q) is not None:
            raise NotApplicable("the cost leaves out a part of log q that is known analytically")
        x = q.rsample((sample_size,))  # [N, R, (B,) *event], a function of θ
        cost = problem.cost(x, theta)  # [N, R, (B)]
        score = q.log_prob(x.detach())  # [N, R, (B)]
        return gradient_of(theta, cost, (score, score.new_full((), -1.0).expand_as(score)))
