"""Estimates of the divergence of a policy from a reference, in the reward or as a loss, by name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from bench.options import Choice
from bench.policies.answers import Answers
from bench.problem import NotApplicable


class Divergence(Choice, ABC):
    r"""An estimate of log π/π_ref at each token, of which the mean is KL(π‖π_ref).

    With ℓ = log π/π_ref it is ℓ itself (k1), ℓ²/2 (k2) or :math:`e^{-\ell} - 1 + \ell` (k3).

    Attributes:
        place: in the `reward`, where it is a number, or as a `loss`, where it is differentiated.
        ratio: by which a loss is multiplied off policy: `none`, or that of the token, `live` where it is
            differentiated with it and `detached` where it is not.

    References:
        Schulman (2020), Approximating KL divergence.
    """

    place: Literal["reward", "loss"] = "reward"
    ratio: Literal["none", "live", "detached"] = "none"

    @abstractmethod
    def value(self, log_ratio: Tensor) -> Tensor:
        """The estimate at ℓ."""

    def __post_init__(self) -> None:
        if self.place == "reward" and self.ratio != "none":
            raise ValueError("ratio is of a loss: in the reward the rule of the update's ratio counts")

    def of_tokens(self, answers: Answers) -> Tensor:
        """The estimate of each token, differentiable, times the ratio, `[N, R, B, T]`."""
        if answers.reference is None:
            raise NotApplicable("it has no reference policy")
        found = self.value(answers.log_prob - answers.reference)
        ratio = answers.log_ratio.exp()
        return found * {"none": torch.ones_like(ratio), "live": ratio, "detached": ratio.detach()}[self.ratio]

    @classmethod
    def choices(cls) -> Mapping[str, type[Divergence]]:
        return DIVERGENCES


@dataclass(frozen=True)
class NoDivergence(Divergence):
    """Nothing."""

    def value(self, log_ratio: Tensor) -> Tensor:
        return torch.zeros_like(log_ratio)


@dataclass(frozen=True)
class K1(Divergence):
    """ℓ: unbiased in the reward. Differentiated as a loss it is a score, with mean zero."""

    place: Literal["reward", "loss"] = "reward"
    ratio: Literal["none", "live", "detached"] = "none"

    def value(self, log_ratio: Tensor) -> Tensor:
        return log_ratio


@dataclass(frozen=True)
class K2(Divergence):
    """ℓ²/2: as a loss of one token it has the gradient of the divergence."""

    place: Literal["reward", "loss"] = "loss"
    ratio: Literal["none", "live", "detached"] = "none"

    def value(self, log_ratio: Tensor) -> Tensor:
        return log_ratio.square() / 2


@dataclass(frozen=True)
class K3(Divergence):
    """1/ratio − 1 + ℓ: as a loss it ascends the forward divergence, KL(π_ref‖π)."""

    place: Literal["reward", "loss"] = "loss"
    ratio: Literal["none", "live", "detached"] = "none"

    def value(self, log_ratio: Tensor) -> Tensor:
        return (-log_ratio).expm1() + log_ratio


DIVERGENCES: Mapping[str, type[Divergence]] = {"none": NoDivergence, "k1": K1, "k2": K2, "k3": K3}
