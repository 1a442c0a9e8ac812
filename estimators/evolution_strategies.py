"""Evolution strategies: Gaussian smoothing of the objective in θ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from bench import noise
from bench.estimator import Claim, Estimator
from bench.problem import Problem
from estimators.perturbed import differences


@dataclass(frozen=True)
class EvolutionStrategies(Estimator):
    r"""Weighs random directions in the space of θ by how the cost changes along them.

    With e standard normal, the gradient of the smoothed objective
    :math:`F_h(\theta) = E[F(\theta + h e)]` is

    .. math:: \nabla F_h(\theta) = E\!\left[\frac{F(\theta + h e) - F(\theta - h e)}{2 h}\, e\right]
        = E\!\left[\frac{F(\theta + h e) - F(\theta)}{h}\, e\right],

    and F is estimated by the cost of one sample. The estimate is unbiased for ∇F_h, which
    is ∇F only where F is linear or quadratic, and else off by O(h²) whatever N. Needs a
    sampler alone: neither f nor p is differentiated. p must be defined wherever θ + h e
    may be. An estimate has N directions, and evaluates f 2N times.

    Attributes:
        smoothing: h, the standard deviation.
        direction: `antithetic` for the difference to θ − h e, `forward` for that to θ.
        common: whether both samples of a direction share their random numbers; without,
            the variance grows as 1/h².

    References:
        Wierstra et al. (2014), Natural evolution strategies.
        Nesterov & Spokoiny (2017), Random gradient-free minimization of convex functions.
        Salimans et al. (2017), Evolution strategies as a scalable alternative to
        reinforcement learning, §2.
    """

    bias: ClassVar[Claim] = "biased"
    exact_degree = 2
    smoothing: float = 0.02
    direction: Literal["antithetic", "forward"] = "antithetic"
    common: bool = True

    def __post_init__(self) -> None:
        if not self.smoothing > 0:
            raise ValueError(f"smoothing must be positive, got {self.smoothing}")

    def evaluations(self, problem: Problem, sample_size: int) -> int:
        return 2 * sample_size

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        with torch.no_grad():
            e = noise.normal((sample_size, *theta.shape), theta)  # [N, R, P]
            ahead, width = theta + self.smoothing * e, self.smoothing
            behind = theta.expand_as(e)
            if self.direction == "antithetic":
                behind, width = theta - self.smoothing * e, 2 * self.smoothing
            (change,) = differences(problem, ahead, behind, 1, self.common)  # [N, R]
            return e.mul_(change.unsqueeze(-1)).mean(0) / width
