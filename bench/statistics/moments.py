"""Central moments that can be merged: of every coordinate, in one pass over the estimates."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Moments:
    """Sums of powers of deviations from the mean, for each of P coordinates, in float64.

    Attributes:
        count: how many values each coordinate has.
        mean: `[P]`.
        m2: the sum of squared deviations, `[P]`.
        m3: of their cubes, `[P]`.
        m4: of their fourth powers, `[P]`.
    """

    count: int
    mean: Tensor
    m2: Tensor
    m3: Tensor
    m4: Tensor

    @property
    def variance(self) -> Tensor:
        """The unbiased sample variance, `[P]`; NaN for a single value."""
        return self.m2 / (self.count - 1) if self.count > 1 else torch.full_like(self.m2, torch.nan)

    @property
    def skewness(self) -> Tensor:
        """√n m3 / m2^1.5, 0 for a symmetric law, `[P]`; NaN where nothing varies."""
        root = self.count**0.5
        return torch.where(self.m2 > 0, root * self.m3 / self.m2**1.5, torch.nan)

    @property
    def kurtosis(self) -> Tensor:
        """m4 / m2², 3 for a normal law, `[P]`; NaN where nothing varies."""
        return torch.where(self.m2 > 0, self.count * self.m4 / self.m2.square(), torch.nan)


def merge(a: Moments, b: Moments) -> Moments:
    """The moments of two samples taken together.

    Chan, Golub & LeVeque (1979); Pébay (2008), Formulas for robust, one-pass parallel
    computation of covariances and arbitrary-order statistical moments. Merging is not
    associative to the last bit: merge in the order of the blocks.
    """
    if a.count == 0 or b.count == 0:
        return a if b.count == 0 else b
    n = a.count + b.count
    wa, wb = a.count / n, b.count / n
    delta = b.mean - a.mean  # [P]
    delta2 = delta * delta
    return Moments(
        count=n,
        mean=a.mean + wb * delta,
        m2=a.m2 + b.m2 + delta2 * (a.count * wb),
        m3=a.m3 + b.m3 + delta2 * delta * (a.count * wb * (wa - wb)) + 3 * delta * (wa * b.m2 - wb * a.m2),
        m4=a.m4
        + b.m4
        + delta2 * delta2 * (a.count * wb * (wa * wa - wa * wb + wb * wb))
        + 6 * delta2 * (wa * wa * b.m2 + wb * wb * a.m2)
        + 4 * delta * (wa * b.m3 - wb * a.m3),
    )
