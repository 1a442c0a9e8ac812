"""Baselines of the score-function estimator, by name: each may be subtracted from the cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor
from torch.distributions import Distribution

from bench.centering import centered
from bench.estimator import gradient_of
from bench.exact import SingleDraws
from bench.problem import NotApplicable, Problem
from estimators.baseline_contract import Baseline, Constant, Learned
from estimators.baseline_network import InputDependent


@dataclass(frozen=True)
class NoBaseline(Baseline):
    """Nothing is subtracted."""


@dataclass(frozen=True)
class LeaveOneOut(Baseline):
    """The mean cost of the other N − 1 samples (of the same item).

    Kool, van Hoof & Welling (2019), Buy 4 REINFORCE samples, get a baseline for free!
    """

    minimum_sample_size: int = 2
    of_other_samples: ClassVar[bool] = True

    def subtracted(self, cost: Tensor) -> Tensor:
        if len(cost) < self.minimum_sample_size:
            raise NotApplicable("the leave_one_out baseline needs a sample size of at least 2")
        return centered(cost)  # f_n − Σ_{m≠n} f_m / (N−1) = (f_n − mean f) · N / (N−1)

    def as_constant(self, draws: SingleDraws, sample_size: int) -> tuple[Baseline, Tensor]:
        # The estimate is a U-statistic of kernel ½(f − f′)(s − s′) + ½(q + q′), with s the score and
        # q = ∇_θ f(x, θ): by Hoeffding's decomposition (1948, §5) its variance is that of (f − E f) s + q
        # over N, and (E s² Var f + (E f s)²) / (N (N − 1)).
        product = draws.expectation(draws.cost[:, None] * draws.score)  # [P]
        spread = draws.cost_variance * draws.expectation(draws.score.square())  # [P]
        return Constant(draws.mean_cost), (spread + product.square()) / (sample_size * (sample_size - 1))


@dataclass(frozen=True)
class IndependentSample(Baseline):
    r"""The cost of a second, independent sample: REINFORCE+.

    .. math:: (f(x) - f(x'))\, \nabla_\theta \log p(x; \theta), \quad x' \sim p(x; \theta)

    The variance is that of the mean as a baseline, plus Var f · E[s²]. It takes 2 N
    evaluations of f, and half of the scores that they would allow: leave_one_out uses all.

    Kool, van Hoof & Welling (2019), Buy 4 REINFORCE samples, get a baseline for free!, on
    what a second sample is better used for.
    """

    def evaluations(self, sample_size: int) -> int:
        return 2 * sample_size

    def prepared(self, problem: Problem, theta: Tensor, p: Distribution, sample_size: int) -> Baseline:
        with torch.no_grad():
            x = p.sample((sample_size,))  # [N, R, (B,) *event]
            return Learned(problem.cost(x, theta))

    def as_constant(self, draws: SingleDraws, sample_size: int) -> tuple[Baseline, Tensor]:
        # Var[(f − f′) s] = Var[(f − E f) s] + Var f · E s².
        return Constant(draws.mean_cost), draws.cost_variance * draws.expectation(
            draws.score.square()
        ) / sample_size


@dataclass(frozen=True)
class MovingAverage(Baseline):
    """An exponential moving average of the mean cost over earlier, independent steps.

    b ← decay · b + (1 − decay) · mean cost, begun at the first step's mean cost; each
    step has N samples. As in training at a θ that hardly moves.

    Attributes:
        decay: the weight of the past, in [0, 1).
        steps: how many steps came before.
    """

    decay: float = 0.9
    steps: int = 100

    def __post_init__(self) -> None:
        if not 0 <= self.decay < 1:
            raise ValueError(f"decay must be in [0, 1), got {self.decay}")
        if self.steps < 1:
            raise ValueError(f"steps must be at least 1, got {self.steps}")

    def fitted(self, problem: Problem, theta: Tensor, sample_size: int) -> Baseline:
        theta = theta[:1].expand(self.steps, -1)  # [T, P]
        with torch.no_grad():
            x = problem.distribution(theta).sample((sample_size,))  # [N, T, (B,) *event]
            means = problem.cost(x, theta).mean(0)  # [T, (B)]
        ages = torch.arange(self.steps - 1, -1, -1, device=theta.device)  # [T]
        weights = (1 - self.decay) * self.decay ** ages.to(means.dtype)  # [T]
        weights[0] = self.decay ** (self.steps - 1)  # the first step is where the average began
        return Learned((weights @ means.reshape(self.steps, -1)).reshape(means.shape[1:]))


@dataclass(frozen=True)
class Optimal(Baseline):
    r"""The constant that minimizes the variance, estimated from independent samples.

    .. math:: b^* = E[f s^2] / E[s^2]

    for each coordinate of the score s, or, with `per: scalar`, the one number that
    minimizes the sum of all coordinates' variances, :math:`E[f \|s\|^2] / E[\|s\|^2]`.
    With items, the sums run over the items' scores too: these are independent with
    mean zero, so that :math:`E[(\sum_b f_b s_b)(\sum_b s_b)] = \sum_b E[f_b s_b^2]`.

    Greensmith, Bartlett & Baxter (2004), Variance reduction techniques for gradient
    estimates in reinforcement learning, §4.

    Attributes:
        per: `parameter`, a constant for each coordinate of θ, or `scalar`, one for all of them.
    """

    per: Literal["parameter", "scalar"] = "parameter"

    def fitted(self, problem: Problem, theta: Tensor, sample_size: int) -> Baseline:
        p = problem.distribution(theta)
        x = p.sample((1,))  # [1, R, (B,) *event]: one sample a row
        cost = problem.cost(x, theta).detach()  # [1, R, (B)]
        log_prob = p.log_prob(x)  # [1, R, (B)]
        items = log_prob[0, 0].numel()  # B, or 1
        score = gradient_of(theta, log_prob, keep_graph=True) * items  # [R, P]
        weighed = gradient_of(theta, (log_prob, cost)) * items  # [R, P]
        numerator, denominator = (weighed * score).sum(0), score.square().sum(0)  # [P]
        if self.per == "scalar":
            return Learned(numerator.sum() / denominator.sum())
        # A coordinate that p does not depend on has no score, and needs no baseline.
        return PerParameter(torch.where(denominator > 0, numerator / denominator, 0.0))


@dataclass(frozen=True)
class PerParameter(Baseline):
    """One number for each coordinate of the gradient, `[P]`."""

    values: Tensor

    def correction(self, theta: Tensor, log_prob: Tensor) -> Tensor:
        return self.values * gradient_of(theta, log_prob, keep_graph=True)


BASELINES: Mapping[str, type[Baseline]] = {
    "none": NoBaseline,
    "constant": Constant,
    "moving_average": MovingAverage,
    "leave_one_out": LeaveOneOut,
    "optimal": Optimal,
    "independent": IndependentSample,
    "learned": InputDependent,
}
