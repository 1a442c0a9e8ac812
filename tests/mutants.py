"""Estimators that are wrong in known ways."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from bench.distributions.paths import path_of
from bench.estimator import Claim, Estimator, gradient_of
from bench.problem import Problem
from estimators.delta_method import _parts
from estimators.evolution_strategies import EvolutionStrategies
from estimators.mixture import _both
from tests.cases import estimator_of


@dataclass(frozen=True)
class Mutant(Estimator):
    bias: ClassVar[Claim] = "unbiased"

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        p = problem.distribution(theta)
        x = p.sample((sample_size,))  # [N, R, (D)]
        cost = problem.cost(x, theta)  # [N, R]
        return self.combined(theta, p.log_prob(x), cost)

    def combined(self, theta: Tensor, log_prob: Tensor, cost: Tensor) -> Tensor:
        return gradient_of(theta, (log_prob, cost))


class SumForMean(Mutant):
    def combined(self, theta: Tensor, log_prob: Tensor, cost: Tensor) -> Tensor:
        return len(cost) * gradient_of(theta, (log_prob, cost))


class OwnSampleInTheBaseline(Mutant):
    def combined(self, theta: Tensor, log_prob: Tensor, cost: Tensor) -> Tensor:
        return gradient_of(theta, (log_prob, cost - cost.mean(0)))


class SignFlipInOneCoordinate(Mutant):
    def combined(self, theta: Tensor, log_prob: Tensor, cost: Tensor) -> Tensor:
        estimates = gradient_of(theta, (log_prob, cost))
        estimates[:, -1] *= -1
        return estimates


class NForNMinusOne(Mutant):
    """The baseline's divisor: the leave-one-out gradient times (N − 1)/N."""

    def combined(self, theta: Tensor, log_prob: Tensor, cost: Tensor) -> Tensor:
        N = len(cost)
        baseline = (cost.sum(0) - cost) / N
        return gradient_of(theta, (log_prob, (cost - baseline) * ((N - 1) / N)))


class MissingDetach(Mutant):
    """The gradient flows through the cost of reparameterized samples as well as the score."""

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        p = problem.distribution(theta)
        x = p.rsample((sample_size,))
        cost = problem.cost(x, theta)
        return gradient_of(theta, (p.log_prob(x.detach()), cost.detach()), cost)


class OneDrawForAll(Mutant):
    """One draw in the place of N: unbiased, but N times too noisy."""

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        return estimator_of("reinforce").gradient(problem, theta, 1)


class SmoothingInverted(EvolutionStrategies):
    """Multiplies by h where it should divide by it, as torchopt did: h² times the gradient."""

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        return self.smoothing**2 * super().gradient(problem, theta, sample_size)


class SmoothingMissing(EvolutionStrategies):
    """Does not divide by h at all, as the perturbed function of optax: h times the gradient."""

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        return self.smoothing * super().gradient(problem, theta, sample_size)


class AverageUpdatedBeforeUse(Mutant):
    """A moving average into which this step's costs have gone already: it shrinks the gradient."""

    def combined(self, theta: Tensor, log_prob: Tensor, cost: Tensor) -> Tensor:
        average = 0.5 * 5.0 + 0.5 * cost.mean(0)
        return gradient_of(theta, (log_prob, cost - average))


class SecondSampleReused(Mutant):
    """The "independent" sample is the same one, of another place: half of them are their own baseline."""

    def combined(self, theta: Tensor, log_prob: Tensor, cost: Tensor) -> Tensor:
        return gradient_of(theta, (log_prob, cost - cost[len(cost) // 2 :].repeat(2, 1)))


class ExpansionWithoutItsMean(Mutant):
    """The expansion of the cost is subtracted, and the gradient of its expectation not added."""

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        parts = _parts(problem, theta, sample_size)
        return gradient_of(theta, (parts.log_prob, parts.cost - parts.expansion), parts.analytic)


class WeightsFromTheSameSamples(Mutant):
    """The variances that weigh the score against the path are those of the very samples that are weighed."""

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        each = [_both(problem, theta, 1) for _ in range(sample_size)]
        score, path = (torch.stack(estimates) for estimates in zip(*each, strict=True))  # [N, R, P]
        alpha = path.var(0) / (path.var(0) + score.var(0))
        return alpha * score.mean(0) + (1 - alpha) * path.mean(0)


class TermsOfOtherCoordinates(Mutant):
    """The score of each coordinate is weighed by the term of its neighbor."""

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        p = problem.distribution(theta)
        x = p.sample((sample_size,))
        terms = problem.cost_terms(x, theta)
        assert terms is not None
        weighed = p.base_dist.log_prob(x) * terms[1].roll(1, -1)  # type: ignore[attr-defined]
        return gradient_of(theta, weighed.sum(-1))


class LopsidedPairs(Mutant):
    """Noise that is mirrored about 1/2, where it is symmetric about 0."""

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        path = path_of(problem.distribution(theta))
        noise = torch.randn(sample_size // 2, *path.shape, dtype=theta.dtype)
        return gradient_of(theta, problem.cost(path.follow(torch.cat([noise, 1 - noise])), theta))


class MirroredSamples(Mutant):
    """Samples that are mirrored about their mean, where their law is not symmetric."""

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        p = problem.distribution(theta)
        x = p.rsample((sample_size // 2,))
        return gradient_of(theta, problem.cost(torch.cat([x, 2 * p.mean - x]), theta))
