"""Sticking the landing with several weights within the logarithm, where it is biased."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from bench.estimator import Claim, Estimator, gradient_of
from bench.problem import Problem
from estimators.weighted_paths import weighted_path


@dataclass(frozen=True)
class IwaeStl(Estimator):
    r"""Leaves the weighed score of an importance-weighted bound out, as if its mean were zero.

    With normalized weights :math:`\tilde w_k = w_k / \sum_j w_j` and x_k = g(ε_k; θ) it is

    .. math:: \sum_k \tilde w_k \Big[\frac{\partial \log w_k}{\partial x_k}
        \frac{\partial g}{\partial \theta}
        + \frac{\partial \log p(\text{data}, x_k; \theta)}{\partial \theta}\Big],

    the pathwise gradient less :math:`-\sum_k \tilde w_k \partial_\theta \log q(x_k; \theta)`.
    For K = 1 that has mean zero, and this is `sticking_the_landing`. For K > 1 the weights depend
    on the samples, it has not, and the estimate is biased however many samples there are: a control
    for `dreg`, which keeps the score and rewrites it.

    Needs a reparameterized sampler and densities that are differentiable in x. Each estimate
    evaluates N·K weights and their gradients, and N·K scores of q.

    References:
        Tucker et al. (2019), Doubly reparameterized gradient estimators for Monte Carlo
        objectives, §3, where it is called IWAE-STL.
        Roeder, Wu & Duvenaud (2017), Sticking the landing: simple, lower-variance gradient
        estimators for variational inference, where it was proposed.
    """

    bias: ClassVar[Claim] = "biased"

    def evaluations(self, problem: Problem, sample_size: int) -> int:
        return sample_size

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        path = weighted_path(problem, theta, sample_size)
        return gradient_of(theta, (path.log_weights, path.weights), (path.score, path.weights))
