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


@numba.njit(fastmath=_ORDER_FREE, cache=True)
def log_density(x: Array, loc: Array, scale: Array, answer: Array) -> None:
    r"""log p(x; μ, σ) = −z²/2 − log σ − (log 2π)/2, z = (x − μ)/σ.

    Args:
        x: samples, `[N, M]`.
        loc: μ, `[M]`.
        scale: σ, `[M]`.
        answer: where to write, `[N, M]`.
    """
    one, half = x.dtype.type(1), x.dtype.type(0.5)
    inverse, normalizer = np.empty_like(scale), np.empty_like(scale)
    for m in range(len(loc)):
        inverse[m] = one / scale[m]
        normalizer[m] = math.log(scale[m]) + _HALF_LOG_TWO_PI
    if _along_samples(x):
        for m in range(len(loc)):
            mean, factor, constant = loc[m], inverse[m], normalizer[m]
            for n in range(len(x)):
                z = (x[n, m] - mean) * factor
                answer[n, m] = -half * z * z - constant
    else:
        for n in range(len(x)):
            for m in range(len(loc)):
                z = (x[n, m] - loc[m]) * inverse[m]
                answer[n, m] = -half * z * z - normalizer[m]


@numba.njit(fastmath=_ORDER_FREE, cache=True)
def slopes(weights: Array, x: Array, loc: Array, scale: Array, of_scale: bool, answer: Array) -> None:
    r"""The weighted sum of ∂ log p/∂μ = z/σ, or of ∂ log p/∂σ = (z² − 1)/σ, over the samples.

    Args:
        weights: `[N, M]`.
        x: samples, `[N, M]`.
        loc: μ, `[M]`.
        scale: σ, `[M]`.
        of_scale: which of the two.
        answer: where to write, `[M]`.
    """
    N, M = x.shape
    zero, one = x.dtype.type(0), x.dtype.type(1)
    inverse = one / scale
    total = np.zeros(M)
    if _along_samples(x):
        for m in range(M):
            mean, factor = loc[m], inverse[m]
            for start in range(0, N, _TERMS):
                part = zero
                for n in range(start, min(start + _TERMS, N)):
                    z = (x[n, m] - mean) * factor
                    part += weights[n, m] * (z * z - one if of_scale else z)
                total[m] += part
    else:
        for n in range(N):
            for m in range(M):
                z = (x[n, m] - loc[m]) * inverse[m]
                total[m] += weights[n, m] * (z * z - one if of_scale else z)
    for m in range(M):
        answer[m] = total[m] * inverse[m]


@numba.njit(cache=True)
def _along_samples(x: Array) -> bool:
    """Whether samples lie closer to one another in memory than locations."""
    return x.strides[0] < x.strides[1]
