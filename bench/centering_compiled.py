"""The passes of `bench.centering`, compiled for the processor."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

# Sums may be taken in any order, which lets the compiler use vector instructions; what is
# not finite stays so.
_ORDER_FREE = {"contract", "reassoc", "nsz"}
# So many terms are summed in the type of x before they are added up in float64.
_TERMS = 1024
# Of so many columns the sums stay in the nearest cache.
_WIDTH = 2048


@numba.njit(fastmath=_ORDER_FREE, cache=True)
def along(x: Array, factor: float, answer: Array) -> None:
    """Each row of x, `[M, N]`, less its mean, times a factor."""
    by = x.dtype.type(factor)
    for m in range(len(x)):
        row, out, total = x[m], answer[m], 0.0
        for start in range(0, row.size, _TERMS):
            terms, part = row[start : start + _TERMS], x.dtype.type(0)
            for n in range(terms.size):
                part += terms[n]
            total += part
        mean = x.dtype.type(total / row.size)
        for n in range(row.size):
            out[n] = (row[n] - mean) * by


@numba.njit(fastmath=_ORDER_FREE, cache=True)
def across(x: Array, factor: float, answer: Array) -> None:
    """Each column of x, `[N, M]`, less its mean, times a factor."""
    N, M = x.shape
    by = x.dtype.type(factor)
    part = np.empty(min(_WIDTH, M), x.dtype)
    for low in range(0, M, _WIDTH):
        high = min(low + _WIDTH, M)
        columns, total, mean = part[: high - low], np.zeros(high - low), np.empty(high - low, x.dtype)
        for start in range(0, N, _TERMS):
            columns[:] = 0
            for n in range(start, min(start + _TERMS, N)):
                row = x[n, low:high]
                for m in range(row.size):
                    columns[m] += row[m]
            for m in range(columns.size):
                total[m] += columns[m]
        for m in range(mean.size):
            mean[m] = total[m] / N
        for n in range(N):
            row, out = x[n, low:high], answer[n, low:high]
            for m in range(row.size):
                out[m] = (row[m] - mean[m]) * by
