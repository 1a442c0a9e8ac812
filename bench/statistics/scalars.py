"""Scalars of single replicates, and what metrics need of them."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from bench.statistics.contributions import UNKNOWN, Jackknifed, of_mean, of_variance
from bench.statistics.summary import Summary, scale_of


@dataclass(frozen=True)
class Cosines:
    """Cosines between estimates and the truth; estimates of norm zero have none.

    Attributes:
        count: how many.
        mean: of them; NaN without any.
        standard_error: of the mean; NaN of fewer than two.
        positive: how many are positive.
    """

    count: int
    mean: float
    standard_error: float
    positive: int


class Scalars:
    """The scalars of the finite replicates on a block of parameters, and what is computed of them.

    What is computed is kept. Once `reduced`, the replicates themselves are let go.

    Args:
        summary: of the replicates.
        inside: the segments of which the block consists.
        variance: the trace of the covariance on the block.
        truth_norm: of the truth on the block; NaN without one.
    """

    def __init__(self, summary: Summary, inside: Sequence[int], variance: float, truth_norm: float) -> None:
        self._summary: Summary | None = summary
        self._inside, self._variance, self._truth_norm = list(inside), variance, truth_norm

    # --- of single replicates, `[R]` each in float64 --------------------------------------------------

    @property
    def deviation(self) -> Tensor:
        """The squared deviation, with the unbiased variance as mean."""
        return self._rows("distance") * self.scale

    @property
    def error(self) -> Tensor:
        """The squared distance from the truth; NaN without one."""
        error = self._rows("error")
        return torch.full_like(error, torch.nan) if math.isnan(self._truth_norm) else error

    @property
    def norm(self) -> Tensor:
        """The squared norm."""
        return self._rows("norm")

    @property
    def cosine(self) -> Tensor:
        """The cosine of the angle to the truth; NaN without one, or where the estimate is zero."""
        length = self._rows("norm").sqrt().mul_(self._truth_norm)
        cosine = self._rows("product") / length
        cosine[~(length > 0)] = torch.nan
        return cosine

    # --- of all --------------------------------------------------------------------------------------

    @cached_property
    def scale(self) -> float:
        """The factor of squared distances from the center that makes them squared deviations."""
        return scale_of(self._rows("distance"), self._variance)

    @cached_property
    def squares(self) -> Jackknifed:
        """The squared deviations; a replicate alone has none."""
        return UNKNOWN if math.isnan(self.scale) else of_variance(self.deviation)

    @cached_property
    def errors(self) -> Jackknifed:
        """The squared errors; a square that was rounded below zero is zero."""
        return UNKNOWN if math.isnan(self._truth_norm) else of_mean(self.error.clamp(min=0.0))

    @cached_property
    def cosines(self) -> Cosines:
        """The cosines to the truth, summed up."""
        if math.isnan(self._truth_norm):
            return _NONE
        every = self.cosine
        known = ~every.isnan()
        every = every if bool(known.all()) else every[known]
        count = len(every)
        error = float(every.std()) / math.sqrt(count) if count > 1 else math.nan
        return Cosines(count, float(every.mean()), error, int((every > 0).sum()))

    def reduce(self) -> None:
        """Compute what is computed of the replicates, and let them go."""
        _ = self.squares, self.errors, self.cosines
        self._summary = None

    def of(self, summary: Summary) -> Scalars:
        """Return those of some of the replicates, as what is known of all makes them."""
        _ = self.scale
        other = copy.copy(self)
        other._summary = summary
        return other

    def without_truth(self) -> Scalars:
        """Return these where the truth turned out not to be known."""
        other = copy.copy(self)
        other._truth_norm = math.nan
        for name in ("errors", "cosines"):
            other.__dict__.pop(name, None)
        return other

    def _rows(self, name: str) -> Tensor:
        assert self._summary is not None, "the replicates were let go"
        rows: Tensor = getattr(self._summary, name)  # [R, segments]
        finite = self._summary.finite
        rows = rows if bool(finite.all()) else rows[finite]
        return rows[:, 0] if rows.shape[1] == 1 else rows[:, self._inside].sum(1)


_NONE = Cosines(0, math.nan, math.nan, 0)
