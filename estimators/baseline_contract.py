"""The contract of a baseline of the score-function estimator, and the ones that every other may become."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor
from torch.distributions import Distribution

from bench.exact import SingleDraws
from bench.options import Choice
from bench.problem import Problem


class Baseline(Choice, ABC):
    """A value independent of the sample whose score it is weighed with.

    Attributes:
        minimum_sample_size: the smallest N for which it is defined.
        of_other_samples: whether it is made of the other samples of the estimate, so that it is
            independent of a sample only where these are.
    """

    minimum_sample_size: int = 1
    of_other_samples: ClassVar[bool] = False

    def evaluations(self, sample_size: int) -> int:
        """Return the number of evaluations of f for an estimate with this baseline."""
        return sample_size

    def fitted(self, problem: Problem, theta: Tensor, sample_size: int) -> Baseline:
        """The baseline as learned from samples that no estimate uses; see `Estimator.fitted`."""
        return self

    def prepared(self, problem: Problem, theta: Tensor, p: Distribution, sample_size: int) -> Baseline:
        """The baseline of the estimates at theta, `[R, P]`, where it depends on data or on draws of its own.

        Called after the samples have been drawn, which are thus the same with every baseline.
        """
        return self

    def subtracted(self, cost: Tensor) -> Tensor:
        """The cost less the baseline, `[N, R, (B)]`; row r depends on row r only."""
        return cost

    def correction(self, theta: Tensor, log_prob: Tensor) -> Tensor | None:
        """Return the term to subtract from the estimates, `[R, P]`, where the cost is not the place for it.

        `log_prob` (of the samples, `[N, R, (B)]`) must still be differentiable afterwards.
        """
        return None

    def as_constant(self, draws: SingleDraws, sample_size: int) -> tuple[Baseline, Tensor | None]:
        """Return a baseline that does not vary, and the variance, `[P]`, that this one adds to its estimates.

        Raises:
            NotApplicable: if there is no such baseline, or its variance is not known.
        """
        return self, None

    @classmethod
    def choices(cls) -> Mapping[str, type[Baseline]]:
        from estimators.baselines import BASELINES  # the table names classes that are made of this one

        return BASELINES


@dataclass(frozen=True)
class Constant(Baseline):
    """A number that the user gives.

    Attributes:
        value: the number that is subtracted from each cost.
    """

    value: float

    def subtracted(self, cost: Tensor) -> Tensor:
        return cost - self.value


@dataclass(frozen=True)
class Learned(Baseline):
    """Numbers that are known beforehand, of any shape that fits the cost's: `[]`, `[B]`, `[N, R, (B)]`."""

    value: Tensor

    def subtracted(self, cost: Tensor) -> Tensor:
        return cost - self.value
