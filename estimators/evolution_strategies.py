"""Evolution strategies: smoothing of the objective in θ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from bench.estimator import Claim, Estimator
from bench.problem import Problem
from estimators.directions import DIRECTIONS
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

    Other directions e with :math:`E[e e^T] = 1` smooth otherwise, and are as right for F linear or quadratic.
    Of :math:`F(\theta) = g^T \theta` without noise N directions leave a total variance of :math:`\|g\|^2`
    times (P + 1)/N for `normal`, (P − 1)/N for `rademacher` and `sphere`, and P/N − 1 for `orthogonal` and
    `coordinates`: none at N = P.

    Attributes:
        smoothing: h, the standard deviation.
        direction: `antithetic` for the difference to θ − h e, `forward` for that to θ.
        common: whether both samples of a direction share their random numbers; without,
            the variance grows as 1/h².
        perturbations: e, `normal`; `sphere` of radius √P; `rademacher`, each coordinate 1 or −1;
            `orthogonal`, those of an estimate on the sphere at right angles; or `coordinates`, √P along one
            of θ, none twice. Of the last two, P directions are followed by another such set, independent.

    References:
        Wierstra et al. (2014), Natural evolution strategies.
        Nesterov & Spokoiny (2017), Random gradient-free minimization of convex functions.
        Salimans et al. (2017), Evolution strategies as a scalable alternative to
        reinforcement learning, §2.
        Choromanski et al. (2018), Structured evolution with compact architectures for scalable policy
        optimization: orthogonal directions.
        Malladi et al. (2023), Fine-tuning language models with just forward passes: normal, N = 1.
    """

    bias: ClassVar[Claim] = "biased"
    exact_degree = 2
    smoothing: float = 0.02
    direction: Literal["antithetic", "forward"] = "antithetic"
    common: bool = True
    perturbations: Literal["normal", "rademacher", "sphere", "orthogonal", "coordinates"] = "normal"

    def __post_init__(self) -> None:
        if not self.smoothing > 0:
            raise ValueError(f"smoothing must be positive, got {self.smoothing}")

    def evaluations(self, problem: Problem, sample_size: int) -> int:
        return 2 * sample_size

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        with torch.no_grad():
            e = DIRECTIONS[self.perturbations](sample_size, theta)  # [N, R, P]
            ahead, width = theta + self.smoothing * e, self.smoothing
            behind = theta.expand_as(e)
            if self.direction == "antithetic":
                behind, width = theta - self.smoothing * e, 2 * self.smoothing
            (change,) = differences(problem, ahead, behind, 1, self.common)  # [N, R]
            return e.mul_(change.unsqueeze(-1)).mean(0) / width
