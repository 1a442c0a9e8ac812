"""The wake phase of reweighted wake-sleep, as an estimate of the gradient of a bound of K weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from bench.estimator import Claim, Estimator, NotApplicable, gradient_of
from bench.problem import MultiSampleProblem, Problem


@dataclass(frozen=True)
class WakePhase(Estimator):
    r"""Moves q towards the posterior as K weighed samples show it, and the model as the bound does.

    .. math:: \hat g = -\sum_k \tilde w_k \nabla_\theta \big[\log p(\text{data}, x_k; \theta)
        + \log q(x_k; \theta)\big], \quad \tilde w_k = w_k / \sum_j w_j,

    at fixed x. In the parameters of the model this is the gradient of the bound. In those of
    q it is none: it estimates the gradient of KL(p ‖ q), consistently as K grows, where
    the bound has that of a divergence which vanishes in K. As an estimate of the bound's
    gradient it is biased at every K and N. Both vanish where q is the posterior.

    Needs a bound that averages K weights; no sampler need be reparameterized. Each estimate
    evaluates N·K weights, and their gradient where they depend on θ themselves.

    References:
        Bornschein & Bengio (2015), Reweighted wake-sleep, §2.2-2.3.
        Le et al. (2019), Revisiting reweighted wake-sleep, §3.
    """

    bias: ClassVar[Claim] = "biased"

    def evaluations(self, problem: Problem, sample_size: int) -> int:
        return sample_size

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        if not isinstance(problem, MultiSampleProblem):
            raise NotApplicable("it is no bound that averages K weights")
        q = problem.distribution(theta)
        x = q.sample((sample_size,))  # [N, R, (B,) K, *event]
        log_weights = problem.log_weights(x, theta)  # [N, R, (B), K]
        # −K, as a mean over k is meant where we want minus the sum.
        weights = -problem.samples * log_weights.detach().softmax(-1)  # [N, R, (B), K]
        # log w holds −log q: twice the score makes it +log q.
        return gradient_of(theta, (log_weights, weights), (problem.log_probs(x, q), 2 * weights))
