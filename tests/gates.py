"""Scenarios, baselines and broken estimators for the tests of the gate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from bench.engine.plan import Experiment, Planned, plan
from bench.estimator import Claim, Estimator, gradient_of
from bench.problem import Problem
from bench.regression.baseline import Baseline
from bench.regression.gated import Gated
from bench.regression.make import baseline_of, make
from bench.scenario import read_text
from bench.scenario.gate_section import Gate
from bench.scenario.thresholds import Thresholds, thresholds_of
from bench.statistics.gating import Margin
from estimators.reinforce import Reinforce
from tests.cases import experiment_of
from tests.mutants import MissingDetach, OwnSampleInTheBaseline

TEXT = """
schema: 1
name: example
version: 1
problem:
  {{name: expectation, distribution: {{normal: {{loc: 2.0, scale: 1.0}}}}, parameters: [loc], cost: z**2}}
estimators: [{estimator}]
sweep: {{sample_sizes: [{N}]}}
seed: {seed}
"""

VARIANCE = 87.0
"""The variance of the score function with one sample, by N."""


def experiment(estimator: str = "reinforce", N: int = 10, seed: int = 0) -> Experiment:
    return experiment_of(*read_text(TEXT.format(estimator=estimator, N=N, seed=seed), "example.yaml"))


def with_estimator(before: Experiment, estimator: Estimator) -> Experiment:
    """The same experiment after somebody changed its estimator's code."""
    (named,) = before.estimators
    return replace(before, estimators=(replace(named, estimator=estimator),))


def defaults(label: str) -> Thresholds:
    return thresholds_of(Gate(), label)


def strict(increase: float, indifference: float) -> Callable[[str], Thresholds]:
    margin = Margin(increase, indifference)
    return lambda label: replace(defaults(label), ratios=dict.fromkeys(defaults(label).ratios, margin))


def baseline(
    of: Experiment, thresholds: Callable[[str], Thresholds] = defaults, max_replicates: int = 1_000_000
) -> Baseline:
    made = make([Planned(of, plan(of))], thresholds, max_replicates)
    return baseline_of(of, {one.name: one.entry for one in made if one.entry is not None}, "test")


def gated(
    now: Experiment,
    was: Baseline,
    thresholds: Callable[[str], Thresholds] = defaults,
    max_replicates: int = 1_000_000,
    anchor: Baseline | None = None,
) -> Gated:
    return Gated("example.yaml", (Planned(now, plan(now)),), thresholds, max_replicates, was, anchor)


@dataclass(frozen=True)
class Noisier(Reinforce):
    """Independent noise on top: so much more variance, as a part of what there is."""

    increase: float = 0.1

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        estimates = super().gradient(problem, theta, sample_size)
        return estimates + (self.increase * VARIANCE / sample_size) ** 0.5 * torch.randn_like(estimates)


@dataclass(frozen=True)
class Halved(Reinforce):
    """Half of the samples that it is asked for."""

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        return super().gradient(problem, theta, sample_size // 2)


@dataclass(frozen=True)
class OneNotANumber(Reinforce):
    """One estimate in 10 000 is not a number; all others are as they were."""

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        estimates = super().gradient(problem, theta, sample_size)
        estimates[::10_000] = torch.nan
        return estimates


@dataclass(frozen=True)
class RarelyNotANumber(Reinforce):
    """Each estimate is not a number with probability 1/10 000, by its own bits; others are as they were."""

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        estimates = super().gradient(problem, theta, sample_size)
        hashed = (estimates.view(torch.int32).long() * 2_654_435_761) % 2**32
        return estimates.masked_fill_(hashed % 10_000 == 0, torch.nan)


@dataclass(frozen=True)
class Refactored(Reinforce):
    """The same formula in other words, which round alike."""

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        p = problem.distribution(theta)
        x = p.sample((sample_size,))
        weights = problem.cost(x, theta).detach()
        return gradient_of(theta, None, (p.log_prob(x), weights))


@dataclass(frozen=True)
class Rounded(Reinforce):
    """The same up to rounding, as on another machine."""

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        return super().gradient(problem, theta, sample_size) * (1 + 2**-22)


@dataclass(frozen=True)
class Failing(Reinforce):
    bias: ClassVar[Claim] = "unbiased"

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        raise RuntimeError("out of luck")


FAULTS: dict[str, tuple[Estimator, str]] = {
    "a baseline that includes the own sample": (OwnSampleInTheBaseline(), "bias"),
    "a lost detach": (MissingDetach(), "bias"),
    "a halved sample size": (Halved(), "variance"),
    "a NaN in one replicate of 10 000": (OneNotANumber(), "nonfinite"),
}
"""What is broken -> the estimator, and the metric that must tell."""
