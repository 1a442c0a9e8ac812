"""The eigenvalues of a covariance, as far as tests of a whole vector need them: their power sums."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor

# Batch means below which their products tell nothing of the third power sum.
_FEWEST = 4


class Spectrum(NamedTuple):
    """tr(Σ), tr(Σ²) and tr(Σ³) of a covariance Σ."""

    trace: float
    square: float
    cube: float

    def scaled(self, factor: float) -> Spectrum:
        """The spectrum of the covariance times a factor that is not negative."""
        return Spectrum(self.trace * factor, self.square * factor**2, self.cube * factor**3)

    def plus(self, other: Spectrum) -> Spectrum:
        """The widest spectrum of the sum of two covariances, of which no more is known.

        The norms of Schatten, the roots of the power sums, add up at most; they do if both have one shape.
        """
        powers = (1, 2, 3)
        roots = (a ** (1 / p) + b ** (1 / p) for a, b, p in zip(self, other, powers, strict=True))
        return Spectrum(*(root**p for root, p in zip(roots, powers, strict=True)))


def single(trace: float) -> Spectrum:
    """The widest spectrum of a given trace: of noise in a single direction."""
    return Spectrum(trace, trace**2, trace**3)


def spectrum_of(batches: Sequence[Tensor], inside: Sequence[int], trace: float, size: int) -> Spectrum:
    r"""The spectrum of one estimate from batch means, within the limits that its trace sets.

    :math:`\mathrm{tr}(\Sigma)^2 / P \le \mathrm{tr}(\Sigma^2) \le \mathrm{tr}(\Sigma)^2`, and
    :math:`\mathrm{tr}(\Sigma^2)^2 / \mathrm{tr}(\Sigma) \le \mathrm{tr}(\Sigma^3) \le
    \mathrm{tr}(\Sigma^2)^{3/2}`. Without batches it is that of a single direction.

    Args:
        batches: for each block of replicates the products of the deviations of its batch means, in the units
            of one estimate, `[segments, K, K]` each.
        inside: which segments.
        trace: tr(Σ).
        size: P, the number of coordinates.
    """
    sums = [S[list(inside)].sum(0) for S in batches if S.shape[1] >= _FEWEST]  # [K, K] each
    if not sums or not trace > 0:
        return single(trace)
    squares, cubes = zip(*((square_without_bias(S), cube_without_bias(S)) for S in sums), strict=True)
    square = min(max(sum(squares) / len(sums), trace * trace / size), trace * trace)
    cube = min(max(sum(cubes) / len(sums), square * square / trace), square**1.5)
    return Spectrum(trace, square, cube)


def square_without_bias(S: Tensor) -> float:
    r"""tr(Σ²) of normal numbers, given inner products of K deviations from their mean over K − 1, `[K, K]`.

    .. math:: \frac{(K-1)^2}{(K+1)(K-2)} \left(\|S\|_F^2 - \frac{\mathrm{tr}(S)^2}{K-1}\right)

    Bai & Saranadasa (1996), §3; K is above 2.
    """
    K = len(S)
    factor = (K - 1) ** 2 / ((K + 1) * (K - 2))
    return factor * float(S.square().sum() - S.trace().square() / (K - 1))


def cube_without_bias(S: Tensor) -> float:
    r"""tr(Σ³) of normal numbers, given what `square_without_bias` is given; K is above 3.

    With n = K − 1, from the expectations of tr(S³), tr(S²) tr(S) and tr(S)³ of Wishart matrices,

    .. math:: \frac{n^4}{(n-1)(n-2)(n+2)(n+4)} \left(\mathrm{tr}(S^3)
        - \frac{3}{n} \mathrm{tr}(S^2)\, \mathrm{tr}(S) + \frac{2}{n^2} \mathrm{tr}(S)^3\right)
    """
    n = len(S) - 1
    trace, square = float(S.trace()), float(S.square().sum())
    cube = float(((S @ S) * S).sum())
    factor = n**4 / ((n - 1) * (n - 2) * (n + 2) * (n + 4))
    return factor * (cube - 3 / n * square * trace + 2 / n**2 * trace**3)
