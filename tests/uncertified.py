"""Estimators that must not be certified: each breaks one rule of the contract, or its claim."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from bench.estimator import Claim, Estimator, gradient_of
from bench.problem import MultiSampleProblem, Problem, VariationalProblem
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


@uncertified("bias", "gaussian", "normals", "bernoullis")
class SmoothingInverted(EvolutionStrategies):
    """h² times what it should be, though it claims a bias, as F is quadratic: torchopt's 1/σ inverted."""

    exact_degree = 2

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        return self.smoothing**2 * super().gradient(problem, theta, sample_size)


@uncertified("bias", "gaussian", "normals", "bernoullis")
class SmoothingMissing(EvolutionStrategies):
    """h times what it should be: the perturbed function of optax."""

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        return self.smoothing * super().gradient(problem, theta, sample_size)


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


# --- rows, and the random numbers -------------------------------------------------------------------


@uncertified("rows")
class MixedRows(Scored):
    """Its baseline is the mean cost over all replicates."""

    def weights(self, cost: Tensor) -> Tensor:
        return cost - cost.mean()


@uncertified("rows")
class SharedNoise(Estimator):
    """All rows are the same estimate, and each moves with the mean of all θ."""

    bias: ClassVar[Claim] = "unbiased"

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        return Pathwise().gradient(problem, theta, sample_size).mean(0).expand_as(theta).clone()


@uncertified("theta")
class AtTheProblemsTheta(Scored):
    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        own = problem.theta.expand_as(theta).detach().requires_grad_()
        return super().gradient(problem, own, sample_size)


@uncertified("theta")
@dataclass(frozen=True)
class IgnoresTheta(Estimator):
    """Noise, and no more is claimed: but it is said to be at θ."""

    bias: ClassVar[Claim] = "biased"

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        return torch.randn_like(theta) / math.sqrt(sample_size)


@uncertified("seed")
class Seeds(Scored):
    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        torch.manual_seed(0)
        return super().gradient(problem, theta, sample_size)


@uncertified("seed")
class SeedsInAFork(Scored):
    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            return super().gradient(problem, theta, sample_size)


@uncertified("seed")
class GeneratorOfItsOwn(Scored):
    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        noise = torch.randn(theta.shape, generator=torch.Generator().manual_seed(3), dtype=theta.dtype)
        return theta.detach() * noise


@uncertified("repeats")
class ByTheClock(Scored):
    def weights(self, cost: Tensor) -> Tensor:
        return cost - time.perf_counter() % 1.0


@uncertified("globals")
class NumpysNoise(Scored):
    def weights(self, cost: Tensor) -> Tensor:
        return cost + torch.from_numpy(np.random.standard_normal(cost.shape)).to(cost)


@uncertified("globals")
class PythonsNoise(Scored):
    def weights(self, cost: Tensor) -> Tensor:
        return cost - random.random()


_CALLS: list[int] = []


@uncertified("repeats")
class RemembersItsCalls(Scored):
    """A moving average that goes on from call to call."""

    def weights(self, cost: Tensor) -> Tensor:
        _CALLS.append(1)
        return cost - 1 / len(_CALLS)


# --- what is none of its business -------------------------------------------------------------------


@uncertified("globals")
class SetsTheDefaultType(Scored):
    def weights(self, cost: Tensor) -> Tensor:
        torch.set_default_dtype(torch.float64)
        return cost


@uncertified("globals")
class SetsThreads(Scored):
    def weights(self, cost: Tensor) -> Tensor:
        torch.set_num_threads(torch.get_num_threads() + 1)
        return cost


@uncertified("globals")
class TurnsGradientsOff(Scored):
    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        estimates = super().gradient(problem, theta, sample_size)
        torch.set_grad_enabled(False)
        return estimates


@uncertified("inputs")
class LeavesAGradient(Scored):
    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        p = problem.distribution(theta)
        x = p.sample((sample_size,))
        (p.log_prob(x) * problem.cost(x, theta).detach()).mean(0).sum().backward()
        assert theta.grad is not None
        return theta.grad


@uncertified("inputs")
class MovesTheta(Scored):
    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        estimates = super().gradient(problem, theta, sample_size)
        if theta.stride(0):
            with torch.no_grad():
                theta.sub_(0.01 * estimates)
        return estimates


@uncertified("inputs")
class MovesTheProblem(Scored):
    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        estimates = super().gradient(problem, theta, sample_size)
        problem.theta.mul_(1.0001)
        return estimates


@uncertified("inputs")
class WritesOnTheProblem(Scored):
    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        problem.seen = True  # type: ignore[attr-defined]
        return super().gradient(problem, theta, sample_size)


@uncertified("inputs")
@dataclass(frozen=True)
class LearnsInPlace(Scored):
    def fitted(self, problem: Problem, theta: Tensor, sample_size: int) -> Estimator:
        object.__setattr__(self, "baseline", 1.0)
        return self


# --- what an estimate looks like --------------------------------------------------------------------


@uncertified("shape")
class OneForAllRows(Scored):
    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        return super().gradient(problem, theta, sample_size).mean(0)


@uncertified("shape")
class ATuple(Scored):
    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Any:
        return (super().gradient(problem, theta, sample_size),)


@uncertified("type")
class AlwaysFloat32(Scored):
    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        return super().gradient(problem, theta, sample_size).float()


@uncertified("type")
class AlwaysFloat64(Scored):
    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        return super().gradient(problem, theta, sample_size).double()


@uncertified("type")
class RoundsToFloat32(Scored):
    """Of the right type, and computed in the other."""

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        return super().gradient(problem, theta, sample_size).float().to(theta)


@uncertified("device")
class OnAnotherDevice(Scored):
    """The one that every machine has: its tensors have no numbers."""

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        return super().gradient(problem, theta, sample_size).to("meta")


@uncertified("graph")
class HoldsItsGraph(Scored):
    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        return super().gradient(problem, theta, sample_size) + 0 * theta


@uncertified("finite", "lognormal")
class NotFinite(Scored):
    """The logarithm of what may be negative."""

    def weights(self, cost: Tensor) -> Tensor:
        return cost + (2.5 - cost).log() * 0


@uncertified("float32", "normal")
class LosesDigitsInFloat32(Scored):
    """Adds and subtracts a number that float32 cannot hold with the rest."""

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        return Pathwise().gradient(problem, theta, sample_size) + 1e8 - 1e8


@uncertified("value")
class ThawedOptions(Estimator):
    bias: ClassVar[Claim] = "unbiased"

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = scale

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        return Reinforce().gradient(problem, theta, sample_size)


@uncertified("claim")
@dataclass(frozen=True)
class ClaimsNothing(Estimator):
    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        return Reinforce().gradient(problem, theta, sample_size)


# --- where it applies, and what it costs ------------------------------------------------------------


@uncertified("runs", "poisson")
class CrashesOnDiscreteDraws(Pathwise):
    """Leaves it to torch to say that there is no path."""


@uncertified("smallest N")
@dataclass(frozen=True)
class NeedsMoreThanItSays(Scored):
    """Leave-one-out that forgets to say that it needs two."""

    def weights(self, cost: Tensor) -> Tensor:
        return (cost - cost.mean(0)) * (len(cost) / (len(cost) - 1) if len(cost) > 1 else math.nan)


@uncertified("smallest N")
@dataclass(frozen=True)
class NeedsLessThanItSays(Scored):
    minimum_sample_size = 3


@uncertified("cost")
@dataclass(frozen=True)
class CheaperThanItIs(Scored):
    """Declares N evaluations, and takes 2 N."""

    def evaluations(self, problem: Problem, sample_size: int) -> int:
        return sample_size

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        again = super().gradient(problem, theta, sample_size)
        return 0.5 * (super().gradient(problem, theta, sample_size) + again)


@uncertified("cost")
@dataclass(frozen=True)
class PaysForTheFirstRow(Scored):
    """A baseline of one further row, whatever their number."""

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        p = problem.distribution(theta[:1])
        problem.cost(p.sample((sample_size,)), theta[:1])
        return super().gradient(problem, theta, sample_size)


@uncertified("cost")
@dataclass(frozen=True)
class GoesRoundTheCount(Estimator):
    """Calls the cost by its class, where it is not counted."""

    bias: ClassVar[Claim] = "unbiased"

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        p = problem.distribution(theta)
        x = p.sample((sample_size,))
        cost = type(problem).cost(problem, x, theta)
        return gradient_of(theta, (p.log_prob(x), cost.detach()), cost)
