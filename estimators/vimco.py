"""VIMCO: the score-function gradient of a bound that averages K weights, each with its own baseline."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from bench.estimator import Claim, Estimator, NotApplicable, gradient_of
from bench.problem import MultiSampleProblem, Problem


@dataclass(frozen=True)
class Vimco(Estimator):
    r"""Weighs the score of each of the K samples by what that sample adds to the bound.

    .. math:: \nabla_\theta E[\hat L] = E\Big[\sum_k (\hat L - \hat L_{-k})\,
        \nabla_\theta \log q(x_k; \theta) + \sum_k \tilde w_k \nabla_\theta \log w_k\Big], \quad
        \hat L = \log \frac{1}{K} \sum_k w_k,

    where :math:`\hat L_{-k}` has in place of w_k a mean of the other K − 1 weights, so that it
    is independent of x_k; the last gradient is at fixed x.

    Needs a bound that averages K weights, of at least two; no sampler need be
    reparameterized, x may be discrete. Each estimate evaluates N·K weights, and their
    gradient where they depend on θ themselves; there is no further sample.

    Attributes:
        mean: of the other weights: `geometric`, as in the paper's experiments, or `arithmetic`.

    References:
        Mnih & Rezende (2016), Variational inference for Monte Carlo objectives, §2.5-2.6.
    """

    bias: ClassVar[Claim] = "unbiased"
    averages = True
    mean: Literal["arithmetic", "geometric"] = "geometric"

    def evaluations(self, problem: Problem, sample_size: int) -> int:
        return sample_size

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        if not isinstance(problem, MultiSampleProblem):
            raise NotApplicable("it is no bound that averages K weights")
        if problem.samples < 2:
            raise NotApplicable("a sample's baseline needs K − 1 others, and K is 1")
        q = problem.distribution(theta)
        x = q.sample((sample_size,))  # [N, R, (B,) K, *event]
        log_weights = problem.log_weights(x, theta)  # [N, R, (B), K]
        fixed = log_weights.detach()  # [N, R, (B), K]
        K = problem.samples  # a mean over k is meant where we want the sum
        advantages = -K * self.advantages(fixed)  # [N, R, (B), K]
        score = problem.log_probs(x, q)  # [N, R, (B), K]
        return gradient_of(theta, (score, advantages), (log_weights, -K * fixed.softmax(-1)))

    def advantages(self, log_weights: Tensor) -> Tensor:
        """log 1/K Σ w less the same with a mean of the others for w_k, `[..., K] -> [..., K]`."""
        K = log_weights.shape[-1]
        others = _sum_of_others(log_weights)  # [..., K]
        if self.mean == "arithmetic":
            # Σ of the others plus their mean is K/(K − 1) of the Σ.
            without = others - math.log(K - 1)
        else:
            mean = (log_weights.sum(-1, keepdim=True) - log_weights) / (K - 1)
            without = torch.logaddexp(others, mean) - math.log(K)
        return log_weights.logsumexp(-1, keepdim=True) - math.log(K) - without


def _sum_of_others(log_weights: Tensor) -> Tensor:
    """log Σ_{j ≠ k} w_j, `[..., K] -> [..., K]`: from both ends, as a difference would lose small sums."""
    infinite = log_weights.new_full((*log_weights.shape[:-1], 1), -torch.inf)
    before = torch.cat([infinite, log_weights[..., :-1].logcumsumexp(-1)], -1)
    after = torch.cat([log_weights[..., 1:].flip(-1).logcumsumexp(-1).flip(-1), infinite], -1)
    return torch.logaddexp(before, after)
