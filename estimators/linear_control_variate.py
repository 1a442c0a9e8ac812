"""The pathwise estimator less that of the cost's quadratic approximation, whose mean is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal

from bench.estimator import Claim, Estimator, NotApplicable, gradient_of
from bench.problem import Problem


@dataclass(frozen=True)
class LinearControlVariate(Estimator):
    r"""Linearizes the derivative of the cost at the mean of a normal distribution.

    With x = m + s ⊙ ε, the pathwise gradient in (m, s) is (∇f(x), ∇f(x) ⊙ ε). Of
    :math:`\tilde g(\epsilon) = \nabla f(m) + H(m)\,(s \odot \epsilon)` in the place of ∇f(x) the
    mean is known, and the estimate is

    .. math:: \hat g - \overline{(\tilde g,\; \tilde g \odot \epsilon)}
        + (\nabla f(m),\; \operatorname{diag}(H(m)) \odot s),

    where the bar is the mean over the same N samples. For a quadratic f nothing is left
    of the noise. Whatever m and s are of θ, the difference is carried on to θ.

    Needs a normal distribution of independent components, and a cost that is twice differentiable
    in x. Each estimate evaluates f and its gradient N + 1 times; only sums over samples
    meet the Hessian, so that it is multiplied once for m, and D times for s.

    Attributes:
        hessian: `full` for the above, in D products; `product` for one alone: there
            diag(H) is not known, and the control variate of s is ∇f(m) ⊙ ε of mean zero.

    References:
        Miller, Foti, D'Amour & Adams (2017), Reducing reparameterization gradient variance, §3.
    """

    bias: ClassVar[Claim] = "unbiased"
    needs_continuity = True
    hessian: Literal["full", "product"] = "full"

    def evaluations(self, problem: Problem, sample_size: int) -> int:
        return sample_size + 1

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        p = problem.distribution(theta)
        normal = _components(p)
        x = p.rsample((sample_size,))  # [N, R, (B,) *event]
        cost = problem.cost(x, theta)  # [N, R, (B)]
        m, s = normal.loc.detach(), normal.scale.detach()  # [R, (B,) *event]
        noise = (x.detach() - m) / s  # [N, R, (B,) *event]
        mean_noise = noise.mean(0)  # [R, (B,) *event]

        m = m.clone().requires_grad_()
        slope = _derivative(problem.cost(m[None], theta.detach()), m)  # ∇f(m), [R, (B,) *event]
        of_loc = -_derivative(slope * (s * mean_noise), m).detach()  # −H (s ⊙ mean ε)
        of_scale = -slope.detach() * mean_noise  # [R, (B,) *event]
        if self.hessian == "full":
            of_scale = of_scale + _excess(slope, m, s, noise, len(p.event_shape))
        event = tuple(range(-len(p.event_shape), 0))
        control = normal.loc * of_loc + normal.scale * of_scale  # [R, (B,) *event]
        control = control.sum(event) if event else control  # [R, (B)]
        return gradient_of(theta, cost, control, problem.analytic_term(theta, p))


def _components(p: Distribution) -> Normal:
    base = p.base_dist if isinstance(p, Independent) else p
    if not isinstance(base, Normal):
        raise NotApplicable("it needs a normal distribution of independent components")
    return base


def _derivative(y: Tensor, m: Tensor) -> Tensor:
    """Σ y differentiated in m, in a way that can be differentiated again; zero if it does not depend on m."""
    if not y.requires_grad:
        return torch.zeros_like(m)
    (derivative,) = torch.autograd.grad(y.sum(), m, create_graph=True, materialize_grads=True)
    return derivative


def _excess(slope: Tensor, m: Tensor, s: Tensor, noise: Tensor, event_dim: int) -> Tensor:
    r"""diag(H) s − mean of (H (s ⊙ ε)) ⊙ ε, `[R, (B,) *event]`.

    Entry i is :math:`\sum_j H_{ij} s_j (\delta_{ij} - \overline{\epsilon_i \epsilon_j})`.
    """
    if not event_dim:
        return _derivative(slope, m).detach() * s * (1 - noise.square().mean(0))
    found = []
    for i in range(m.shape[-1]):
        row = _derivative(slope[..., i], m).detach()  # H_i, [R, (B,) D]
        spread = -(noise[..., i, None] * noise).mean(0)  # [R, (B,) D]
        spread[..., i] += 1
        found.append((row * s * spread).sum(-1))  # [R, (B)]
    return torch.stack(found, -1)
