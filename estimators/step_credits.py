"""Credit of the steps of an answer: what each token's score is weighed by, and the critic in it, by name."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from bench.options import Choice
from bench.policy import PolicyProblem


class Steps(NamedTuple):
    """Facts of each token of some answers.

    Attributes:
        rewards: r after each token, `[N, R, (B,) T]`.
        values: what a critic says of the return from each token on, in the same shape; None without one.
        steps: the step of each token, whole numbers `[T]`.
        discount: γ.
    """

    rewards: Tensor
    values: Tensor | None
    steps: Tensor
    discount: float

    @property
    def factors(self) -> Tensor:
        """γ^t of each token, `[T]`."""
        return self.discount ** self.steps.to(self.rewards)

    def summed(self, terms: Tensor, decay: float) -> Tensor:
        r"""From each token on, :math:`\sum_{j \ge i} \text{decay}^{t_j - t_i} y_j`, in the shape of y."""
        apart = self.steps[:, None] - self.steps  # [T, T], of j and i
        weights = torch.where(torch.ones_like(apart).tril() > 0, decay ** apart.to(terms), 0.0)
        return terms @ weights

    def less_values(self, credit: Tensor) -> Tensor:
        """Subtract the values."""
        return credit if self.values is None else credit - self.values


class Critic(Choice, ABC):
    """A critic: what it says of the return from a token on, given those before it.

    Attributes:
        exact: whether it is the expected return.
    """

    exact: bool = False

    @abstractmethod
    def values(self, problem: PolicyProblem, x: Tensor, theta: Tensor) -> Tensor | None:
        """In the shape of x, `[N, R, (B,) T]`; None if nothing is said.

        Raises:
            NotApplicable: if the problem does not know its values.
        """

    @classmethod
    def choices(cls) -> Mapping[str, type[Critic]]:
        return CRITICS


@dataclass(frozen=True)
class NoCritic(Critic):
    """Nothing."""

    def values(self, problem: PolicyProblem, x: Tensor, theta: Tensor) -> None:
        return None


@dataclass(frozen=True)
class Value(Critic):
    """The expected return itself, as the problem knows it, times a factor that makes a wrong critic of it.

    Attributes:
        scale: the factor; 1 for the exact critic.
    """

    scale: float = 1.0

    def __post_init__(self) -> None:
        if not math.isfinite(self.scale):
            raise ValueError(f"scale must be finite, got {self.scale}")

    @property
    def exact(self) -> bool:  # type: ignore[override]
        """Only if the factor is 1."""
        return self.scale == 1

    def values(self, problem: PolicyProblem, x: Tensor, theta: Tensor) -> Tensor:
        return self.scale * problem.values(x, theta)


CRITICS: Mapping[str, type[Critic]] = {"none": NoCritic, "value": Value}


class Credit(Choice, ABC):
    """A rule for the weight of a token's score.

    Attributes:
        from_start: whether it is discounted from the first step on, and not from that of the token.
        needs_critic: whether it makes no sense without.
    """

    from_start: bool = False
    needs_critic: bool = False

    @abstractmethod
    def of_tokens(self, steps: Steps) -> Tensor:
        """The credit of each token, `[N, R, (B,) T]`."""

    def unbiased(self, critic: Critic) -> bool:
        """Whether the mean of the estimate is right with a critic."""
        return True

    @classmethod
    def choices(cls) -> Mapping[str, type[Credit]]:
        return CREDITS


@dataclass(frozen=True)
class Total(Credit):
    """The return of all steps, also of those before the token, less γ^t times the critic's value."""

    from_start = True

    def of_tokens(self, steps: Steps) -> Tensor:
        total = (steps.rewards * steps.factors).sum(-1, keepdim=True).expand_as(steps.rewards)
        return total if steps.values is None else total - steps.factors * steps.values


@dataclass(frozen=True)
class ToGo(Credit):
    """The return from the token on, less the critic's value: what comes before has no part in it.

    Williams (1992), §5; Sutton et al. (2000), Policy gradient methods for reinforcement learning with
    function approximation, §1.
    """

    def of_tokens(self, steps: Steps) -> Tensor:
        return steps.less_values(steps.summed(steps.rewards, steps.discount))


@dataclass(frozen=True)
class Gae(Credit):
    r"""Generalized advantage estimation: a sum of the critic's errors, less of later ones.

    .. math:: \sum_{l \ge 0} (\gamma \lambda)^l \delta_{t+l}, \quad
        \delta_t = r_t + \gamma V(s_{t+1}) - V(s_t)

    With λ = 1 the critic's values cancel but for V(s_t), and it is the reward to go less that; with less it
    is as right as the critic. Schulman et al. (2016), High-dimensional continuous control using generalized
    advantage estimation, §3.

    Attributes:
        trace_decay: λ, in [0, 1].
    """

    trace_decay: float = 0.95
    needs_critic = True

    def __post_init__(self) -> None:
        if not 0 <= self.trace_decay <= 1:
            raise ValueError(f"trace_decay must be in [0, 1], got {self.trace_decay}")

    def of_tokens(self, steps: Steps) -> Tensor:
        values = steps.values
        assert values is not None
        # A step may have several tokens: their errors add up to δ_t, as within it nothing is discounted.
        gaps = steps.steps.diff().to(values)  # [T − 1]
        following = torch.cat([values[..., 1:] * steps.discount**gaps, torch.zeros_like(values[..., :1])], -1)
        return steps.summed(steps.rewards + following - values, steps.discount * self.trace_decay)

    def unbiased(self, critic: Critic) -> bool:
        """With λ = 1, or with the exact critic."""
        return self.trace_decay == 1 or critic.exact


CREDITS: Mapping[str, type[Credit]] = {"reward_to_go": ToGo, "total": Total, "gae": Gae}
