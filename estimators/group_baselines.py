"""Baselines of updates of a policy, by name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from bench.options import Choice
from bench.policies.answers import Answers
from bench.problem import NotApplicable


class GroupBaseline(Choice, ABC):
    """A number that is subtracted from the return of an answer.

    Attributes:
        minimum_sample_size: the smallest group for which it is defined.
        unbiased: whether it is independent of the answer that it is subtracted from.
        batch: whether it depends on other prompts.
        of_tokens: which values of prefixes it is, `value`, `token` or `answer`; see
            `bench.policies.prefix_values`. Empty if it is none.
    """

    minimum_sample_size: int = 1
    unbiased: bool = True
    batch: bool = False
    of_tokens: Literal["", "value", "token", "answer"] = ""

    @abstractmethod
    def subtracted(self, credits: Tensor, others: Tensor, answers: Answers) -> Tensor:
        """Advantages, `[N, R, B, T]` or `[N, R, B, 1]`.

        Args:
            credits: what each answer contributes to the objective, `[N, R, B]`.
            others: the objective by the other answers of the group, `[N, R, B]`.
            answers: the groups.
        """

    @classmethod
    def choices(cls) -> Mapping[str, type[GroupBaseline]]:
        return GROUP_BASELINES


@dataclass(frozen=True)
class NoGroupBaseline(GroupBaseline):
    """Nothing is subtracted."""

    def subtracted(self, credits: Tensor, others: Tensor, answers: Answers) -> Tensor:
        return credits[..., None]


@dataclass(frozen=True)
class GivenConstant(GroupBaseline):
    """A number that the user gives.

    Attributes:
        value: the number.
    """

    value: float

    def subtracted(self, credits: Tensor, others: Tensor, answers: Answers) -> Tensor:
        return (credits - self.value)[..., None]


@dataclass(frozen=True)
class WithOwn(GroupBaseline):
    """The mean return of the group, with the answer itself: it shrinks the gradient by (N − 1)/N.

    Shao et al. (2024), DeepSeekMath, §4.1; without more, Liu et al. (2025), Dr. GRPO.
    """

    minimum_sample_size = 2
    unbiased = False

    def subtracted(self, credits: Tensor, others: Tensor, answers: Answers) -> Tensor:
        return (credits - credits.mean(0))[..., None]


@dataclass(frozen=True)
class OfOthers(GroupBaseline):
    """The mean return of the other answers of the group, as in RLOO.

    Ahmadian et al. (2024), Back to basics, §3.2.
    """

    minimum_sample_size = 2

    def subtracted(self, credits: Tensor, others: Tensor, answers: Answers) -> Tensor:
        return (credits - others)[..., None]


@dataclass(frozen=True)
class Shrinkage(GroupBaseline):
    """(1 − λ) times the mean of the other answers, and λ times the mean of the other prompts.

    Zeng et al. (2026), ICML, on shrinkage baselines.

    Attributes:
        weight: λ, in [0, 1].
    """

    weight: float = 0.5
    minimum_sample_size = 2
    batch = True

    def __post_init__(self) -> None:
        if not 0 <= self.weight <= 1:
            raise ValueError(f"weight must be in [0, 1], got {self.weight}")

    def subtracted(self, credits: Tensor, others: Tensor, answers: Answers) -> Tensor:
        B = credits.shape[-1]
        if B < 2:
            raise NotApplicable("the shrinkage baseline needs at least two prompts")
        means = credits.mean(0)  # [R, B]
        elsewhere = (means.sum(-1, keepdim=True) - means) / (B - 1)  # [R, B]
        return (credits - (1 - self.weight) * others - self.weight * elsewhere)[..., None]


@dataclass(frozen=True)
class OptimalConstant(GroupBaseline):
    """The number for each prompt that minimizes the variance, E[r‖s‖²]/E‖s‖², by enumeration.

    Greensmith, Bartlett & Baxter (2004), §4.
    """

    of_tokens = "answer"

    def subtracted(self, credits: Tensor, others: Tensor, answers: Answers) -> Tensor:
        return _of_prefixes(credits, answers)


@dataclass(frozen=True)
class Value(GroupBaseline):
    """The expected return given the tokens before each token, by enumeration: an exact critic."""

    of_tokens = "value"

    def subtracted(self, credits: Tensor, others: Tensor, answers: Answers) -> Tensor:
        return _of_prefixes(credits, answers)


@dataclass(frozen=True)
class OptimalToken(GroupBaseline):
    """The number for each prefix that minimizes the variance, E[r‖s_t‖²]/E‖s_t‖² given it, by enumeration.

    Li et al. (2026), on optimal token baselines.
    """

    of_tokens = "token"

    def subtracted(self, credits: Tensor, others: Tensor, answers: Answers) -> Tensor:
        return _of_prefixes(credits, answers)


def _of_prefixes(credits: Tensor, answers: Answers) -> Tensor:
    assert answers.baseline is not None
    return credits[..., None] - answers.baseline


GROUP_BASELINES: Mapping[str, type[GroupBaseline]] = {
    "leave_one_out": OfOthers,
    "none": NoGroupBaseline,
    "constant": GivenConstant,
    "mean": WithOwn,
    "shrinkage": Shrinkage,
    "optimal": OptimalConstant,
    "value": Value,
    "optimal_token": OptimalToken,
}


class Objective(Choice, ABC):
    """An objective of the returns of a group: each answer's part of it, and what the others make of it.

    Attributes:
        baselines: names of the baselines that go with it.
    """

    minimum_sample_size: int = 1
    baselines: tuple[type[GroupBaseline], ...] = tuple(GROUP_BASELINES.values())

    @abstractmethod
    def credits(self, returns: Tensor) -> Tensor:
        """N times the part of each answer, `[N, R, B] -> [N, R, B]`."""

    @abstractmethod
    def by_others(self, returns: Tensor) -> Tensor:
        """N times the part of an answer that the N − 1 others tell, `[N, R, B]`; zero without others."""

    @classmethod
    def choices(cls) -> Mapping[str, type[Objective]]:
        return OBJECTIVES


@dataclass(frozen=True)
class MeanReturn(Objective):
    """The mean return."""

    def credits(self, returns: Tensor) -> Tensor:
        return returns

    def by_others(self, returns: Tensor) -> Tensor:
        N = len(returns)
        return (returns.sum(0) - returns) / max(1, N - 1)


@dataclass(frozen=True)
class PassAtK(Objective):
    r"""The probability that at least one of k answers is right, estimated from N of them.

    With c right answers of N, the gradient is a sum of scores with weights k/N of a right answer and
    :math:`[\binom{N-1}{k-1} - \binom{N-1-c}{k-1}] / \binom{N}{k}` of a wrong one; its mean is
    :math:`k (1 - p)^{k-1} \nabla p`. Without a baseline or with that of the others, k/N times their own
    estimate of pass@k. Rewards are 0 or 1.

    Walder & Karkhanis (2025), Pass@K policy optimization, §3.

    Attributes:
        k: at most N, and less than N with the baseline of the others.
    """

    k: int
    baselines = (NoGroupBaseline, OfOthers)

    def __post_init__(self) -> None:
        if self.k < 1:
            raise ValueError(f"k must be at least 1, got {self.k}")

    @property
    def minimum_sample_size(self) -> int:  # type: ignore[override]
        """At least k answers."""
        return self.k

    def credits(self, returns: Tensor) -> Tensor:
        _check_binary(returns)
        N, right = len(returns), returns.sum(0)  # [R, B]
        all_ways = _ways(returns.new_tensor(float(N)), self.k)
        wrong = _ways(returns.new_tensor(float(N - 1)), self.k - 1) - _ways(N - 1 - right, self.k - 1)
        return returns * self.k + (1 - returns) * (N * wrong / all_ways)

    def by_others(self, returns: Tensor) -> Tensor:
        N, right = len(returns), returns.sum(0)
        if self.k > N - 1:
            return returns * 0
        of_others = _ways(N - 1 - (right - returns), self.k)
        return self.k * (1 - of_others / _ways(returns.new_tensor(float(N - 1)), self.k))


def _ways(n: Tensor, k: int) -> Tensor:
    """C(n, k), as a product: 0 where k is larger than n."""
    found = n.new_ones(n.shape)
    for i in range(k):
        found = found * (n - i).clamp(min=0) / (i + 1)
    return found


def _check_binary(returns: Tensor) -> None:
    if not bool(((returns == 0) | (returns == 1)).all()):
        raise NotApplicable("pass_at_k needs rewards of 0 and 1")


OBJECTIVES: Mapping[str, type[Objective]] = {"mean": MeanReturn, "pass_at_k": PassAtK}
