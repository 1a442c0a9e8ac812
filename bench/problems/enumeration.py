"""Expectations and points of a finite x, by all of its values."""

from __future__ import annotations

import copy
import math

import torch
from torch import Size, Tensor
from torch.distributions import Distribution
from torch.utils.checkpoint import checkpoint

from bench.distributions.states import log_orders, states_of
from bench.problem import MultiSampleProblem, NotApplicable, Points, Problem, VariationalProblem

# So many numbers of a problem's widest tensor are formed at once.
_NUMBERS = 1 << 23


def mean_over_states(problem: Problem, theta: Tensor, most: int) -> Tensor:
    """F(θ) by a sum over all values that x has for an item, `[R, P] -> [R]`, differentiable.

    What is computed of some of the values is computed again for the gradient and not kept.

    Args:
        problem: with a finite x.
        theta: `[R, P]`.
        most: the most values that are enumerated.

    Raises:
        NotApplicable: if there are more.
    """
    problem = _without_counts(problem)
    p = problem.distribution(theta)
    analytic = problem.analytic_term(theta, p)  # [R] or [R, B]

    def part(theta: Tensor, some: Tensor) -> Tensor:
        p = problem.distribution(theta)
        x = _for_all(some, p)
        return (p.log_prob(x).exp() * problem.cost(x, theta)).sum(0)  # [R, (B)]

    states = states_of(p, most)  # [S, *event]
    parts = states.split(max(1, _NUMBERS // (len(theta) * problem.width)))  # type: ignore[no-untyped-call]
    if len(parts) == 1:
        total = part(theta, states)
    else:
        total = torch.stack([_forgetful(part, theta, some) for some in parts]).sum(0)
    total = total if analytic is None else total + analytic
    return total.flatten(1).mean(-1) if total.dim() > 1 else total


def _without_counts(problem: Problem) -> Problem:
    """The problem with the methods of its class, where those of an estimator's evaluations shadow them."""
    own = copy.copy(problem)
    for name in ("cost", "log_joint"):
        vars(own).pop(name, None)
    return own


def _forgetful(part: object, theta: Tensor, some: Tensor) -> Tensor:
    found: Tensor = checkpoint(part, theta, some, use_reentrant=False, preserve_rng_state=False)
    return found


def points_of(problem: Problem, most: int) -> Points:
    """Return all values of x at a problem's theta with their probabilities.

    Raises:
        NotApplicable: if there are several items, or more than `most` values.
    """
    theta = problem.theta[None].detach()
    p = problem.distribution(theta)
    if math.prod(p.batch_shape) != 1:
        raise NotApplicable("x has a value for each item")
    x = _for_all(states_of(p, most), p).to(torch.float64)  # [S, 1, (1,) *event]
    return Points(x, p.log_prob(x).exp().flatten().detach(), 4)


def mean_over_multisets(
    bound: MultiSampleProblem, single: VariationalProblem, theta: Tensor, most: int
) -> Tensor:
    r"""F(θ) of a bound of K samples by a sum over multisets of values, `[R]`, differentiable.

    The weights do not depend on the order of the samples:

    .. math:: F = -\sum_{\{s_1, \dots, s_K\}} \frac{K!}{\prod_s n_s!} \prod_k q(s_k)\,
        \log \frac{1}{K} \sum_k w(s_k)

    Args:
        bound: K samples of the single problem.
        single: with a finite x.
        theta: `[R, P]`.
        most: the most multisets.

    Raises:
        NotApplicable: if there are more.
    """
    K, q = bound.samples, single.distribution(theta)
    states = states_of(q, most)  # [S, *event]
    S = len(states)
    if (multisets := math.comb(S + K - 1, K)) > most:
        raise NotApplicable(f"{K} samples have {multisets} sets of values, and at most {most} are enumerated")
    x = _for_all(states, q)
    log_q = q.log_prob(x)  # [S, R, (B)]
    log_w = single.log_joint(x, theta) - log_q  # [S, R, (B)]
    chosen = torch.combinations(torch.arange(S, device=x.device), K, with_replacement=True)  # [M, K]
    weighed = torch.zeros_like(log_q[0])  # [R, (B)]
    for some in chosen.split(max(1, _NUMBERS // (K * log_q[0].numel()))):  # type: ignore[no-untyped-call]
        log_mass = log_q[some].sum(1) + log_orders(some).to(log_q).view(-1, *[1] * (log_q.dim() - 1))
        weighed = weighed + (log_mass.exp() * log_w[some].logsumexp(1)).sum(0)
    value = math.log(K) - weighed  # [R, (B)]
    return value.flatten(1).mean(-1) if value.dim() > 1 else value


def _for_all(states: Tensor, p: Distribution) -> Tensor:
    """States as samples of all rows and items, which share their memory, `[S, *batch, *event]`."""
    batch: Size = p.batch_shape
    event = states.shape[1:]
    return states.reshape(len(states), *[1] * len(batch), *event).expand(-1, *batch, *event)
