"""Moments of every coordinate: sums of powers that add up, and what they say."""

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
        """√n m3 / m2^1.5, 0 for a symmetric distribution, `[P]`; NaN where nothing varies."""
        root = self.count**0.5
        return torch.where(self.m2 > 0, root * self.m3 / self.m2**1.5, torch.nan)

    @property
    def kurtosis(self) -> Tensor:
        """m4 / m2², 3 for a normal distribution, `[P]`; NaN where nothing varies."""
        return torch.where(self.m2 > 0, self.count * self.m4 / self.m2.square(), torch.nan)


@dataclass
class PowerSums:
    r"""Sums of powers of deviations from a center c that is near the mean.

    Those of two samples about one center simply add up, where central moments would have to
    be moved to a common mean at thirty passes over P numbers. With c within a few standard
    deviations σ of the mean nothing is lost: :math:`m_k` is smaller than the sums it is
    computed from by a factor of about :math:`(1 + |c - \mu| / \sigma)^k`.

    Attributes:
        count: n, how many values each coordinate has.
        center: c, `[P]` in float64.
        sums: of the deviations, their squares, cubes and fourth powers, `[4, P]`.
    """

    count: int
    center: Tensor
    sums: Tensor

    def add(self, other: PowerSums) -> None:
        """Take in another sample.

        Raises:
            ValueError: if its center is another one.
        """
        if other.center is not self.center and not torch.equal(other.center, self.center):
            raise ValueError("sums of powers about different centers do not add up")
        self.count += other.count
        self.sums += other.sums

    def moments(self) -> Moments:
        r"""With :math:`a = s_1 / n`: :math:`m_2 = s_2 - n a^2`, and so on by the binomial theorem."""
        n = self.count
        s1, s2, s3, s4 = self.sums.double()  # [P] each
        a = s1 / n if n else torch.full_like(s1, torch.nan)
        square = a * a
        # What is left of equal numbers by the rounding of their sums is no variance.
        m2 = (s2 - s1 * a).clamp(min=0)
        m2 = torch.where(m2 < _ROUNDED * s2, 0.0, m2)
        return Moments(
            count=n,
            mean=self.center + a,
            m2=m2,
            m3=s3 - 3 * a * s2 + 2 * n * square * a,
            m4=(s4 - 4 * a * s3 + 6 * square * s2 - 3 * n * square * square).clamp(min=0),
        )


_ROUNDED = 1e-14
_GROUPS = 7


def robust_center_of(estimates: Tensor) -> Tensor:
    """The median, in each coordinate, of the means of seven groups of estimates `[R, P]`, `[P]`.

    Near the mean, but an estimate far off does not draw it away from the others. Groups without
    a finite estimate do not count.

    Nemirovsky & Yudin (1983), Problem complexity and method efficiency in optimization, §1.5.3:
    the median of means.
    """
    finite = estimates[estimates.isfinite().all(1)]
    groups = [group for group in finite.tensor_split(_GROUPS) if len(group)]
    if not groups:
        return center_of(estimates)
    return torch.stack([center_of(group) for group in groups]).median(0).values


def center_of(estimates: Tensor) -> Tensor:
    """The mean of those of the estimates `[R, P]` that are finite, `[P]`; zero if none is.

    Where all are the same it is exactly theirs, so that what does not vary has no variance.
    """
    if not bool(estimates.sum(0).isfinite().all()):
        estimates = estimates[estimates.isfinite().all(1)]
    count = len(estimates)
    if not count:
        return estimates.new_zeros(estimates.shape[1])
    mean, first = estimates.new_full((count,), 1 / count) @ estimates, estimates[0]  # [P]
    near = (mean - first).abs() <= 1e-5 * first.abs()  # only there is it worth a look at all of them
    if bool(near.any()):
        same = (estimates[:, near] == first[near]).all(0)
        mean[near] = torch.where(same, first[near], mean[near])
    return mean
