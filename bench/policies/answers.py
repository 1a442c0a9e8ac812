"""Groups of answers: what an update of a policy is made of."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from bench.policy import PolicyProblem


class Answers(NamedTuple):
    """N answers to each of B prompts; after the end of an answer all numbers are 0.

    Attributes:
        rewards: after each token, `[N, R, B, T]`.
        mask: 1 where there is a token, else 0, `[N, R, B, T]`.
        log_prob: log π of each token, differentiable in θ, `[N, R, B, T]`.
        old: that of the policy which the answers were drawn from, `[N, R, B, T]`.
        reference: that of the reference policy, `[N, R, B, T]`; None if there is none.
        baseline: a value for each token, `[N, R, B, T]`; None if there is none.
        entropy: of the policy at each token, differentiable in θ, `[N, R, B, T]`; None if not asked for.
        center: a mean of log π over the tokens that might have been drawn, differentiable in θ,
            `[N, R, B, T]`; None if it is not asked for.
    """

    rewards: Tensor
    mask: Tensor
    log_prob: Tensor
    old: Tensor
    reference: Tensor | None = None
    baseline: Tensor | None = None
    entropy: Tensor | None = None
    center: Tensor | None = None

    @property
    def returns(self) -> Tensor:
        """The sum of rewards of each answer, `[N, R, B]`."""
        return self.rewards.sum(-1)

    @property
    def lengths(self) -> Tensor:
        """The number of tokens of each answer, `[N, R, B]`."""
        return self.mask.sum(-1)

    @property
    def log_ratio(self) -> Tensor:
        """log π/π_old of each token, `[N, R, B, T]`."""
        return self.log_prob - self.old


def answers_of(
    problem: PolicyProblem,
    x: Tensor,
    theta: Tensor,
    rewards: Tensor | None = None,
    **more: Tensor | None,
) -> Answers:
    """The answers x, `[N, R, (B,) T]`, with an axis of prompts in any case.

    Args:
        problem: of which they are answers.
        x: the tokens.
        theta: `[R, P]`.
        rewards: what the problem says of x, if it has been asked.
        more: other fields, in the shape of x.
    """
    p = problem.distribution(theta)
    log_prob = p.token_log_probs(x)
    with torch.no_grad():
        found = {
            "rewards": problem.discounted(x, theta) if rewards is None else rewards,
            "mask": p.mask(x),
            "old": problem.behavior(theta).token_log_probs(x) if problem.off_policy else log_prob.detach(),
            "reference": problem.reference(theta).token_log_probs(x) if problem.has_reference else None,
        }
    fields = {**found, "log_prob": log_prob, **more}
    several = x.dim() == 4
    shaped = {k: v if several or v is None else v[:, :, None] for k, v in fields.items()}
    return Answers(**shaped)  # type: ignore[arg-type]
