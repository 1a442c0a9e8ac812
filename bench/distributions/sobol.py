"""Sobol points, scrambled for each replicate apart."""

from __future__ import annotations

import functools

import torch
from torch import Size, Tensor
from torch.quasirandom import SobolEngine

from bench import noise
from bench.problem import NotApplicable

_BITS = 52  # of a scrambled number, as many as a float64 in (0, 1) can hold besides the ½ below
_GIVEN = SobolEngine.MAXBIT  # of a direction number


def scrambled_sobol(sample_size: int, batch: Size, dimensions: int, device: torch.device) -> Tensor:
    r"""The first N points of the Sobol sequence, with a randomization of its own for each row of the batch.

    Each is an affine scrambling: in base 2 the digits of coordinate d of point n become

    .. math:: y_{nd} = L_d\, x_{nd} + s_d \mod 2,

    where L is a random lower triangular matrix with ones on its diagonal, and the shift s
    has random digits. Any one point is then uniform in the cube, and any two are jointly
    as under Owen's nested uniform scrambling, so that means over them have the same
    variance: O(N⁻³ (log N)^{D−1}) for smooth integrands, o(1/N) for all that are square
    integrable.

    Args:
        sample_size: N; the points are most even where it is a power of 2.
        batch: R, or R and B: how many randomizations.
        dimensions: D.
        device: where.

    Returns:
        `[N, *batch, D]` in float64, between 0 and 1.

    References:
        Sobol' (1967), On the distribution of points in a cube. Joe & Kuo (2008) for the numbers.
        Owen (1997), Scrambled net variance for integrals of smooth functions.
        Matoušek (1998), On the L2-discrepancy for anchored boxes, §2.
        Owen (2003), Variance with alternative scramblings of digital nets.
    """
    levels = (sample_size - 1).bit_length()  # K
    if dimensions > SobolEngine.MAXDIM or levels > _GIVEN:
        raise NotApplicable(f"no Sobol points of {dimensions} dimensions and N = {sample_size} are known")
    given = _directions(dimensions).to(device)[:, :levels]  # [D, K]
    places = torch.arange(_GIVEN - 1, _GIVEN - 1 - levels, -1, device=device)
    masks = -(given >> places[:, None, None] & 1)  # [K, D, K]: all ones where a digit is one
    double = torch.empty(0, dtype=torch.float64, device=device)

    def random(*shape: int) -> Tensor:
        return noise.uniform((1, *shape), double)[0].mul_(1 << _BITS).long()  # 52 random bits each

    lower = random(*batch, dimensions, levels)  # [..., D, K], the columns of L
    scrambled = torch.zeros_like(lower)  # [..., D, K], L times each direction
    for j in range(levels):
        top = 1 << (_BITS - 1 - j)
        column = (lower[..., j] & (top - 1)) | top  # [..., D]
        # Direction k has k + 1 digits: those before j have none at this place.
        scrambled[..., j:] ^= column[..., None] & masks[j, :, j:]
    points = lower.new_empty(sample_size, *batch, dimensions)  # [N, ..., D]
    points[0] = random(*batch, dimensions)
    # Point n is the shift plus the directions of n's binary digits.
    for k in range(levels):
        start = 1 << k
        count = min(start, sample_size - start)
        torch.bitwise_xor(points[:count], scrambled[..., k], out=points[start : start + count])
    return points.double().add_(0.5).mul_(2.0**-_BITS)


@functools.cache
def _directions(dimensions: int) -> Tensor:
    """The direction numbers, `[D, 30]` in int64; the first digit is the highest bit."""
    state: Tensor = SobolEngine(dimensions).sobolstate  # type: ignore[no-untyped-call]
    return state
