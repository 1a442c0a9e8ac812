"""Estimators that sum over the classes of a choice, with the other choices as they were drawn."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from bench import noise
from bench.distributions.choices import Choices, choices_of
from bench.estimator import Claim, Estimator, gradient_of
from bench.exact import ExactMoments, SingleDraws
from bench.problem import Problem


@dataclass(frozen=True)
class LocalExpectation(Estimator):
    r"""Takes the expectation over each choice exactly, given all others.

    .. math:: \nabla_\theta E[f(x)] = E\Big[\sum_d \sum_c \nabla_\theta p_d(c; \theta)\,
        f(x_{-d}, c)\Big],

    since the choices are independent: :math:`x_{-d}`, which is x without its d-th choice, does not depend on
    the parameters of that choice. E[∇_θ f(x, θ)] is added where f depends on θ itself. A cost that is a sum
    of functions of single choices leaves no variance; for Bernoulli variables this is the coupled
    measure-valued estimator.

    Needs x of independent choices among finitely many classes; f may be discontinuous, and is not
    differentiated in x. Each estimate evaluates f at N (D (C − 1) + 1) values, of D choices among C classes
    each: the sample itself has the cost of the class that was drawn at each of them.

    References:
        Titsias & Lázaro-Gredilla (2015), Local expectation gradients for black box variational inference.
    """

    bias: ClassVar[Claim] = "unbiased"
    averages = True

    def evaluations(self, problem: Problem, sample_size: int) -> int:
        choices = choices_of(problem.distribution(problem.theta[None]))
        return sample_size * (math.prod(choices.shape) * (choices.classes - 1) + 1)

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        p = problem.distribution(theta)
        choices = choices_of(p)
        x = p.sample((sample_size,))  # [N, R, (B,) *event]
        cost = problem.cost(x, theta)  # [N, R, (B)]
        drawn = choices.classes_of(x)  # [N, R, (B,) *shape]
        means = torch.empty_like(choices.log_masses)  # [R, (B,) *shape, C]
        with torch.no_grad():
            # One choice at a time: the engine sized the rows for one set of samples.
            for place in itertools.product(*map(range, choices.shape)):
                at: Any = (..., *place)
                costs = [cost]
                for step in range(1, choices.classes):
                    moved = choices.chosen(x, place, (drawn[at] + step) % choices.classes)
                    costs.append(problem.cost(moved, theta))
                means[(*at, slice(None))] = _by_class(costs, drawn[at]).mean(0)
        return gradient_of(theta, _masses_times(choices, means), cost, problem.analytic_term(theta, p))


@dataclass(frozen=True)
class OneFlip(Estimator):
    r"""Takes the expectation over one choice exactly, of which the number is drawn, and multiplies it by D.

    .. math:: \nabla_\theta E[f(x)] = E\Big[D \sum_c \nabla_\theta p_d(c; \theta)\, f(x_{-d}, c)\Big],
        \quad d \sim \text{Uniform}\{1, \dots, D\},

    which is the local expectation of one choice, so that the cost of an estimate does not grow with their
    number D. Each sample, and each item, draws its own d; E[∇_θ f(x, θ)] is added where f depends on θ
    itself.

    Needs x of independent choices among finitely many classes; f may be discontinuous, and is not
    differentiated in x. Each estimate evaluates f at N C values, of C classes: at two for each sample of
    Bernoulli variables.

    References:
        Titsias & Lázaro-Gredilla (2015), Local expectation gradients for black box variational inference:
        the sum over d, of which one term is drawn here.
    """

    bias: ClassVar[Claim] = "unbiased"

    def evaluations(self, problem: Problem, sample_size: int) -> int:
        return sample_size * choices_of(problem.distribution(problem.theta[None])).classes

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        p = problem.distribution(theta)
        choices = choices_of(p)
        x = p.sample((sample_size,))  # [N, R, (B,) *event]
        cost = problem.cost(x, theta)  # [N, R, (B)]
        with torch.no_grad():
            D, C, classes = math.prod(choices.shape), choices.classes, choices.classes_of(x)
            at = one_hot(self.numbers(cost, D), D)  # [N, R, (B), D]
            where = at.view_as(classes)  # [N, R, (B,) *shape]
            others = [choices.of_classes((classes + step * where) % C) for step in range(1, C)]
            costs = [cost, *(problem.cost(moved, theta) for moved in others)]
            drawn = (classes * where).view_as(at).sum(-1)  # [N, R, (B)]
            of_class = _by_class(costs, drawn)  # [N, R, (B), C]
            sums = torch.einsum("n...d,n...c->...dc", at.to(of_class.dtype), of_class)  # [R, (B), D, C]
        means = (D / sample_size * sums).view_as(choices.log_masses)
        return gradient_of(theta, _masses_times(choices, means), cost, problem.analytic_term(theta, p))

    def numbers(self, cost: Tensor, count: int) -> Tensor:
        """Draw the number of a choice for each sample, `[N, R, (B)]`."""
        return (noise.uniform(cost.shape, cost.detach()) * count).long().clamp_(max=count - 1)

    def exact_moments(self, draws: SingleDraws, sample_size: int) -> ExactMoments:
        """A mixture over d of estimates that are known."""
        choices = choices_of(draws.problem.distribution(draws.problem.theta[None]))
        D, N = math.prod(choices.shape), sample_size
        each = [draws.of_mean(_ChoiceOfNumber(d), 1) for d in range(D)]
        mean = torch.stack([one.mean for one in each]).mean(0)  # [P]
        off = torch.stack([one.mean for one in each]) - mean  # [D, P]
        variances = torch.stack([one.variance for one in each])  # [D, P]
        variance = (variances + off.square()).mean(0)  # [P]
        skewed = torch.stack([one.skewness for one in each]) * variances.clamp(min=0) ** 1.5  # [D, P]
        third = (skewed + 3 * variances * off + off**3).mean(0)  # [P]
        skewness = torch.where(variance > 0, third / variance.clamp(min=0) ** 1.5, 0.0)
        kurtosis = dict.fromkeys(draws.blocks, math.nan)
        return ExactMoments(mean, variance / N, skewness / math.sqrt(N), kurtosis)


@dataclass(frozen=True)
class _ChoiceOfNumber(OneFlip):
    """The estimate for a given d."""

    averages = True
    number: int = field(default=0)

    def numbers(self, cost: Tensor, count: int) -> Tensor:
        return torch.full(cost.shape, self.number, device=cost.device)


def _by_class(costs: list[Tensor], drawn: Tensor) -> Tensor:
    """The costs of each class of a choice, `[N, R, (B), C]`.

    Args:
        costs: `[N, R, (B)]` each, of the class that was drawn and of those after it, in a cycle.
        drawn: the number of the class that was drawn, `[N, R, (B)]`.
    """
    C = len(costs)
    steps = (torch.arange(C, device=drawn.device) - drawn[..., None]) % C  # [N, R, (B), C]
    return torch.stack(costs, -1).gather(-1, steps)


def _masses_times(choices: Choices, values: Tensor) -> tuple[Tensor, Tensor]:
    """Σ over choices and classes of a value times p_d(c), as a term of `gradient_of`."""
    log_masses = choices.log_masses  # [R, (B,) *shape, C]
    count = math.prod(choices.shape) * choices.classes
    return log_masses, log_masses.detach().exp() * values * count
