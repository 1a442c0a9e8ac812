"""Estimators that must not be certified, as they break a rule of the contract, whatever their bias."""

from __future__ import annotations

import math
import random
import time
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from bench.estimator import Claim, Estimator, gradient_of
from bench.problem import Problem
from estimators.reinforce import Reinforce
from tests.uncertified import UNCERTIFIED, Pathwise, Scored, uncertified

__all__ = ["UNCERTIFIED"]  # all that are listed, those of `tests.uncertified` too

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
            return theta.detach() * torch.randn_like(theta)


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
