"""Parts of which an update of a policy is composed: what lengths, spreads and odd groups do to it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from bench.options import Choice
from bench.policies.answers import Answers


def divided(value: Tensor, by: Tensor) -> Tensor:
    """The quotient, and 0 where what is divided by is 0."""
    none = by == 0
    return torch.where(none, 0.0, value / torch.where(none, 1.0, by))


def _check_epsilon(epsilon: float) -> None:
    if not epsilon >= 0:
        raise ValueError(f"epsilon must not be negative, got {epsilon}")


class Scale(Choice, ABC):
    """A number that advantages are divided by; where that is 0, they are 0.

    Attributes:
        minimum_sample_size: the smallest group for which it is defined.
        unbiased: whether the estimate stays so.
        batch: whether it depends on other prompts.
    """

    minimum_sample_size: int = 1
    unbiased: bool = False
    batch: bool = False

    @abstractmethod
    def scaled(self, advantages: Tensor, returns: Tensor) -> Tensor:
        """Divide `[N, R, B, T]`, by what may depend on all returns of the estimate, `[N, R, B]`."""

    @classmethod
    def choices(cls) -> Mapping[str, type[Scale]]:
        return SCALES


@dataclass(frozen=True)
class NoScale(Scale):
    """Nothing: advantages are as they are."""

    unbiased = True

    def scaled(self, advantages: Tensor, returns: Tensor) -> Tensor:
        return advantages


@dataclass(frozen=True)
class GroupStd(Scale):
    """The standard deviation of the returns of the group.

    Shao et al. (2024), DeepSeekMath, §4.1.

    Attributes:
        ddof: 1 where the sum of squares is divided by N − 1, as torch does; 0 for N.
        epsilon: what is added to it.
    """

    ddof: Literal[0, 1] = 1
    epsilon: float = 0.0
    minimum_sample_size = 2

    def __post_init__(self) -> None:
        _check_epsilon(self.epsilon)

    def scaled(self, advantages: Tensor, returns: Tensor) -> Tensor:
        spread = returns.std(0, correction=self.ddof)  # [R, B]
        # What rounding leaves of the spread of equal returns is none.
        return divided(advantages, torch.where(alike(returns), 0.0, spread + self.epsilon)[..., None])


@dataclass(frozen=True)
class GroupMean(Scale):
    """The mean return of the group, which must not be negative.

    Attributes:
        epsilon: what is added to it.
    """

    epsilon: float = 0.0

    def __post_init__(self) -> None:
        _check_epsilon(self.epsilon)

    def scaled(self, advantages: Tensor, returns: Tensor) -> Tensor:
        return divided(advantages, (returns.mean(0) + self.epsilon)[..., None])


@dataclass(frozen=True)
class BatchStd(Scale):
    """Advantages less their mean over all groups, by their standard deviation over these.

    Hu et al. (2025), REINFORCE++, §3.

    Attributes:
        ddof: 1 where the sum of squares is divided by the number of answers less one; 0 for the number.
        epsilon: what is added to it.
    """

    ddof: Literal[0, 1] = 1
    epsilon: float = 0.0
    minimum_sample_size = 2
    batch = True

    def __post_init__(self) -> None:
        _check_epsilon(self.epsilon)

    def scaled(self, advantages: Tensor, returns: Tensor) -> Tensor:
        each = advantages.mean(-1).transpose(0, 1).flatten(1).T  # [N·B, R]
        center, spread = each.mean(0), each.std(0, correction=self.ddof)  # [R] each
        by = torch.where(alike(each), 0.0, spread + self.epsilon)
        return divided(advantages - center[:, None, None], by[:, None, None])


SCALES: Mapping[str, type[Scale]] = {
    "none": NoScale,
    "std": GroupStd,
    "mean": GroupMean,
    "batch_std": BatchStd,
}


class Length(Choice, ABC):
    """A length that the sum over the tokens of an answer is divided by."""

    unbiased: bool = False

    @abstractmethod
    def factors(self, answers: Answers) -> Tensor:
        """Factors of the answers, `[N, R, B]`."""

    @classmethod
    def choices(cls) -> Mapping[str, type[Length]]:
        return LENGTHS


@dataclass(frozen=True)
class NoLength(Length):
    """Nothing: the terms of tokens add up, as log π of an answer does."""

    unbiased = True

    def factors(self, answers: Answers) -> Tensor:
        return torch.ones_like(answers.rewards[..., 0])


@dataclass(frozen=True)
class OwnLength(Length):
    """The length of the answer, 1/|o|, as in GRPO (Shao et al. 2024)."""

    def factors(self, answers: Answers) -> Tensor:
        return divided(torch.ones_like(answers.lengths), answers.lengths)


@dataclass(frozen=True)
class MeanLength(Length):
    """The mean length of the group: all tokens count the same, as in DAPO (Yu et al. 2025, §3.3)."""

    def factors(self, answers: Answers) -> Tensor:
        mean = answers.lengths.mean(0)  # [R, B]
        return divided(torch.ones_like(answers.lengths), mean.expand_as(answers.lengths))


@dataclass(frozen=True)
class ConstantLength(Length):
    """A constant, as in Dr. GRPO (Liu et al. 2025, §3.1); the mean is then that part of the gradient.

    Attributes:
        tokens: the constant, such as the most tokens that an answer can have.
    """

    tokens: float

    def __post_init__(self) -> None:
        if not self.tokens > 0:
            raise ValueError(f"tokens must be positive, got {self.tokens}")

    @property
    def unbiased(self) -> bool:  # type: ignore[override]
        """Only if it is 1."""
        return self.tokens == 1

    def factors(self, answers: Answers) -> Tensor:
        return torch.full_like(answers.rewards[..., 0], 1 / self.tokens)


LENGTHS: Mapping[str, type[Length]] = {
    "none": NoLength,
    "own": OwnLength,
    "mean": MeanLength,
    "constant": ConstantLength,
}


class Filter(Choice):
    """A rule for groups whose answers all have the same return."""

    unbiased: bool = False

    @classmethod
    def choices(cls) -> Mapping[str, type[Filter]]:
        return FILTERS


@dataclass(frozen=True)
class NoFilter(Filter):
    """Nothing: such a group counts as any other."""

    unbiased = True


@dataclass(frozen=True)
class Redraw(Filter):
    """They are drawn again, as in DAPO's dynamic sampling (Yu et al. 2025, §3.2).

    Attributes:
        most: how often; what is still alike then stays.
    """

    most: int = 100

    def __post_init__(self) -> None:
        if self.most < 1:
            raise ValueError(f"most must be at least 1, got {self.most}")


@dataclass(frozen=True)
class Drop(Filter):
    """They are left out, and the mean is over the groups that are left; undefined where none is."""


FILTERS: Mapping[str, type[Filter]] = {"none": NoFilter, "redraw": Redraw, "drop": Drop}


def alike(returns: Tensor) -> Tensor:
    """Whether all answers of a group have the same return, `[N, ...] -> [...]`."""
    return returns.amax(0) == returns.amin(0)
