"""All batches of answers of a setting, with their probabilities, and the moments of an update over them."""

from __future__ import annotations

import copy
import functools
import itertools
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.distributions.states import log_orders
from bench.distributions.tokens import Tokens
from bench.estimator import gradient_of
from bench.exact import moments_of_values
from bench.policies.answers import Answers
from bench.policies.certificates.multiples import Sizes
from bench.policies.certificates.tried import Setting
from bench.policies.every_answer import every_answer, shaped, slopes_of
from bench.policy import PolicyProblem


@dataclass(frozen=True, eq=False)
class Outcomes:
    """M batches of G answers of T tokens to each of B prompts.

    Tokens after the end of an answer are padding: token 0, of which the policies have probabilities too.

    Attributes:
        setting: of which they are.
        probability: of each batch, `[M]`, of all its orders together where the setting is sorted.
        answers: with fields `[G, M, B, T]`, which are 0 after the end of an answer.
        mask: 1 where there is a token, else 0, `[M, B, G, T]`.
        log_prob: log π of each token and of the padding, `[M, B, G, T]`.
        old: that of the policy which the answers were drawn from, `[M, B, G, T]`.
        reference: that of the reference policy; where there is none, of the policy itself, `[M, B, G, T]`.
        slopes: ∇ log π of each token and of the padding, `[M, B, G, T, P]`.
        of_rewards: the gradient of the mean reward, `[P]`.
        of_divergence: the gradient of KL(π‖π_ref), `[P]`; 0 where there is no reference policy.
    """

    setting: Setting
    probability: Tensor
    answers: Answers
    mask: Tensor
    log_prob: Tensor
    old: Tensor
    reference: Tensor
    slopes: Tensor
    of_rewards: Tensor
    of_divergence: Tensor

    @functools.cached_property
    def rewards(self) -> Tensor:
        """The reward of each answer, `[M, B, G]`."""
        return self.answers.returns.permute(1, 2, 0).contiguous()

    @functools.cached_property
    def leave_one_out(self) -> Tensor:
        """Rewards less the mean of those of the other answers of the group, `[M, B, G]`."""
        G = self.setting.group_size
        if G == 1:
            return self.rewards
        return (self.rewards - self.rewards.mean(-1, keepdim=True)) * G / (G - 1)

    @property
    def off_policy(self) -> bool:
        """Whether answers are drawn from an older policy."""
        return self.setting.problem.off_policy

    @property
    def has_reference(self) -> bool:
        """Whether there is a reference policy."""
        return self.setting.problem.has_reference

    @property
    def sizes(self) -> Sizes:
        """B, G and T."""
        return Sizes(*self.mask.shape[1:])

    def moments(self, weights: Tensor) -> tuple[Tensor, float]:
        """Return mean, `[P]`, and total variance of the sum of weighted scores of tokens.

        Args:
            weights: of each token and of the padding, `[M, B, G, T]`.
        """
        estimates = torch.einsum("mbgt,mbgtp->mp", weights, self.slopes)
        blocks = {"all": slice(0, estimates.shape[1])}
        theta = torch.zeros_like(estimates[0])
        found = moments_of_values(lambda: iter([(self.probability, estimates)]), theta, blocks)
        return found.mean, float(found.variance.sum())


@functools.lru_cache(256)
def outcomes_of(setting: Setting) -> Outcomes:
    """Return all batches of answers of a setting."""
    problem, G = setting.problem, setting.group_size
    each = [_answers_to(prompt) for prompt in _prompts(problem)]
    groups = [_groups(len(one.probability), G, setting.sorted) for one in each]  # [K, G] of each prompt
    places = torch.arange(math.prod(len(members) for members in groups))
    rows = torch.unravel_index(places, [len(members) for members in groups])
    picks = torch.stack([members[row] for members, row in zip(groups, rows, strict=True)], 1)  # [M, B, G]

    def picked(name: str) -> Tensor:
        """Values of the answers in each batch, `[M, B, G, ...]`."""
        return torch.stack([getattr(one, name)[picks[:, b]] for b, one in enumerate(each)], 1)

    fields = {
        name: torch.stack([getattr(one.answers, name)[0, :, 0][picks[:, b]] for b, one in enumerate(each)], 2)
        for name in ("rewards", "mask", "log_prob", "old", "reference")
        if getattr(each[0].answers, name) is not None
    }  # [M, G, B, T] each
    answers = Answers(**{name: value.transpose(0, 1).contiguous() for name, value in fields.items()})
    return Outcomes(
        setting,
        picked("probability").flatten(1).prod(1) * _orders(picks, setting.sorted),
        answers,
        answers.mask.permute(1, 2, 0, 3).contiguous(),
        picked("log_prob"),
        picked("old"),
        picked("reference"),
        picked("slopes"),
        *_truth(problem),
    )


@dataclass(frozen=True, eq=False)
class _Single:
    """All answers to a prompt: fields as of `Outcomes`, `[S, ...]`."""

    probability: Tensor
    answers: Answers
    log_prob: Tensor
    old: Tensor
    reference: Tensor
    slopes: Tensor


def _groups(states: int, size: int, is_sorted: bool) -> Tensor:
    """The groups of answers to a prompt, `[K, G]`: each in one order, or in every order."""
    if is_sorted:
        return torch.tensor(list(itertools.combinations_with_replacement(range(states), size)))
    return torch.cartesian_prod(*[torch.arange(states)] * size).view(-1, size)


def _orders(picks: Tensor, is_sorted: bool) -> Tensor:
    """The number of batches that each one stands for, `[M, B, G] -> [M]`."""
    if not is_sorted:
        return torch.ones(len(picks), dtype=torch.float64)
    return log_orders(picks.flatten(0, 1)).view(picks.shape[:2]).sum(1).exp()


def _prompts(problem: PolicyProblem) -> list[PolicyProblem]:
    """The problem of each prompt."""
    batch = problem.distribution(problem.theta[None]).batch_shape
    return [problem.item(b) for b in range(batch[1])] if len(batch) > 1 else [problem]


def _answers_to(problem: PolicyProblem) -> _Single:
    theta = problem.theta[None]
    p = problem.behavior(theta)
    x, fixed, _ = every_answer(problem, p, theta)
    x = shaped(x, p)
    rows = theta.detach().expand(x.shape[1], -1).requires_grad_()  # [S, P]
    with torch.enable_grad():
        log_prob = _padded(problem.distribution(rows), x)  # [S, T]
        slopes = slopes_of([log_prob[None, :, None]], rows)  # [S, T, P]
    log_prob = log_prob.detach()
    old = _padded(problem.behavior(rows), x).detach() if problem.off_policy else log_prob
    reference = _padded(problem.reference(rows), x).detach() if problem.has_reference else log_prob
    return _Single(fixed.old[0, :, 0].sum(-1).exp(), fixed, log_prob, old, reference, slopes)


def _padded(p: Tokens, x: Tensor) -> Tensor:
    """log p of each token, and of token 0 in every place after the end, `[S, T]`."""
    each = []
    for t in range(x.shape[-1]):
        of_classes = p.log_probs(t, x[..., :t]).expand(*x.shape[:-1], -1)
        each.append(of_classes.gather(-1, x[..., t, None].long())[..., 0].flatten())
    return torch.stack(each, -1)


def _truth(problem: PolicyProblem) -> tuple[Tensor, Tensor]:
    """The gradients of the mean reward and of the divergence, `[P]` each."""
    plain = copy.copy(problem)
    plain.kl_weight = 0.0
    theta = problem.theta[None].detach().requires_grad_()
    of_rewards = gradient_of(theta, plain.expectation(theta))[0]
    if not problem.has_reference:
        return of_rewards, torch.zeros_like(of_rewards)
    return of_rewards, of_rewards - gradient_of(theta, problem.expectation(theta))[0]
