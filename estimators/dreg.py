"""The doubly reparameterized gradient (DReG) of a bound that averages K weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from bench.estimator import Claim, Estimator, gradient_of
from bench.problem import Problem
from estimators.weighted_paths import weighted_path


@dataclass(frozen=True)
class Dreg(Estimator):
    r"""Reparameterizes the score that the pathwise gradient of an importance-weighted bound keeps.

    With normalized weights :math:`\tilde w_k = w_k / \sum_j w_j` and x_k = g(ε_k; θ),

    .. math:: \nabla_\theta E\Big[\log \frac{1}{K} \sum_k w_k\Big] = E\Big[\sum_k
        \tilde w_k^2 \frac{\partial \log w_k}{\partial x_k} \frac{\partial g}{\partial \theta}
        + \tilde w_k \frac{\partial \log p(\text{data}, x_k; \theta)}{\partial \theta}\Big],

    since :math:`E[\sum_k \tilde w_k \partial_\theta \log q(x_k; \theta)]` is, as a pathwise
    gradient, :math:`E[\sum_k \tilde w_k (1 - \tilde w_k)\, \partial_{x_k} \log w_k\, \partial_\theta g]`.
    What goes through q loses no signal as K grows: its ratio of signal to noise rises like √K
    where that of `reparameterization` falls like 1/√K. For K = 1 it is sticking the landing.

    Needs a bound that averages K weights, a reparameterized sampler and densities that are
    differentiable in x. Each estimate evaluates N·K weights and their gradients, and N·K
    scores of q.

    References:
        Tucker et al. (2019), Doubly reparameterized gradient estimators for Monte Carlo
        objectives, §3-4.
        Rainforth et al. (2018), Tighter variational bounds are not necessarily better, §3.
    """

    bias: ClassVar[Claim] = "unbiased"

    def evaluations(self, problem: Problem, sample_size: int) -> int:
        return sample_size

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        path = weighted_path(problem, theta, sample_size)
        if path.x.requires_grad:
            # What comes back to the path has been weighed with w̃ once: the hook does it again.
            rest = path.x.dim() - path.normalized.dim()
            of_path = path.normalized.reshape(path.normalized.shape + (1,) * rest)
            path.x.register_hook(lambda slope: slope * of_path)  # type: ignore[no-untyped-call]
        return gradient_of(theta, (path.log_weights, path.weights), (path.score, path.weights))
