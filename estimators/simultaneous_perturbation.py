"""Simultaneous perturbation stochastic approximation (SPSA)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from bench import noise
from bench.estimator import Claim, Estimator
from bench.problem import Problem
from estimators.perturbed import differences


@dataclass(frozen=True)
class SimultaneousPerturbation(Estimator):
    r"""Moves all coordinates of θ at once, each forth or back by the flip of a coin.

    With Δ of independent coordinates ±1,

    .. math:: \nabla F(\theta) \approx E\!\left[\frac{F(\theta + h \Delta) - F(\theta - h \Delta)}{2 h}\,
        \Delta^{-1}\right], \quad (\Delta^{-1})_i = 1/\Delta_i = \Delta_i,

    and F is estimated by the cost of one sample. Off by O(h²) whatever N, but exact
    where F is linear or quadratic. Needs a sampler alone: neither f nor p is
    differentiated. p must be defined at θ ± h Δ. An estimate has N directions, and
    evaluates f 2N times, whatever the number of parameters.

    Attributes:
        step: h.
        common: whether both samples of a direction share their random numbers; without,
            the variance grows as 1/h².

    References:
        Spall (1992), Multivariate stochastic approximation using a simultaneous
        perturbation gradient approximation, §2.
        Kleinman, Spall & Naiman (1999), Simulation-based optimization with stochastic
        approximation using common random numbers.
    """

    bias: ClassVar[Claim] = "biased"
    exact_degree = 2
    step: float = 0.01
    common: bool = True

    def __post_init__(self) -> None:
        if not self.step > 0:
            raise ValueError(f"step must be positive, got {self.step}")

    def evaluations(self, problem: Problem, sample_size: int) -> int:
        return 2 * sample_size

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        with torch.no_grad():
            u = noise.uniform((sample_size, *theta.shape), theta)  # [N, R, P]
            signs = u.sub_(0.5).sign_()
            step = self.step * signs
            (change,) = differences(problem, theta + step, theta - step, 1, self.common)  # [N, R]
            return signs.mul_(change.unsqueeze(-1)).mean(0) / (2 * self.step)
