"""Double control variates: leave-one-out baselines of a cost that is itself less a Taylor expansion."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from torch import Tensor

from bench.centering import centered
from bench.distributions.choices import choices_of
from bench.estimator import Claim, Estimator, NotApplicable, gradient_of
from bench.exact import ExactMoments, SingleDraws
from bench.problem import Problem
from estimators.relaxed_slopes import cost_and_slope

Terms = tuple[Tensor | tuple[Tensor, Tensor] | None, ...]


@dataclass(frozen=True)
class DoubleCv(Estimator):
    r"""Adds to each cost a linear term whose slope the other samples tell, and takes leave-one-out baselines.

    With x as a point b between its values, p = E[b], and the mean slope
    :math:`\bar g_{-k} = \frac{1}{K - 1} \sum_{j \ne k} \nabla f(b_j)` of the other samples of a group of K,

    .. math::
        h_k &= f(b_k) + \alpha\, \bar g_{-k}^T (b_k - p), \\
        \hat g &= \frac{1}{K} \sum_k \Big[\Big(h_k - \frac{1}{K - 1} \sum_{j \ne k} h_j\Big)\,
            \nabla_\theta \log p(b_k; \theta) - \alpha\, \nabla f(b_k)^T \nabla_\theta p(\theta)\Big].

    The slope is independent of b_k, so that the term's own gradient has the mean that is subtracted; with the
    score of b_k the others' linear terms have mean zero, as each has :math:`b_j - p` as a factor. α = 0
    is the leave-one-out baseline.

    Needs x of independent choices among finitely many classes, and a cost that is differentiable between
    them. Each estimate has N = K ≥ 2 samples, at which it evaluates f and its gradient.

    Attributes:
        coefficient: α, or `optimal` for the one of least total variance, fitted to independent estimates.

    References:
        Titsias & Shi (2022), Double control variates for gradient estimation in discrete latent variable
        models.
    """

    bias: ClassVar[Claim] = "unbiased"
    minimum_sample_size = 2
    coefficient: float | Literal["optimal"] = "optimal"

    def __post_init__(self) -> None:
        if self.coefficient != "optimal" and not math.isfinite(self.coefficient):
            raise ValueError(f"coefficient must be finite, got {self.coefficient}")

    def evaluations(self, problem: Problem, sample_size: int) -> int:
        return sample_size

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        α = 0.0 if self.coefficient == "optimal" else self.coefficient
        (log_prob, cost), (linear, expected), rest = _terms(problem, theta, sample_size)
        weights = centered(cost + α * linear)  # [N, R, (B)]
        return gradient_of(theta, (log_prob, weights), -α * expected, *rest)

    def fitted(self, problem: Problem, theta: Tensor, sample_size: int) -> Estimator:
        if self.coefficient != "optimal":
            return self
        theta = theta[:4096]
        (log_prob, cost), (linear, expected), rest = _terms(problem, theta, sample_size)
        plain = gradient_of(theta, (log_prob, centered(cost)), *rest, keep_graph=True)  # [R', P]
        control = gradient_of(theta, (log_prob, centered(linear)), -expected)  # [R', P], of mean zero
        plain, control = plain.double(), control.double()
        control = control - control.mean(0)
        square = float(control.square().sum())
        return replace(self, coefficient=-float((plain * control).sum()) / square if square > 0 else 0.0)

    def exact_moments(self, draws: SingleDraws, sample_size: int) -> ExactMoments:
        return draws.of_group(self, sample_size)


def _terms(
    problem: Problem, theta: Tensor, sample_size: int
) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor], Terms]:
    """The score and the cost; the linear term and that whose gradient is its mean; and the rest.

    `[N, R, (B)]` but for the second of the second pair, `[R, (B)]`.
    """
    if sample_size < 2:
        raise NotApplicable("its slopes are those of the other samples, and N is 1")
    p = problem.distribution(theta)
    choices = choices_of(p)
    x = p.sample((sample_size,))  # [N, R, (B,) *event]
    corner, mean = choices.corner_of(x), choices.probs  # [N, R, (B,) *points], [R, (B,) *points]
    cost, slope = cost_and_slope(problem, corner, theta)  # [N, R, (B)], [N, R, (B,) *points]
    others = (slope.sum(0) - slope) / (sample_size - 1)  # [N, R, (B,) *points]
    linear = choices.total(others * (corner - mean.detach()))  # [N, R, (B)]
    expected = choices.total(slope.mean(0) * mean)  # [R, (B)]
    rest = cost, problem.analytic_term(theta, p)
    return (p.log_prob(x), cost.detach()), (linear, expected), rest
