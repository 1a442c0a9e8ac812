"""A weighted mean of the score-function and the pathwise estimate, from the same samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from bench.estimator import Claim, Estimator, NotApplicable, gradient_of
from bench.problem import Problem


@dataclass(frozen=True)
class Mixture(Estimator):
    r"""Weighs the score-function estimate against the pathwise one by their variances.

    .. math:: \alpha\, \hat g_{\text{score}} + (1 - \alpha)\, \hat g_{\text{path}}, \quad
        \alpha = \frac{\mathrm{Var}\, \hat g_{\text{path}}}
            {\mathrm{Var}\, \hat g_{\text{score}} + \mathrm{Var}\, \hat g_{\text{path}}},

    which has the least variance if the two are uncorrelated. Both are of the same N
    samples here, at half the evaluations of two independent sets, and are correlated:
    this alpha may then do worse than the better of the two alone. With their covariance C
    the best is (Var path − C) / (Var score + Var path − 2 C), which may lie outside 0..1.
    All are estimated from independent samples, so that the mixture is unbiased wherever
    both estimates are. Needs what the pathwise estimate needs, a reparameterized
    sampler and a cost that is differentiable in x: where f jumps, it is biased by (1 − α)
    times the bias of that, and cannot know it; the test of agreement with which Suh et al.
    bound that bias is left out. Their α weighs the pathwise estimate: it is 1 − α here.
    Each estimate evaluates f and its gradient N times.

    Attributes:
        alpha: the weight of the score function, or null for one that is learned.
        covariance: `ignored` for the alpha above, `estimated` for the best.
        per: whether it is one for each coordinate of the gradient, or, from the sums of
            their variances, one for all.

    References:
        Suh, Simchowitz, Zhang & Tedrake (2022), Do differentiable simulators give better
        policy gradients? (the alpha-order batched gradient).
    """

    bias: ClassVar[Claim] = "unbiased"
    needs_continuity = True
    alpha: float | None = None
    covariance: Literal["ignored", "estimated"] = "ignored"
    per: Literal["parameter", "scalar"] = "parameter"

    def __post_init__(self) -> None:
        if self.alpha is not None and not 0 <= self.alpha <= 1:
            raise ValueError(f"alpha must be in [0, 1], got {self.alpha}")

    def evaluations(self, problem: Problem, sample_size: int) -> int:
        return sample_size

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        score, path = _both(problem, theta, sample_size)
        alpha = 0.5 if self.alpha is None else self.alpha
        return alpha * score + (1 - alpha) * path

    def fitted(self, problem: Problem, theta: Tensor, sample_size: int) -> Estimator:
        if self.alpha is not None:
            return self
        score, path = (each - each.mean(0) for each in _both(problem, theta[:4096], 1))  # [R', P] each
        together = score * path if self.covariance == "estimated" else torch.zeros_like(score)
        gain, total = path.square() - together, score.square() + path.square() - 2 * together
        if self.per == "scalar":
            gain, total = gain.sum(), total.sum()
        else:
            gain, total = gain.sum(0), total.sum(0)  # [P]
        # Where neither varies, or both alike as where x plays no part, any weight will do.
        return _Weighed(torch.where(total > 0, gain / total, 0.5))


@dataclass(frozen=True)
class _Weighed(Estimator):
    """The mixture whose alpha was learned, `[]` or `[P]`."""

    bias: ClassVar[Claim] = "unbiased"
    alpha: Tensor

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        score, path = _both(problem, theta, sample_size)
        return self.alpha * score + (1 - self.alpha) * path


def _both(problem: Problem, theta: Tensor, sample_size: int) -> tuple[Tensor, Tensor]:
    """The score-function and the pathwise estimates, `[R, P]` each."""
    p = problem.distribution(theta)
    if not p.has_rsample:
        raise NotApplicable("x has no reparameterized sampler")
    x = p.rsample((sample_size,))  # [N, R, (B,) *event], a function of θ
    fixed = x.detach().requires_grad_()
    cost = problem.cost(fixed, theta)  # [N, R, (B)]
    slope, direct = torch.zeros_like(x), torch.zeros_like(theta)
    if cost.requires_grad:
        # In one pass: the gradient in x, and that in θ where f depends on it directly.
        mean = cost.sum() * (len(theta) / cost.numel())
        slope, direct = torch.autograd.grad(mean, (fixed, theta), materialize_grads=True)
    rest = direct + gradient_of(theta, problem.analytic_term(theta, p), keep_graph=True)
    score = gradient_of(theta, (p.log_prob(fixed.detach()), cost.detach()), keep_graph=True)
    path = torch.autograd.grad(x, theta, slope, materialize_grads=True)[0]
    return rest + score, rest + path
