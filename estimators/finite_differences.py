"""Finite differences, one parameter at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from bench.estimator import Claim, Estimator
from bench.problem import Problem
from estimators.perturbed import differences


@dataclass(frozen=True)
class FiniteDifferences(Estimator):
    r"""Moves one parameter at a time by a small step and divides the change of the cost by it.

    .. math:: \partial_i F(\theta) \approx \frac{F(\theta + h e_i) - F(\theta - h e_i)}{2 h},
        \quad\text{or}\quad \frac{F(\theta + h e_i) - F(\theta)}{h},

    F estimated by the mean cost of N samples. Off by O(h²), forward by O(h), whatever N;
    exact where F is quadratic, forward where it is linear. Needs a sampler alone: neither
    f nor p is differentiated. p must be defined at the points moved to. Each estimate
    evaluates f 2N times for each of the P parameters.

    Attributes:
        step: h.
        direction: `central`, or `forward`.
        common: whether both sides share their random numbers; without, the variance grows
            as 1/h².

    References:
        Glynn (1989), Optimization of stochastic systems via simulation.
        L'Ecuyer & Perron (1994), On the convergence rates of IPA and FDC derivative
        estimators: common random numbers.
    """

    bias: ClassVar[Claim] = "biased"
    step: float = 0.01
    direction: Literal["central", "forward"] = "central"
    common: bool = True

    def __post_init__(self) -> None:
        if not self.step > 0:
            raise ValueError(f"step must be positive, got {self.step}")

    @property
    def exact_degree(self) -> int:  # type: ignore[override]
        return 2 if self.direction == "central" else 1

    def evaluations(self, problem: Problem, sample_size: int) -> int:
        return 2 * sample_size * len(problem.theta)

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        estimates = torch.empty_like(theta, memory_format=torch.contiguous_format)  # [R, P]
        steps = self.step * torch.eye(theta.shape[1], dtype=theta.dtype, device=theta.device)  # [P, P]
        points = theta.detach()[None]  # [1, R, P]
        central = self.direction == "central"
        # One parameter at a time: the engine sized the rows for one set of samples.
        for i, step in enumerate(steps):
            behind = points - step if central else points
            change = differences(problem, points + step, behind, sample_size, self.common)  # [N, 1, R]
            estimates[:, i] = change[:, 0].mean(0)
        return estimates / ((2 if central else 1) * self.step)
