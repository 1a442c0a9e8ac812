"""Mean and variance of an update of a policy, by all groups of answers that differ for it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from bench.distributions.states import log_orders
from bench.exact import moments_of_values
from bench.policies.answers import Answers
from bench.policies.every_answer import AnswersOf, each_of, every_answer, live
from bench.policy import PolicyProblem
from bench.problem import NotApplicable
from bench.statistics.known import ExactMoments

MOST_GROUPS = 1 << 17
"""The most groups that are enumerated, of all prompts together where they are coupled."""

# Numbers of the groups that are formed at once.
_AT_ONCE = 1 << 22
# Numbers that differ by less, as a part of the largest, are the same but for rounding.
_SAME = 2.0**-40

Surrogate = Callable[[Answers], Tensor]
Filtered = Callable[[Tensor, Tensor], Tensor]


class Classes(NamedTuple):
    """The answers to one prompt, those together of which an update makes the same.

    Attributes:
        kept: one answer of each class, with fields `[1, K, 1, T]`.
        mass: the probability of each class, `[K]`.
        mean: of the slopes of an answer's outputs, `[K, F·T, P]`.
        spread: the covariance of these between outputs, `[K, F·T, F·T, P]`; None if each class is one answer.
    """

    kept: Answers
    mass: Tensor
    mean: Tensor
    spread: Tensor | None


def moments_of_groups(
    prompts: Sequence[PolicyProblem],
    size: int,
    answers_of: AnswersOf,
    surrogate: Surrogate,
    blocks: Mapping[str, slice],
    filtered: Filtered = lambda weights, _: weights,
) -> ExactMoments:
    r"""Return the moments of the gradient of a surrogate of N answers to each prompt.

    Given the classes of the answers, the gradient is a sum over them of slopes that are independent: with W
    the derivatives of the surrogate in the outputs of the answers, m and C the means and covariances of the
    slopes of a class, mean and variance follow from

    .. math:: E[\hat g] = E\Big[\sum_i W_i m_{c_i}\Big], \quad
        \mathrm{Var}[\hat g] = \mathrm{Var}\Big[\sum_i W_i m_{c_i}\Big]
        + E\Big[\sum_i W_i C_{c_i} W_i\Big],

    by a sum over multisets of classes.

    Args:
        prompts: a problem for each, in float64 on the CPU.
        size: N.
        answers_of: the answers x, `[1, S, (1,) T]`, at rows of theta, `[S, P]`.
        surrogate: what is ascended, `[R]`, of answers with fields `[N, R, B, T]`.
        blocks: the reported blocks of coordinates.
        filtered: the probabilities of groups that are used, from those of groups that are drawn, `[M]`, and
            whether all returns in them are the same, `[M]`.

    Raises:
        NotApplicable: if there are too many answers or groups, or an estimate is undefined.
    """
    classes = [_classes(problem, answers_of) for problem in prompts]
    groups = [_groups(each, size, filtered) for each in classes]
    count = math.prod(len(weights) for _, weights in groups)
    if count > MOST_GROUPS:
        raise NotApplicable(f"there are {count} groups of answers, and at most {MOST_GROUPS} are enumerated")
    outputs = sum(each.mean[0].numel() for each in classes)
    step = max(1, _AT_ONCE // max(outputs, size * len(prompts) * classes[0].mean.shape[1]))
    theta = prompts[0].theta
    spread = torch.zeros_like(theta)  # [P]

    def weighed() -> Iterator[tuple[Tensor, Tensor]]:
        nonlocal spread
        spread = torch.zeros_like(theta)
        for places in torch.arange(count).split(step):  # type: ignore[no-untyped-call]
            picks = torch.unravel_index(places, [len(weights) for _, weights in groups])
            weight = torch.stack([w[pick] for (_, w), pick in zip(groups, picks, strict=True)]).prod(0)
            chosen = [members[pick] for (members, _), pick in zip(groups, picks, strict=True)]  # [m, N] each
            value, within = _gradients(classes, chosen, surrogate, weight)
            spread = spread + within
            yield weight, value

    found = moments_of_values(weighed, theta, blocks)
    if all(each.spread is None for each in classes):
        return found
    return found.with_noise(spread)


def _classes(problem: PolicyProblem, answers_of: AnswersOf) -> Classes:
    theta = problem.theta[None]
    _, fixed, slopes = every_answer(problem, problem.behavior(theta), theta, answers_of)
    mass = fixed.old[0, :, 0].sum(-1).exp()  # [S]
    if bool((mass == 0).any()):
        raise NotApplicable("some answers have a probability that is too small for a number")
    which = _same(fixed)  # [S], the class of each
    K = int(which.max()) + 1
    if len(which) == K:
        return Classes(fixed, mass, slopes, None)
    total = _summed(mass, which, K)
    share = mass / total[which]  # [S]
    mean = _summed(share[:, None, None] * slopes, which, K)  # [K, F·T, P]
    first = torch.full((K,), len(which)).scatter_reduce(0, which, torch.arange(len(which)), "amin")
    away = slopes - mean[which]
    spread = torch.zeros(K, *mean.shape[1:2], *mean.shape[1:], dtype=mean.dtype)
    for u in range(mean.shape[1]):
        spread[:, u] = _summed(share[:, None, None] * away[:, u, None] * away, which, K)
    return Classes(_picked(fixed, first), total, mean, spread)


def _same(answers: Answers) -> Tensor:
    """A number for each class of answers, of equal rewards, masks, ratios and baselines, `[S]`."""
    columns = [answers.rewards, answers.mask, answers.log_ratio, answers.baseline]
    columns.append(None if answers.reference is None else answers.log_prob - answers.reference)
    table = torch.cat([each[0, :, 0] for each in columns if each is not None], -1)  # [S, columns]
    unit = table.abs().amax(0).clamp(min=1) * _SAME
    which: Tensor = torch.unique((table / unit).round(), dim=0, return_inverse=True)[1]
    return which


def _summed(values: Tensor, which: Tensor, count: int) -> Tensor:
    return values.new_zeros(count, *values.shape[1:]).index_add(0, which, values)


def _picked(answers: Answers, places: Tensor) -> Answers:
    return each_of(answers, lambda each: each[:, places])


def _groups(classes: Classes, size: int, filtered: Filtered) -> tuple[Tensor, Tensor]:
    """Multisets of classes, `[M, N]`, and their probabilities, `[M]`."""
    K = len(classes.mass)
    if (count := math.comb(K + size - 1, size)) > MOST_GROUPS:
        raise NotApplicable(f"there are {count} groups of answers, and at most {MOST_GROUPS} are enumerated")
    members = torch.tensor(list(itertools.combinations_with_replacement(range(K), size)))  # [M, N]
    log_mass = classes.mass.log()[members].sum(-1) + log_orders(members)
    returns = classes.kept.returns[0, :, 0][members]  # [M, N]
    return members, filtered(log_mass.exp(), returns.amax(-1) == returns.amin(-1))


def _gradients(
    classes: Sequence[Classes], chosen: Sequence[Tensor], surrogate: Surrogate, weight: Tensor
) -> tuple[Tensor, Tensor]:
    """The mean gradient of each group given its classes, `[m, P]`, and the mean variance within, `[P]`."""
    parts = [_picked(each.kept, places.flatten()) for each, places in zip(classes, chosen, strict=True)]
    size = chosen[0].shape[1]
    fields = []
    for each in zip(*parts, strict=True):
        joined = None if each[0] is None else torch.cat(each, 2)[0]  # [m·N, B, T]
        # [N, m, B, T]
        fields.append(None if joined is None else joined.view(-1, size, *joined.shape[1:]).transpose(0, 1))
    answers = Answers(*fields)  # type: ignore[arg-type]
    leaves = [each.requires_grad_() for each in live(answers)]
    with torch.enable_grad():
        value = surrogate(answers)  # [m]
    slopes = torch.autograd.grad(value.sum(), leaves, materialize_grads=True, allow_unused=True)
    W = torch.cat(slopes, -1).detach()  # [N, m, B, F·T]
    if not bool(W.isfinite().all()):
        undefined = float(weight[~W.isfinite().all(-1).all(-1).all(0)].sum())
        raise NotApplicable(f"it is undefined for some groups, of probability {undefined:.3g}")
    total, within = torch.zeros(()), torch.zeros(())
    for b, (each, places) in enumerate(zip(classes, chosen, strict=True)):
        own = W[:, :, b].transpose(0, 1)  # [m, N, F·T]
        by_class = own.new_zeros(len(own), *each.mean.shape[:2])  # [m, K, F·T]
        by_class.scatter_add_(1, places[..., None].expand_as(own), own)
        total = total + by_class.flatten(1) @ each.mean.flatten(0, 1)  # [m, P]
        if each.spread is not None:
            squares = own[..., None] * own[..., None, :] * weight[:, None, None, None]  # [m, N, F·T, F·T]
            summed = _summed(squares.flatten(0, 1), places.flatten(), len(each.mass))  # [K, F·T, F·T]
            within = within + torch.tensordot(summed, each.spread, 3)  # [P]
    return total, within
