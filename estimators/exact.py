"""The gradient itself, where it is known: a control."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from bench.estimator import Claim, Estimator, gradient_of
from bench.exact import ExactMoments, SingleDraws
from bench.problem import Problem


@dataclass(frozen=True)
class Exact(Estimator):
    r"""The gradient of the problem's own expectation, by quadrature, enumeration or in closed form.

    .. math:: \nabla_\theta \int f(x, \theta)\, p(x; \theta)\, dx

    Needs a problem whose expectation is known without sampling. It has no variance,
    whatever N, and its cost is not counted: f is evaluated at nodes or states of the
    problem's choosing, in float64 on the CPU.

    References:
        Mohamed et al. (2020), Monte Carlo gradient estimation in machine learning, §2.1:
        the integral that the others estimate.
    """

    bias: ClassVar[Claim] = "unbiased"

    def evaluations(self, problem: Problem, sample_size: int) -> int:
        return 0

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        # Rows that lie in the same memory are the same, and one of them tells for all.
        same = theta.stride(0) == 0 and not problem.data_per_row
        gradient = self._of_rows(problem, theta[:1] if same else theta)  # [1, P] or [R, P]
        return gradient.expand_as(theta).contiguous()

    def exact_moments(self, draws: SingleDraws, sample_size: int) -> ExactMoments:
        mean = self._of_rows(draws.problem, draws.problem.theta[None])[0]  # [P]
        zero = torch.zeros_like(mean)
        return ExactMoments(mean, zero, zero, dict.fromkeys(draws.blocks, math.nan))

    def fitted(self, problem: Problem, theta: Tensor, sample_size: int) -> Exact:
        return Known(theta[:1].detach(), self.gradient(problem, theta[:1], sample_size))

    def _of_rows(self, problem: Problem, theta: Tensor) -> Tensor:
        rows = theta.detach().to("cpu", torch.float64).requires_grad_()
        # A copy would have to find its nodes again.
        there = problem.theta.dtype == torch.float64 and problem.theta.device.type == "cpu"
        value = (problem if there else problem.to("cpu", torch.float64)).expectation(rows)  # [R]
        return gradient_of(rows, value).to(theta)


@dataclass(frozen=True)
class Known(Exact):
    """The gradient and the point at which it is known, `[1, P]` each, so that quadrature is done once."""

    point: Tensor
    value: Tensor

    def _of_rows(self, problem: Problem, theta: Tensor) -> Tensor:
        there = torch.equal(theta, self.point) and not problem.data_per_row
        return self.value if there else super()._of_rows(problem, theta)
