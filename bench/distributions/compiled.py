"""The normal log density and its slopes in one pass over memory each, compiled for the processor."""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_HALF_LOG_TWO_PI = 0.5 * math.log(2 * math.pi)
# Sums may be taken in any order, which lets the compiler use vector instructions; what is
# not finite stays so.
_ORDER_FREE = {"contract", "reassoc", "nsz"}
# So many terms are summed in the type of the samples before they are added up in float64.
_TERMS = 1024
# Of so many distributions the sums stay in the nearest cache.
_WIDTH = 4096


@numba.njit(fastmath=_ORDER_FREE, cache=True)
def log_density(x: Array, loc: Array, scale: Array, across: bool, answer: Array) -> None:
    r"""log p(x; μ, σ) = −z²/2 − log σ − (log 2π)/2, z = (x − μ)/σ.

    Args:
        x: N samples of each of M distributions, `[N, M]` if across, else `[M, N]`.
        loc: μ, `[M]`, or `[1]` if all are the same.
        scale: σ, likewise.
        across: whether the distributions lie closer in memory to one another than the samples.
        answer: where to write, in the shape of x.
    """
    one, half = x.dtype.type(1), x.dtype.type(0.5)
    shared = len(loc) == 1
    if shared or not across:
        for i in range(len(x)):
            row, out, m = x[i], answer[i], 0 if shared else i
            mean, factor = loc[m], one / scale[m]
            constant = x.dtype.type(math.log(scale[m]) + _HALF_LOG_TWO_PI)
            for j in range(len(row)):
                z = (row[j] - mean) * factor
                out[j] = -half * z * z - constant
        return
    inverse, normalizer = one / scale, np.empty_like(scale)
    for m in range(len(scale)):
        normalizer[m] = math.log(scale[m]) + _HALF_LOG_TWO_PI
    for n in range(len(x)):
        row, out = x[n], answer[n]
        for m in range(len(row)):
            z = (row[m] - loc[m]) * inverse[m]
            out[m] = -half * z * z - normalizer[m]


@numba.njit(fastmath=_ORDER_FREE, cache=True)
def slopes(
    weights: Array, x: Array, loc: Array, scale: Array, across: bool, of_scale: bool, answer: Array
) -> None:
    r"""The weighted sum of ∂ log p/∂μ = z/σ, or of ∂ log p/∂σ = (z² − 1)/σ, over the samples.

    Args:
        weights: in the shape of x.
        x: samples, as of `log_density`.
        loc: μ.
        scale: σ.
        across: how x lies in memory.
        of_scale: which of the two.
        answer: where to write, `[M]`.
    """
    one = x.dtype.type(1)
    shared = len(loc) == 1
    mean, factor = loc[0], one / scale[0]
    if not across:
        for m in range(len(x)):
            if not shared:
                mean, factor = loc[m], one / scale[m]
            row, w, sum_of_row = x[m], weights[m], 0.0
            for start in range(0, len(row), _TERMS):
                s = slice(start, min(start + _TERMS, len(row)))
                sum_of_row += _slope_of_row(w[s], row[s], mean, factor, of_scale)
            answer[m] = sum_of_row * factor
        return
    zero = x.dtype.type(0)
    N, M = x.shape
    part = np.empty(min(_WIDTH, M), x.dtype)
    inverse = one / scale
    for low in range(0, M, _WIDTH):
        high = min(low + _WIDTH, M)
        total = np.zeros(high - low)
        for start in range(0, N, _TERMS):
            part[:] = zero
            for n in range(start, min(start + _TERMS, N)):
                row, w = x[n, low:high], weights[n, low:high]
                for m in range(high - low):
                    at, slope = (mean, factor) if shared else (loc[low + m], inverse[low + m])
                    z = (row[m] - at) * slope
                    part[m] += w[m] * (z * z - one if of_scale else z)
            for m in range(high - low):
                total[m] += part[m]
        for m in range(high - low):
            answer[low + m] = total[m] * (factor if shared else inverse[low + m])


@numba.njit(fastmath=_ORDER_FREE, cache=True)
def _slope_of_row(w: Array, x: Array, mean: Any, factor: Any, of_scale: bool) -> Any:
    """A part of one sum; a choice within the loop would keep the compiler from vector instructions."""
    part, one = x.dtype.type(0), x.dtype.type(1)
    if of_scale:
        for n in range(x.size):
            z = (x[n] - mean) * factor
            part += w[n] * (z * z - one)
    else:
        for n in range(x.size):
            part += w[n] * ((x[n] - mean) * factor)
    return part
