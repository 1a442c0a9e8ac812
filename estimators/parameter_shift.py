"""The parameter-shift rule of quantum circuits."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from bench.estimator import Claim, Estimator, NotApplicable
from bench.exact import ExactMoments, SingleDraws
from bench.problem import Problem
from estimators.perturbed import differences


@dataclass(frozen=True)
class ParameterShift(Estimator):
    r"""Moves one parameter at a time by a quarter of a turn forth and back.

    Where F is :math:`a + b \cos \theta_i + c \sin \theta_i` in each coordinate, the others held fixed,

    .. math:: \partial_i F(\theta) = \tfrac12 \left[F(\theta + \tfrac{\pi}{2} e_i)
        - F(\theta - \tfrac{\pi}{2} e_i)\right]

    exactly: no difference quotient, though it looks like one of step π/2. F is estimated by the mean cost of
    N independent samples (shots) on each side.

    Needs a problem that says that its F is so (`Problem.sinusoidal`), and a sampler; neither f nor p
    is differentiated. Each estimate evaluates f 2N times for each of the P parameters.

    References:
        Mitarai, Negoro, Kitagawa & Fujii (2018), Quantum circuit learning.
        Schuld, Bergholm, Gogolin, Izaac & Killoran (2019), Evaluating analytic gradients on quantum hardware.
        Wierichs, Izaac, Wang & Lin (2022), General parameter-shift rules for quantum gradients: for more
        than one frequency.
    """

    bias: ClassVar[Claim] = "unbiased"

    def evaluations(self, problem: Problem, sample_size: int) -> int:
        return 2 * sample_size * len(problem.theta)

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        _check(problem)
        estimates = torch.empty_like(theta, memory_format=torch.contiguous_format)  # [R, P]
        shifts = math.pi / 2 * torch.eye(theta.shape[1], dtype=theta.dtype, device=theta.device)  # [P, P]
        points = theta.detach()[None]  # [1, R, P]
        # One parameter at a time: the engine sized the rows for one set of samples.
        for i, shift in enumerate(shifts):
            change = differences(problem, points + shift, points - shift, sample_size, common=False)
            estimates[:, i] = change[:, 0].mean(0) / 2  # of [N, 1, R]
        return estimates

    def exact_moments(self, draws: SingleDraws, sample_size: int) -> ExactMoments:
        """The samples of the two sides are independent: half of the difference of their means."""
        _check(draws.problem)
        theta = draws.problem.theta  # [P]
        mean, variance = torch.zeros_like(theta), torch.zeros_like(theta)  # [P] each
        for i in range(len(theta)):
            for sign in (1, -1):
                there = _at(draws, i, sign * math.pi / 2)
                mean[i] += sign * (there.mean_cost + _analytic(there.problem)) / 2
                variance[i] += there.cost_variance / (4 * sample_size)
        unknown = torch.full_like(theta, torch.nan)
        return ExactMoments(mean, variance, unknown, dict.fromkeys(draws.blocks, math.nan))


def _check(problem: Problem) -> None:
    if not problem.sinusoidal:
        raise NotApplicable("its expectation is not known to be sinusoidal in each parameter")


def _at(draws: SingleDraws, place: int, shift: float) -> SingleDraws:
    """The values of x where one parameter is shifted."""
    moved = copy.copy(draws.problem)
    moved.theta = moved.theta.clone()
    moved.theta[place] += shift
    return SingleDraws(moved, moved.points(draws.check), draws.blocks, draws.check)


def _analytic(problem: Problem) -> float:
    """a(θ), the part that is known without sampling."""
    theta = problem.theta[None]  # [1, P]
    term = problem.analytic_term(theta, problem.distribution(theta))
    return 0.0 if term is None else float(term)
