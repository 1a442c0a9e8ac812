"""Estimators that must not be certified, as their bias or their noise is not what they claim.

Those that break another rule of the contract are in `tests/unruly.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from bench.estimator import Claim, Estimator, gradient_of
from bench.exact import ExactMoments, SingleDraws
from bench.problem import MultiSampleProblem, Problem, VariationalProblem
from estimators.baselines import IndependentSample
from estimators.evolution_strategies import EvolutionStrategies
from estimators.reinforce import Reinforce
from tests.mutants import (
    AverageUpdatedBeforeUse,
    LopsidedPairs,
    MirroredSamples,
    MissingDetach,
    NForNMinusOne,
    OneDrawForAll,
    OwnSampleInTheBaseline,
    SignFlipInOneCoordinate,
    SmoothingInverted,
    SmoothingMissing,
    SumForMean,
)

UNCERTIFIED: dict[str, tuple[Estimator, str, list[str]]] = {}
"""Name -> the estimator, the check that must flag it, and the problems on which it is tried."""


def uncertified(check: str, *problems: str) -> Callable[[type], type]:
    """Lists an estimator with the check that must flag it."""

    def listed(cls: type) -> type:
        UNCERTIFIED[cls.__name__] = (cls(), check, list(problems) or ["gaussian", "normals"])
        return cls

    return listed


for mutant in (
    SumForMean,
    OwnSampleInTheBaseline,
    SignFlipInOneCoordinate,
    MissingDetach,
    AverageUpdatedBeforeUse,
):
    uncertified("bias")(mutant)
# At the smallest N, 1, a divisor of N is no mistake: the other N sees it.
uncertified("bias")(NForNMinusOne)
uncertified("noise")(OneDrawForAll)
# They claim a bias, and where F is quadratic in θ have none to claim.
for mutant in (SmoothingInverted, SmoothingMissing):
    uncertified("bias", "gaussian", "normals", "bernoullis")(mutant)


@dataclass(frozen=True)
class Scored(Estimator):
    """The score function, right in all things: what the wrong ones are made of."""

    bias: ClassVar[Claim] = "unbiased"

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        p = problem.distribution(theta)
        x = p.sample((sample_size,))  # [N, R, (D)]
        cost = problem.cost(x, theta)  # [N, R]
        return gradient_of(theta, (p.log_prob(x), self.weights(cost.detach())), cost)

    def weights(self, cost: Tensor) -> Tensor:
        return cost


@dataclass(frozen=True)
class Pathwise(Estimator):
    """The path, right where there is one."""

    bias: ClassVar[Claim] = "unbiased"

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        p = problem.distribution(theta)
        x = p.rsample((sample_size,))
        return gradient_of(theta, problem.cost(x, theta), problem.analytic_term(theta, p))


# --- the claim of its bias --------------------------------------------------------------------------


@uncertified("bias")
class WrongSign(Scored):
    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        return -super().gradient(problem, theta, sample_size)


@uncertified("bias", "normal")
class SmallBias(Scored):
    """Three percent too long."""

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        estimates = Pathwise().gradient(problem, theta, sample_size)
        return 1.03 * estimates


@uncertified("bias", "normals")
class ForwardCalledCentral(EvolutionStrategies):
    """A difference to one side with a step of half: exact for straight lines alone, and said of parabolas."""

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        moved = (theta + 0.5).detach().requires_grad_()
        return Pathwise().gradient(problem, moved, sample_size)


@uncertified("bias", "iwae-4")
@dataclass(frozen=True)
class StuckWithSeveralSamples(Estimator):
    """Sticking the landing, of a bound that averages K weights."""

    bias: ClassVar[Claim] = "unbiased"

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        assert isinstance(problem, VariationalProblem)
        q = problem.distribution(theta)
        x = q.rsample((sample_size,))
        cost = problem.cost(x, theta)
        if not isinstance(problem, MultiSampleProblem):
            return gradient_of(theta, cost)
        w = problem.samples * problem.log_weights(x.detach(), theta).detach().softmax(-1)
        score = problem.log_probs(x.detach(), q)
        return gradient_of(theta, cost, (score, -w))


@uncertified("bias")
class NormalizedByTheGroup(Scored):
    """Costs divided by their spread in the group, as for language models."""

    minimum_sample_size = 2

    def weights(self, cost: Tensor) -> Tensor:
        return (cost - cost.mean(0)) / (cost.std(0) + 1e-6)


@uncertified("bias", "exponential", "lognormal")
@dataclass(frozen=True)
class PairsOfASkewedLaw(Estimator):
    """Samples that are mirrored about their mean, where their law is not symmetric."""

    bias: ClassVar[Claim] = "unbiased"
    minimum_sample_size = 2

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        return MirroredSamples().gradient(problem, theta, sample_size)


@uncertified("bias", "gaussian")
@dataclass(frozen=True)
class PairsOffCenter(Estimator):
    """Noise that is mirrored about 1/2, where it is symmetric about 0."""

    bias: ClassVar[Claim] = "unbiased"
    minimum_sample_size = 2

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        return LopsidedPairs().gradient(problem, theta, sample_size)


@uncertified("bias", "jump")
class PathAcrossAJump(Pathwise):
    """Does not say that its claim is of costs that do not jump."""


@uncertified("bias", "bernoulli")
class StraightThrough(Estimator):
    """Numbers where there is no path: the slope at a discrete draw, as if it moved with p."""

    bias: ClassVar[Claim] = "unbiased"

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        p = problem.distribution(theta)
        x = p.sample((sample_size,)) + p.mean - p.mean.detach()
        return gradient_of(theta, problem.cost(x, theta))


@uncertified("bias", "gaussian")
@dataclass(frozen=True)
class NeverConsistent(Estimator):
    """Claims that its bias vanishes, and it does not."""

    bias: ClassVar[Claim] = "consistent"

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        return 1.2 * Pathwise().gradient(problem, theta, sample_size)


@uncertified("exact variance")
class DeclaresNoBaseline(Scored):
    """Has a baseline, and declares the variance of an estimator without."""

    def exact_moments(self, draws: SingleDraws, sample_size: int) -> ExactMoments:
        return draws.of_mean(Scored(), sample_size)

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        return Reinforce(IndependentSample()).gradient(problem, theta, sample_size)


@uncertified("exact variance")
class NoAverage(Scored):
    """Mirrored samples, declared as the mean of independent ones."""

    averages = True

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        if sample_size == 1:
            return super().gradient(problem, theta, sample_size)
        p = problem.distribution(theta)
        some = p.sample((sample_size // 2,))
        x = torch.cat([some, 2 * p.mean - some])
        cost = problem.cost(x, theta)
        return gradient_of(theta, (p.log_prob(x), cost.detach()), cost, problem.analytic_term(theta, p))
