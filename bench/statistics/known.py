"""Moments of an estimate that are known without sampling."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class ExactMoments:
    """Moments of one estimate; float64 on the CPU.

    Attributes:
        mean: of each coordinate, `[P]`.
        variance: of each coordinate, `[P]`.
        skewness: of each coordinate, `[P]`; NaN where it is not known.
        kurtosis: for each reported block of coordinates, E u² / (E u)² of its squared deviation u; NaN where
            it is not known.
    """

    mean: Tensor
    variance: Tensor
    skewness: Tensor
    kurtosis: Mapping[str, float]

    def of(self, name: str, block: slice) -> ExactMoments:
        """Return those of one reported block of coordinates."""
        kurtosis = {name: self.kurtosis.get(name, math.nan)}
        return ExactMoments(self.mean[block], self.variance[block], self.skewness[block], kurtosis)

    def with_noise(self, variance: Tensor) -> ExactMoments:
        """Add a variance, `[P]`, whose higher moments are not known."""
        unknown = dict.fromkeys(self.kurtosis, math.nan)
        return ExactMoments(self.mean, self.variance + variance, self.skewness * math.nan, unknown)
