"""The score-function estimator with a learned control variate that is followed along the path of x."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, VonMises

from bench.estimator import Estimator, NotApplicable
from bench.problem import Problem
from estimators.trained_controls import Controlled, ControlNetwork, Terms, check_training, vectors


@dataclass(frozen=True)
class Lax(Controlled):
    r"""The score function less a learned control, whose pathwise gradient is added.

    .. math:: \hat g = [f(x, \theta) - c(x)]\, \nabla_\theta \log p(x; \theta)
        + \nabla_\theta c(x(\epsilon; \theta)) + \partial_\theta f(x, \theta),

    as both terms of c are estimates of ∇E c, by the score and by the path, with opposite signs. It is
    unbiased whatever c is, and f may be discontinuous and known by value only. c has one hidden layer with
    tanh, and is the mean cost before it is trained by Adam, whose rate falls to zero, to minimize the mean of
    :math:`\|\hat g\|^2`; each step takes 512 fresh estimates from one sample. With c = f it is the pathwise
    estimator, which need not be the best: for f = z² and z ~ N(0.8, 1.3²) the best multiple is 1.25 f.

    Needs x with a density and with a reparameterized sampler that can be differentiated twice (those of the
    beta and the Dirichlet distribution cannot), and no angle. Each estimate evaluates f N times, and c with
    its gradient N times.

    Attributes:
        hidden: width of the hidden layer.
        steps: of training.
        learning_rate: at the first step.

    References:
        Grathwohl, Choi, Wu, Roeder & Duvenaud (2018), Backpropagation through the void: optimizing control
        variates for black-box gradient estimation, §3.
    """

    averages = True
    hidden: int = 10
    steps: int = 30
    learning_rate: float = 0.15

    def __post_init__(self) -> None:
        check_training(self.hidden, self.steps, self.learning_rate)

    def evaluations(self, problem: Problem, sample_size: int) -> int:
        return sample_size

    def control(self, x: Tensor, event_dim: int) -> Tensor:
        """c(x), `[N, R, (B,) *event] -> [N, R, (B)]`; zero before it is trained."""
        return x.new_zeros(())

    def terms(self, problem: Problem, theta: Tensor, sample_size: int) -> Terms:
        p = problem.distribution(theta)
        x = _followed(p, sample_size)  # [N, R, (B,) *event]
        fixed = x.detach()
        cost, control = problem.cost(fixed, theta), self.control(x, len(p.event_shape))  # [N, R, (B)] each
        weights = cost.detach() - control
        return Terms(p.log_prob(fixed), weights, cost, control, problem.analytic_term(theta, p))

    def fitted(self, problem: Problem, theta: Tensor, sample_size: int) -> Estimator:
        with torch.no_grad():
            p = problem.distribution(theta)
            x = _followed(p, 1)  # [1, R, (B,) *event]
            costs = problem.cost(x, theta)  # [1, R, (B)]
            network = ControlNetwork(vectors(x, len(p.event_shape)), self.hidden, costs)
        return _TrainedLax(network=network).trained(network, problem, theta, self.steps, self.learning_rate)


def _followed(p: Distribution, sample_size: int) -> Tensor:
    if not p.has_rsample:
        raise NotApplicable("x has no reparameterized sampler")
    if isinstance(p.base_dist if isinstance(p, Independent) else p, VonMises):
        raise NotApplicable("x is an angle, and the control jumps where the circle closes")
    return p.rsample((sample_size,))


@dataclass(frozen=True)
class _TrainedLax(Lax):
    network: nn.Module | None = None

    def fitted(self, problem: Problem, theta: Tensor, sample_size: int) -> Estimator:
        return self

    def control(self, x: Tensor, event_dim: int) -> Tensor:
        assert self.network is not None
        control: Tensor = self.network(vectors(x, event_dim))
        return control
