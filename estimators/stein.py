"""The score function with a discrete Stein operator, applied to itself, as control variate."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import torch
from torch import Tensor

from bench.distributions.choices import choices_of
from bench.estimator import Claim, Estimator, gradient_of
from bench.problem import Problem
from estimators.gibbs_moves import GibbsMoves


@dataclass(frozen=True)
class Stein(Estimator):
    r"""Adds what the generator of a Gibbs sampler makes of the score-function estimate, of mean zero.

    With the estimate :math:`g(x) = f(x)\, \nabla_\theta \log p(x; \theta)` from one sample and the generator

    .. math:: (A h)(x) = \frac{1}{D} \sum_d \sum_c P(x_d = c \mid x_{-d}; \theta)\,
        \big(h(x \text{ with } x_d = c) - h(x)\big), \quad E[(A h)(x)] = 0,

    the estimate is :math:`g + \beta\, A g`. Of a single choice and β = 1 it is the gradient itself: g is
    averaged over all classes. Where f depends on θ, its own gradient is added as it is.

    Needs x of D independent choices among C classes; f is not differentiated in x. Each estimate evaluates f
    at N samples and at all D (C − 1) neighbors of each: RODEO puts a cheap surrogate in the place of f there.

    Attributes:
        coefficient: β, or `optimal` for that of least variance of each coordinate of θ, fitted to
            independent samples.

    References:
        Shi, Zhou, Hwang, Titsias & Mackey (2022), Gradient estimation with discrete Stein operators.
        Dellaportas & Kontoyiannis (2012), Control variates for estimation based on reversible Markov chain
        Monte Carlo samplers: what the generator makes of a function as its control variate.
    """

    bias: ClassVar[Claim] = "unbiased"
    averages = True
    coefficient: float | Literal["optimal"] = 1.0

    def __post_init__(self) -> None:
        if self.coefficient != "optimal" and not math.isfinite(self.coefficient):
            raise ValueError(f"coefficient must be finite, got {self.coefficient}")

    def evaluations(self, problem: Problem, sample_size: int) -> int:
        choices = choices_of(problem.distribution(problem.theta[None]))
        return sample_size * (1 + choices.shape.numel() * (choices.classes - 1))

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        β = 1.0 if self.coefficient == "optimal" else self.coefficient
        at = _around(problem, theta, sample_size)
        before = at.cost.detach()  # [N, R, (B)]
        weighed = at.moves.score_term(before, β * before, β * at.after)
        return gradient_of(theta, weighed, at.cost, at.analytic)

    def fitted(self, problem: Problem, theta: Tensor, sample_size: int) -> Estimator:
        if self.coefficient != "optimal":
            return self
        theta = theta[:4096]
        plain, control = _around(problem, theta, 1).apart(theta)  # [R', P] each
        plain, control = plain.double(), control.double()
        control = control - control.mean(0)
        square = control.square().sum(0)  # [P]
        # A coordinate that p does not depend on has nothing to be controlled, but for what is rounded.
        rounding = torch.finfo(theta.dtype).eps * plain.abs().amax().clamp(min=control.abs().amax())
        best = torch.where(square > len(plain) * rounding**2, -(plain * control).sum(0) / square, 0.0)
        return _Weighed(best.to(theta.dtype))


@dataclass(frozen=True)
class _Weighed(Estimator):
    """A Stein control variate with a coefficient for each coordinate of the gradient, `[P]`."""

    bias: ClassVar[Claim] = "unbiased"
    averages = True
    coefficients: Tensor

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        plain, control = _around(problem, theta, sample_size).apart(theta)
        return plain + self.coefficients * control


class _Around(NamedTuple):
    """The costs of samples, `[N, R, (B)]`, and of their neighbors, `[N, R, (B,) *shape, C − 1]`."""

    moves: GibbsMoves
    cost: Tensor
    after: Tensor
    analytic: Tensor | None

    def apart(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        """The estimates without the control variate, and the control variate, `[R, P]` each."""
        before, none = self.cost.detach(), torch.zeros_like(self.cost)
        control = self.moves.score_term(none, before, self.after)
        plain = self.moves.score_term(before, none, torch.zeros_like(self.after))
        kept = gradient_of(theta, control, keep_graph=True)
        return gradient_of(theta, plain, self.cost, self.analytic), kept


def _around(problem: Problem, theta: Tensor, sample_size: int) -> _Around:
    p = problem.distribution(theta)
    choices = choices_of(p)
    x = p.sample((sample_size,))  # [N, R, (B,) *event]
    moves = GibbsMoves(choices, x)
    after = torch.empty_like(moves.rates)  # [N, R, (B,) *shape, C − 1]
    with torch.no_grad():
        # One move at a time: the engine sized the rows for one set of samples.
        for *place, move in itertools.product(*map(range, after.shape[-len(choices.shape) - 1 :])):
            at: Any = (..., *place, move)
            after[at] = problem.cost(choices.chosen(x, tuple(place), moves.others[at]), theta)
    return _Around(moves, problem.cost(x, theta), after, problem.analytic_term(theta, p))
