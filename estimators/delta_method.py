"""The score-function estimator with a second-order Taylor expansion of the cost as control variate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, VonMises

from bench.estimator import Claim, Estimator, NotApplicable, gradient_of
from bench.problem import Problem

_WIDEST = 64  # dimensions of x: the Hessian takes as many backward passes, and D² numbers


@dataclass(frozen=True)
class DeltaMethod(Estimator):
    r"""Subtracts from the cost its Taylor expansion at the mean of p, and adds the expansion's own gradient.

    With m = E[x] and the gradient g and Hessian H of f at m, all three held fixed,

    .. math::
        h(x) &= f(m) + g^T (x - m) + \tfrac12 (x - m)^T H (x - m), \\
        E[h(x)] &= f(m) + g^T (\mu(\theta) - m)
            + \tfrac12 \mathrm{tr}(H [\Sigma(\theta) + (\mu(\theta) - m)(\mu(\theta) - m)^T]), \\
        \nabla_\theta E[f(x)] &= E[(f(x) - c\, h(x))\, \nabla_\theta \log p(x; \theta)]
            + c\, \nabla_\theta E[h(x)]

    for any c that is independent of x. Needs x continuous with independent coordinates
    whose means and variances are finite and known, at most 64 of them, and f differentiable
    at their mean; where f is not smooth, h fits it worse, and the estimate is still unbiased. Each
    estimate evaluates f N times, and once more at m with its gradient and Hessian (D
    further backward passes). On a quadratic cost of normal draws it is exact.

    Attributes:
        coefficient: c, `one`, or `optimal` for that of least variance, Cov(a, b) / Var(b)
            for each coordinate of the estimates a without h and b of the difference that h
            makes, estimated from independent samples.

    References:
        Paisley, Blei & Jordan (2012), Variational Bayesian inference with stochastic search.
        Mohamed et al. (2020), Monte Carlo gradient estimation in machine learning, §7.4.
    """

    bias: ClassVar[Claim] = "unbiased"
    coefficient: Literal["one", "optimal"] = "one"

    def evaluations(self, problem: Problem, sample_size: int) -> int:
        return sample_size + 1

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        parts = _parts(problem, theta, sample_size)
        left = parts.cost.detach() - parts.expansion  # [N, R, (B)]
        return gradient_of(theta, (parts.log_prob, left), parts.cost, parts.analytic, parts.expected)

    def fitted(self, problem: Problem, theta: Tensor, sample_size: int) -> Estimator:
        if self.coefficient == "one":
            return self
        theta = theta[:4096]
        plain, control = _parts(problem, theta, 1).apart(theta)  # [R', P] each
        control = control - control.mean(0)
        variance = control.square().sum(0)  # [P]
        # A coordinate that p does not depend on has nothing to be controlled.
        return _Weighed(torch.where(variance > 0, (plain * control).sum(0) / variance, 0.0))


@dataclass(frozen=True)
class _Weighed(Estimator):
    """A delta method with a coefficient for each coordinate of the gradient, `[P]`."""

    bias: ClassVar[Claim] = "unbiased"
    coefficients: Tensor

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        plain, control = _parts(problem, theta, sample_size).apart(theta)
        return plain - self.coefficients * control


@dataclass(frozen=True)
class _Parts:
    """The parts of an estimate; `expansion` is h(x), and `expected` its mean."""

    cost: Tensor  # [N, R, (B)]
    log_prob: Tensor  # [N, R, (B)]
    expansion: Tensor  # [N, R, (B)]
    expected: Tensor  # [R, (B)]
    analytic: Tensor | None  # [R, (B)]

    def apart(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        """The estimates without the control variate, and the control variate, of mean zero, `[R, P]` each."""
        score = self.log_prob, self.expansion
        control = gradient_of(theta, score, -self.expected, keep_graph=True)
        plain = gradient_of(theta, (self.log_prob, self.cost.detach()), self.cost, self.analytic)
        return plain, control


def _parts(problem: Problem, theta: Tensor, sample_size: int) -> _Parts:
    p = problem.distribution(theta)
    mean, variance = _moments(p)  # [R, (B,) D]
    x = p.sample((sample_size,))  # [N, R, (B,) *event]
    cost = problem.cost(x, theta)  # [N, R, (B)]
    center = mean.detach()
    value, slope, curvature = _expanded(problem, theta.detach(), center, p.event_shape)
    offset = x.reshape(len(x), *center.shape) - center  # [N, R, (B,) D]
    bent = torch.einsum("nr...i,r...ij->nr...j", offset, curvature)  # [N, R, (B,) D]
    expansion = value + ((slope + 0.5 * bent) * offset).sum(-1)  # [N, R, (B)]
    # (μ − m)(μ − m)ᵀ is zero with its derivative at θ.
    diagonal = curvature.diagonal(dim1=-2, dim2=-1)  # [R, (B,) D]
    expected = value + (slope * (mean - center) + 0.5 * diagonal * variance).sum(-1)  # [R, (B)]
    return _Parts(cost, p.log_prob(x), expansion, expected, problem.analytic_term(theta, p))


def _moments(p: Distribution) -> tuple[Tensor, Tensor]:
    """Mean and variance of each coordinate, `[R, (B,) D]`, functions of θ."""
    law = p.base_dist if isinstance(p, Independent) else p
    if law.event_shape:
        raise NotApplicable("the coordinates of x are not independent")
    if law.support is not None and law.support.is_discrete:
        raise NotApplicable("x is discrete, and the cost has no derivatives between its values")
    if isinstance(law, VonMises):
        raise NotApplicable("the mean and the variance of x are those of an angle")
    try:
        mean, variance = law.mean, law.variance
    except NotImplementedError as reason:
        raise NotApplicable("the mean and the variance of x are not known") from reason
    if not (mean.isfinite().all() and variance.isfinite().all()):
        raise NotApplicable("the mean or the variance of x is not finite")
    if not p.event_shape:
        mean, variance = mean.unsqueeze(-1), variance.unsqueeze(-1)
    if mean.shape[-1] > _WIDEST:
        raise NotApplicable(f"the Hessian of a cost of {mean.shape[-1]} dimensions is too large")
    return mean, variance


@torch.enable_grad()
def _expanded(
    problem: Problem, theta: Tensor, center: Tensor, event_shape: torch.Size
) -> tuple[Tensor, Tensor, Tensor]:
    """f, its gradient and its Hessian at the center, `[R, (B)]`, `[R, (B,) D]` and `[R, (B,) D, D]`."""
    m = center.requires_grad_()  # [R, (B,) D]
    x = m if event_shape else m.squeeze(-1)  # [R, (B,) *event]
    value = problem.cost(x.unsqueeze(0), theta)[0]  # [R, (B)]
    if not value.requires_grad:
        raise NotApplicable("the cost is not differentiable in x")
    (slope,) = torch.autograd.grad(value.sum(), m, create_graph=True)  # [R, (B,) D]
    if not slope.requires_grad:  # f is linear
        return value.detach(), slope, slope.new_zeros(*slope.shape, slope.shape[-1])
    rows = [
        torch.autograd.grad(each.sum(), m, retain_graph=True, materialize_grads=True)[0]
        for each in slope.unbind(-1)
    ]  # [R, (B,) D] each
    return value.detach(), slope.detach(), torch.stack(rows, -2)
