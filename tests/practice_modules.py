"""Questions from practice as people ask them of a module of their own: at most fifteen lines of code each."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli, Distribution, Normal

import bench
from bench.estimator import Claim, gradient_of
from bench.problem import Problem


class Parameters(nn.Module):
    """Numbers by name, for those who have no network."""

    def __init__(self, **values: float) -> None:
        super().__init__()
        for name, value in values.items():
            self.register_parameter(name, nn.Parameter(torch.tensor(value, dtype=torch.float64)))


# case: baseline


class CoinOfLogit(bench.ModuleProblem):
    def __init__(self) -> None:
        super().__init__(Parameters(logit=0.8))

    def distribution(self, net: Any) -> Distribution:
        return Bernoulli(logits=net.logit)

    def cost(self, net: Any, z: Tensor) -> Tensor:
        return (z - 0.45) ** 2


# case: surrogate


class MixtureElbo(bench.ModuleProblem):
    def __init__(self) -> None:
        super().__init__(Parameters(logit=0.6))

    def distribution(self, net: Any) -> Distribution:
        return Bernoulli(logits=net.logit)

    def log_joint(self, net: Any, z: Tensor) -> Tensor:
        prior = z * math.log(0.3) + (1 - z) * math.log(0.7)
        return prior + Normal(-0.5 + 1.7 * z, 0.7).log_prob(torch.tensor(0.8))


# case: weights


class NormalMean(bench.ModuleProblem):
    def __init__(self) -> None:
        super().__init__(Parameters(loc=-0.3, scale=0.9))

    def distribution(self, net: Any) -> Distribution:
        return Normal(net.loc, net.scale)

    def log_joint(self, net: Any, z: Tensor) -> Tensor:
        return Normal(0.0, 1.0).log_prob(z) + Normal(z, 1.0).log_prob(torch.tensor(1.5))


# end


@dataclass(frozen=True)
class NoSurrogate(bench.Estimator):
    """Differentiates the cost at discrete samples, with no score term."""

    bias: ClassVar[Claim] = "unbiased"

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        x = problem.distribution(theta).sample((sample_size,))  # type: ignore[no-untyped-call]
        return gradient_of(theta, problem.cost(x, theta))
