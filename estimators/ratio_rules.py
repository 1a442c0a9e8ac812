"""Rules for the ratio of a policy to the one that answers were drawn from, by name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from bench.options import Choice
from bench.policies.answers import Answers
from estimators.group_parts import divided

Level = Literal["token", "prefix", "sequence", "geometric"]


class Ratio(Choice, ABC):
    """The surrogate whose gradient is the update.

    Attributes:
        level: of which ratio: that of a `token`, of all tokens up to it (`prefix`, per decision), of the
            `sequence`, or the `geometric` mean of its tokens' ratios.
        unbiased: whether the mean is right off policy.
        exact_on_policy: whether it does nothing where all ratios are 1.
    """

    level: Level = "token"
    unbiased: bool = False
    exact_on_policy: bool = True

    @abstractmethod
    def surrogate(self, answers: Answers, advantages: Tensor) -> Tensor:
        """Each token's term, `[N, R, B, T]`, differentiable in log π; advantages are constants."""

    def weight(self, ratio: Tensor) -> Tensor | None:
        """The factor of A ∇log π at a ratio, where it does not depend on A or on other answers; else None."""
        return None

    @classmethod
    def choices(cls) -> Mapping[str, type[Ratio]]:
        return RATIOS


class Weighted(Ratio):
    """A rule that multiplies A ∇log π by a function of the ratio, which is not differentiated."""

    def surrogate(self, answers: Answers, advantages: Tensor) -> Tensor:
        weight = self.weight(ratio_of(answers, self.level))
        assert weight is not None
        return weight.detach() * advantages * answers.log_prob


@dataclass(frozen=True)
class NoRatio(Weighted):
    """Nothing, A log π: as if answers were drawn from the policy itself."""

    def weight(self, ratio: Tensor) -> Tensor:
        return torch.ones_like(ratio)


@dataclass(frozen=True)
class Importance(Weighted):
    """The ratio itself."""

    level: Level = "sequence"

    @property
    def unbiased(self) -> bool:  # type: ignore[override]
        """Only by that of the sequence: a reward at the end depends on all tokens."""
        return self.level == "sequence"

    def weight(self, ratio: Tensor) -> Tensor:
        return ratio


@dataclass(frozen=True)
class Capped(Weighted):
    """A rule for ratios above a cap.

    Attributes:
        cap: the largest ratio that counts as it is.
    """

    cap: float = 1.0
    level: Level = "token"

    def __post_init__(self) -> None:
        if not self.cap > 0:
            raise ValueError(f"cap must be positive, got {self.cap}")

    @property
    def exact_on_policy(self) -> bool:  # type: ignore[override]
        """Only if the cap is 1 or more."""
        return self.cap >= 1


@dataclass(frozen=True)
class Truncated(Capped):
    """The ratio, or the cap where that is less: truncated importance sampling.

    Ionides (2008), Truncated importance sampling.
    """

    def weight(self, ratio: Tensor) -> Tensor:
        return ratio.clamp(max=self.cap)


@dataclass(frozen=True)
class Masked(Capped):
    """The ratio, and 0 where it is above the cap."""

    def weight(self, ratio: Tensor) -> Tensor:
        return torch.where(ratio > self.cap, 0.0, ratio)


@dataclass(frozen=True)
class Bounded(Ratio):
    """A rule for ratios outside of an interval about 1.

    Attributes:
        low: below 1.
        high: above 1.
    """

    low: float = 0.2
    high: float = 0.2
    level: Level = "token"

    def __post_init__(self) -> None:
        if not 0 <= self.low <= 1:
            raise ValueError(f"low must be in [0, 1], got {self.low}")
        if not self.high >= 0:
            raise ValueError(f"high must not be negative, got {self.high}")

    def clipped(self, ratio: Tensor) -> Tensor:
        """The ratio, or the end of the interval that it lies beyond."""
        return ratio.clamp(1 - self.low, 1 + self.high)


@dataclass(frozen=True)
class Cispo(Bounded, Weighted):
    """The ratio between 1 − low and 1 + high, not differentiated.

    MiniMax (2025), MiniMax-M1, §3.1.
    """

    def weight(self, ratio: Tensor) -> Tensor:
        return self.clipped(ratio)


@dataclass(frozen=True)
class Clipped(Bounded):
    """min(ρ A, clip(ρ, 1 − low, 1 + high) A), differentiated in ρ: PPO; with the `geometric` ratio GSPO.

    Schulman et al. (2017), Proximal policy optimization algorithms, §3. Zheng et al. (2025), Group sequence
    policy optimization, §4.
    """

    def surrogate(self, answers: Answers, advantages: Tensor) -> Tensor:
        # As a function of each token's log π, whose slope is ρ.
        fixed = ratio_of(answers, self.level).detach()
        ratio = fixed * (answers.log_prob - answers.log_prob.detach()).exp()
        return torch.minimum(ratio * advantages, self.clipped(ratio) * advantages)


@dataclass(frozen=True)
class SelfNormalized(Ratio):
    """The ratio over its mean in the group, which is not differentiated."""

    level: Level = "sequence"

    def surrogate(self, answers: Answers, advantages: Tensor) -> Tensor:
        ratio = ratio_of(answers, self.level).detach()
        mean = (ratio * answers.mask).sum(0) / answers.mask.sum(0).clamp(min=1)  # [R, B, T]
        return divided(ratio, mean.expand_as(ratio)) * advantages * answers.log_prob


RATIOS: Mapping[str, type[Ratio]] = {
    "none": NoRatio,
    "importance": Importance,
    "truncated": Truncated,
    "masked": Masked,
    "clipped": Clipped,
    "cispo": Cispo,
    "self_normalized": SelfNormalized,
}


def ratio_of(answers: Answers, level: Level) -> Tensor:
    """The ratio of each token at a level, `[N, R, B, T]`."""
    log_ratio = answers.log_ratio
    if level == "prefix":
        log_ratio = log_ratio.cumsum(-1)
    elif level != "token":
        total = log_ratio.sum(-1, keepdim=True)
        mean = divided(total, answers.lengths[..., None]) if level == "geometric" else total
        log_ratio = mean.expand_as(log_ratio)
    return log_ratio.exp()
