"""Estimators that differentiate the cost between the values of a discrete x."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from bench.distributions.choices import choices_of
from bench.estimator import Claim, Estimator, gradient_of
from bench.problem import Problem


def _check_positive(name: str, value: float) -> None:
    if not 0 < value < float("inf"):
        raise ValueError(f"{name} must be positive, got {value}")


class _Relaxation(Estimator):
    bias: ClassVar[Claim] = "biased"

    def evaluations(self, problem: Problem, sample_size: int) -> int:
        return sample_size


@dataclass(frozen=True)
class GumbelSoftmax(_Relaxation):
    r"""Differentiates the cost at a relaxed x: the Gumbel-softmax or Concrete estimator.

    .. math:: \hat g = \nabla_\theta f(\sigma_\tau(z), \theta), \quad
        z = \phi(\theta) + \epsilon, \quad \sigma_\tau(z) = \mathrm{softmax}(z / \tau),

    with logits φ and Gumbel noise ε; of a Bernoulli variable the noise is logistic, and the point is
    σ(z/τ). It is the exact gradient of another objective, E f(σ_τ(z)), which nears F as τ falls while
    the variance grows like 1/τ. With `hard` the cost and its slope are taken at the choice that z leads to,
    and only the derivative of the choice is that of the relaxed one: the straight-through Gumbel estimator.

    Needs x of independent choices, and a cost that is defined between its values (`Problem.relaxed_cost`).
    Each estimate evaluates f and its gradient N times.

    Attributes:
        temperature: τ.
        hard: whether f is evaluated at the choice.

    References:
        Jang, Gu & Poole (2017), Categorical reparameterization with Gumbel-softmax, §2.
        Maddison, Mnih & Teh (2017), The Concrete distribution.
    """

    temperature: float = 1.0
    hard: bool = False

    def __post_init__(self) -> None:
        _check_positive("temperature", self.temperature)

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        p = problem.distribution(theta)
        choices = choices_of(p)
        z = choices.perturbed(sample_size)  # [N, R, (B,) *points]
        points = choices.relaxed(z, self.temperature)  # [N, R, (B,) *points]
        if self.hard:
            points = choices.corner(z) + (points - points.detach())
        cost = problem.relaxed_cost(points, theta)  # [N, R, (B)]
        return gradient_of(theta, cost, problem.analytic_term(theta, p))


@dataclass(frozen=True)
class StraightThrough(_Relaxation):
    r"""Differentiates the cost at the choice as if the choice were its own probability.

    .. math:: \hat g = \left(\frac{\partial \pi}{\partial \theta}\right)^T \nabla_x f(x, \theta)
        + \partial_\theta f(x, \theta), \quad x \sim p

    with x as a corner of the set of points, and π its mean. There is no bias where f is linear in each of the
    choices; of a quadratic :math:`x^T A x + b^T x` of one choice it is J (2 A π − diag A), J = diag π − π πᵀ.

    Needs x of independent choices, and a cost that is defined between its values (`Problem.relaxed_cost`).
    Each estimate evaluates f and its gradient N times.

    References:
        Bengio, Léonard & Courville (2013), Estimating or propagating gradients through stochastic neurons for
        conditional computation.
        Liu et al. (2023), Bridging discrete and backpropagation: straight-through and beyond.
    """

    exact_cost_degree = 1
    averages = True

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        p = problem.distribution(theta)
        choices = choices_of(p)
        corner = choices.corner_of(p.sample((sample_size,)))  # [N, R, (B,) *points]
        points = corner + (choices.probs - choices.probs.detach())
        cost = problem.relaxed_cost(points, theta)  # [N, R, (B)]
        return gradient_of(theta, cost, problem.analytic_term(theta, p))


@dataclass(frozen=True)
class Reinmax(_Relaxation):
    r"""A straight-through estimator of second order.

    .. math:: \hat g = \left[2 J\left(\frac{\pi + x}{2}\right) - \frac12 J(\pi)\right] \nabla_x f(x)
        \text{ in the logits}, \quad J(\pi) = \mathrm{diag}(\pi) - \pi \pi^T, \quad x \sim p,

    with x as a corner of the set of points: Heun's rule for f(i) − f(j), where straight-through is Euler's.
    There is no bias where f is a quadratic in each of the choices; ∂_θ f(x, θ) is added where f depends on θ
    itself.

    Needs x of independent choices, and a cost that is defined between its values (`Problem.relaxed_cost`).
    Each estimate evaluates f and its gradient N times.

    References:
        Liu et al. (2023), Bridging discrete and backpropagation: straight-through and beyond.
    """

    exact_cost_degree = 2
    averages = True

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        p = problem.distribution(theta)
        choices = choices_of(p)
        corner = choices.corner_of(p.sample((sample_size,)))  # [N, R, (B,) *points]
        probs = choices.probs.detach()  # [R, (B,) *points]
        ahead = choices.slope((probs + corner) / 2, choices.moving)  # [N, R, (B,) *points]
        points = corner + (2 * ahead - choices.slope(probs, choices.moving) / 2)
        cost = problem.relaxed_cost(points, theta)  # [N, R, (B)]
        return gradient_of(theta, cost, problem.analytic_term(theta, p))


@dataclass(frozen=True)
class GumbelRao(_Relaxation):
    r"""The straight-through Gumbel estimator, averaged over the noise that is left once x is known.

    .. math:: \hat g = \left(\frac1K \sum_k \frac{\partial \sigma_\tau(\phi + \epsilon_k)}{\partial \theta}
        \right)^T \nabla_x f(x, \theta) + \partial_\theta f(x, \theta), \quad
        x \sim p, \quad \phi + \epsilon_k \sim p(z \mid x),

    by the theorem of Rao and Blackwell: it has the bias of the straight-through Gumbel estimator, and no
    more variance. The noise ε_k is held fixed: no derivative goes through its distribution given x.

    Needs x of independent choices, and a cost that is defined between its values (`Problem.relaxed_cost`).
    Each estimate evaluates f and its gradient N times, and the relaxed choice N·K times.

    Attributes:
        temperature: τ.
        inner_draws: K.

    References:
        Paulus, Maddison & Krause (2021), Rao-Blackwellizing the straight-through Gumbel-softmax gradient
        estimator.
    """

    temperature: float = 1.0
    inner_draws: int = 10

    def __post_init__(self) -> None:
        _check_positive("temperature", self.temperature)
        if self.inner_draws < 1:
            raise ValueError(f"inner_draws must be at least 1, got {self.inner_draws}")

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        p = problem.distribution(theta)
        choices = choices_of(p)
        corner = choices.corner_of(p.sample((sample_size,)))  # [N, R, (B,) *points]
        moving = choices.moving  # [R, (B,) *points]
        total = torch.zeros_like(corner)
        for _ in range(self.inner_draws):
            with torch.no_grad():
                z = choices.conditional(corner)  # [N, R, (B,) *points]
            total = total + choices.relaxed(z + moving, self.temperature)
        points = corner + (total - total.detach()) / self.inner_draws
        cost = problem.relaxed_cost(points, theta)  # [N, R, (B)]
        return gradient_of(theta, cost, problem.analytic_term(theta, p))


@dataclass(frozen=True)
class Imle(_Relaxation):
    r"""Implicit maximum likelihood estimation: the most probable choice before and after a step downhill.

    .. math:: \hat g = \frac{1}{\lambda} \left[\mathrm{MAP}(\phi + \epsilon)
        - \mathrm{MAP}(\phi + \epsilon - \lambda \nabla_x f(x))\right] \text{ in the logits } \phi, \quad
        x = \mathrm{MAP}(\phi + \epsilon),

    where both choices share the noise ε, Gumbel, or logistic for a Bernoulli variable, so that x has the
    distribution p. It is a difference of the cost's linearization in place of a derivative: of a linear
    f with slope a of one Bernoulli variable the mean is (σ(φ) − σ(φ − λ a))/λ. ∂_θ f(x, θ) is added where f
    depends on θ itself.

    Needs x of independent choices, and a cost that is defined between its values (`Problem.relaxed_cost`).
    Each estimate evaluates f and its gradient N times.

    Attributes:
        target_step: λ.

    References:
        Niepert, Minervini & Franceschi (2021), Implicit MLE: backpropagating through discrete exponential
        family distributions.
    """

    target_step: float = 1.0

    def __post_init__(self) -> None:
        _check_positive("target_step", self.target_step)

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        p = problem.distribution(theta)
        choices = choices_of(p)
        with torch.no_grad():
            z = choices.perturbed(sample_size)  # [N, R, (B,) *points]
        corner = choices.corner(z).requires_grad_()  # [N, R, (B,) *points]
        cost = problem.relaxed_cost(corner, theta)  # [N, R, (B)]
        slope = torch.zeros_like(corner)
        if cost.requires_grad:
            (slope,) = torch.autograd.grad(cost.sum(), corner, retain_graph=True, materialize_grads=True)
        target = choices.corner(z - self.target_step * slope)  # [N, R, (B,) *points]
        weights = (corner.detach() - target).mean(0) / self.target_step  # [R, (B,) *points]
        return gradient_of(theta, choices.term(weights), cost, problem.analytic_term(theta, p))
