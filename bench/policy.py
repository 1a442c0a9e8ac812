"""The contract of a policy's problem: answers, what they return, and whom they were drawn from."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from bench.problem import NotApplicable, Problem

if TYPE_CHECKING:
    from bench.distributions.tokens import Tokens

__all__ = ["STATES", "PolicyProblem"]

STATES = 1 << 16
"""The most answers that are enumerated."""


class PolicyProblem(Problem):
    r"""The expected return of a policy's answers, less a multiple of its distance from a reference policy.

    .. math:: F(\theta) = E_{x \sim \pi(x; \theta)}\left[\sum_t \gamma^t r_t(x)\right]
        - \beta\, \mathrm{KL}(\pi(\cdot; \theta) \,\|\, \pi_{\text{ref}})

    F is ascended, and ∇F is what is estimated. An answer x is a sequence of T tokens, some of which are not
    there where it ended; a problem with several prompts has an answer for each, and F is their mean. N
    samples are a group of answers to one prompt. Tokens that an environment adds, such as the states after
    actions, are of a distribution that does not depend on θ.

    Attributes:
        discount: γ.
        kl_weight: β.
        off_policy: whether answers are drawn from another policy than that of θ.
        has_reference: whether there is a reference policy.
    """

    discount: float = 1.0
    kl_weight: float = 0.0
    off_policy: bool = False
    has_reference: bool = False

    @abstractmethod
    def distribution(self, theta: Tensor) -> Tokens:
        """The policy, π(x; θ)."""

    @abstractmethod
    def rewards(self, x: Tensor, theta: Tensor) -> Tensor:
        """r_t after each token, `[N, R, (B,) T] -> [N, R, (B,) T]`; 0 after the end."""

    def behavior(self, theta: Tensor) -> Tokens:
        """The policy that answers are drawn from, such as an older one; by default the policy itself.

        Nothing is differentiated through it.
        """
        return self.distribution(theta.detach())

    def reference(self, theta: Tensor) -> Tokens:
        """The reference policy.

        Raises:
            NotApplicable: if there is none, as by default.
        """
        raise NotApplicable("it has no reference policy")

    def steps(self, length: int) -> Tensor:
        """The step t to which each of T tokens belongs, whole numbers `[T]`; by default its place.

        They do not decrease. Tokens of an environment belong to the step of the action before them.
        """
        return torch.arange(length)

    def values(self, x: Tensor, theta: Tensor) -> Tensor:
        r"""The expected return from each token on, given those before it, by an exact critic.

        .. math:: E\Big[\sum_{j \ge i} \gamma^{t_j - t_i} r_j \,\Big|\, x_0, \dots, x_{i-1}\Big]

        Nothing is differentiated through it.

        Args:
            x: `[N, R, (B,) T]`.
            theta: `[R, P]`.

        Returns:
            `[N, R, (B,) T]`; 0 after the end.

        Raises:
            NotApplicable: if it is not known, as by default.
        """
        raise NotApplicable("the values of its states are not known")

    def discounted(self, x: Tensor, theta: Tensor) -> Tensor:
        """γ^t r_t after each token, `[N, R, (B,) T]`."""
        rewards = self.rewards(x, theta)  # [N, R, (B,) T]
        if self.discount == 1:
            return rewards
        return rewards * self.discount ** self.steps(rewards.shape[-1]).to(rewards)

    def cost(self, x: Tensor, theta: Tensor) -> Tensor:
        total = self.discounted(x, theta).sum(-1)
        if not self.kl_weight:
            return total
        divergence = self.distribution(theta).log_prob(x) - self.reference(theta).log_prob(x)
        return total - self.kl_weight * divergence
