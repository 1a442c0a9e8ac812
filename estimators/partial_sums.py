"""Estimators that sum over some values of a finite x, and sample one of the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import Distribution

from bench.estimator import Claim, Estimator, gradient_of
from bench.exact import ExactMoments, SingleDraws
from bench.problem import Problem
from estimators.set_outcomes import every_set, laid, moments_of, values_at_theta
from estimators.without_replacement import Chosen, FiniteValues, check_size


@dataclass(frozen=True)
class TopK(Estimator):
    r"""Sums over the k most probable values, and samples one of the others.

    .. math:: \nabla_\theta E[f(x)] = \sum_{i \in K} f_i \nabla_\theta \pi_i
        + (1 - \pi(K))\, E_{j \sim \pi(\cdot \mid j \notin K)}[f_j \nabla_\theta \log \pi_j],

    where K are the k values with the largest probabilities π_i, and the first of those that are equally
    probable: the score function's expectation where x is in K. The gradient of an f that depends on
    θ itself is added with the same weights.

    Needs x with more than k values, at most 4096: a categorical variable, or a vector of few binary ones;
    f may be discontinuous. Each estimate evaluates f at k + N values: those of K once, and N others.

    Attributes:
        k: how many values are summed.

    References:
        Liu, Regier, Tripuraneni, Jordan & McAuliffe (2019), Rao-Blackwellized stochastic gradients for
        discrete distributions.
    """

    bias: ClassVar[Claim] = "unbiased"
    k: int = 1

    def __post_init__(self) -> None:
        check_size(self.k)

    def evaluations(self, problem: Problem, sample_size: int) -> int:
        return self.k + sample_size

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        p = problem.distribution(theta)
        values = FiniteValues(p, self.k + 1)
        top = values.most_probable(self.k)  # one set
        other = values.drawn(sample_size, 1, without=top.places)
        return sum_and_one(problem, theta, p, values, top, other.places)

    def exact_moments(self, draws: SingleDraws, sample_size: int) -> ExactMoments:
        """One outcome for each value that is not among the most probable."""
        values = values_at_theta(draws, self.k + 1)
        top = values.most_probable(self.k)  # [1, 1, (1), k]
        every = torch.arange(len(values.states))
        others = every[~torch.isin(every, top.places)]  # [O]
        probs = values.probabilities(others).flatten()  # [O]
        left = probs.sum()
        weights = probs / left if left > 0 else torch.full_like(probs, 1 / len(probs))

        def estimate(theta: Tensor, part: slice) -> Tensor:
            rows = Chosen(*(each.expand(1, len(theta), *each.shape[2:]) for each in top))
            p = draws.problem.distribution(theta)
            return sum_and_one(draws.problem, theta, p, values, rows, laid(others[part, None], p))

        return moments_of(draws, sample_size, weights, estimate)


@dataclass(frozen=True)
class SumAndSample(Estimator):
    r"""Sums over k values that are drawn without replacement, and samples one more of the others.

    .. math:: \nabla_\theta E[f(x)] = E\Big[\sum_{i \in S} f_i \nabla_\theta \pi_i
        + (1 - \pi(S))\, f_j \nabla_\theta \log \pi_j\Big], \quad j \sim \pi(\cdot \mid j \notin S),

    which holds given any set S of k values. The gradient of an f that depends on θ itself is added with the
    same weights. An estimate is the mean over N independent sets.

    Needs x with more than k values, at most 4096: a categorical variable, or a vector of few binary ones;
    f may be discontinuous. Each estimate evaluates f at N (k + 1) values.

    Attributes:
        k: how many values are summed.

    References:
        Kool, van Hoof & Welling (2020), Estimating gradients for discrete random variables by sampling
        without replacement.
    """

    bias: ClassVar[Claim] = "unbiased"
    k: int = 1

    def __post_init__(self) -> None:
        check_size(self.k)

    def evaluations(self, problem: Problem, sample_size: int) -> int:
        return sample_size * (self.k + 1)

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        p, k = problem.distribution(theta), self.k
        values = FiniteValues(p, k + 1)
        places, probs, rest = values.drawn(sample_size, k + 1)
        summed = Chosen(places[..., :k], probs[..., :k], rest + probs[..., k])
        return sum_and_one(problem, theta, p, values, summed, places[..., k:])

    def exact_moments(self, draws: SingleDraws, sample_size: int) -> ExactMoments:
        """One outcome for each set and each value outside it."""
        values = values_at_theta(draws, self.k + 1)
        outside = len(values.states) - self.k
        sets, weights, others = every_set(values, self.k, outside)
        probs = values.probabilities(torch.arange(len(values.states))).flatten()[others]  # [O, S − k]
        left = probs.sum(-1, keepdim=True)
        given = torch.where(left > 0, probs / left, 1 / outside)
        repeated = Chosen(*(each.repeat_interleave(outside, 0) for each in sets))

        def estimate(theta: Tensor, part: slice) -> Tensor:
            p = draws.problem.distribution(theta)
            rows = Chosen(*(laid(each[part], p) for each in repeated))
            other = laid(others.reshape(-1, 1)[part], p)
            return sum_and_one(draws.problem, theta, p, values, rows, other)

        return moments_of(draws, sample_size, (weights[:, None] * given).flatten(), estimate)


def sum_and_one(
    problem: Problem, theta: Tensor, p: Distribution, values: FiniteValues, summed: Chosen, other: Tensor
) -> Tensor:
    """Σ over the values of sets, and one other value that stands for the rest.

    Args:
        problem: what is differentiated.
        theta: `[R, P]`.
        p: `distribution(theta)`.
        values: of x.
        summed: N sets, or one that all samples have in common.
        other: the places of N others, `[N, R, (B), 1]`.
    """
    # What there is in place of a value that cannot happen has no weight.
    other = torch.where(summed.rest[..., None] > 0, other, summed.places[..., :1])  # [N, R, (B), 1]
    x = torch.cat([values.at(summed.places), values.at(other)])  # [M, R, (B,) *event]
    one = summed.rest.expand(other.shape[:-1]) / len(other)  # [N, R, (B)]
    each = summed.probs.movedim(-1, 0).flatten(0, 1) / len(summed.places)
    weights = len(x) * torch.cat([each, one]).to(theta.dtype)  # [M, R, (B)]; a sum is meant
    cost = problem.cost(x, theta)  # [M, R, (B)]
    score = p.log_prob(x), weights * cost.detach()
    return gradient_of(theta, score, (cost, weights), problem.analytic_term(theta, p))
