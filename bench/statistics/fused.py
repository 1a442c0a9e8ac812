"""The sums over estimates in one pass over memory, compiled for the processor."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

# Sums may be taken in any order, which lets the compiler use vector instructions; what is
# not finite stays so.
_ORDER_FREE = {"contract", "reassoc", "nsz"}
# Coordinates that are worked on at a time, and estimates: all sums over them stay in the nearest cache.
_WIDTH, _HEIGHT = 1024, 1024
# Of fewer coordinates than this it takes longer to cut the stretches than to work on them.
_FEW = 64


@numba.njit(fastmath=_ORDER_FREE, cache=True)
def add(
    x: Array,
    c: Array,
    w: Array,
    edges: Array,
    constants: Array,
    first: int,
    size: int,
    totals: Array,
    powers: Array,
    squares: Array,
    errors: Array,
    products: Array,
    norms: Array,
) -> None:
    """Add what some estimates give to the sums.

    Done with tensor operations, each of these sums is a pass of its own: a dozen, at three
    times the time of this one, and half that of the gradients of a large network. Four rows
    at a time, since the sums over them are then read and written once for all four.

    Args:
        x: estimates, `[k, P]`.
        c: the center, `[P]`; sums are formed in its type.
        w: the truth less the center, `[P]`.
        edges: where segments of coordinates begin and the last one ends, `[S + 1]`.
        constants: |c|², |w|² and c·(c + w) over each segment, `[3, S]`.
        first: the number of estimates that were added before.
        size: replicates in a batch; what is beyond the last batch belongs to none.
        totals: the sum of d = x − c over each batch, and over those in none, `[batches + 1, P]`.
        powers: the sums of d², d³ and d⁴, `[3, P]`.
        squares: where to write |d|² of each estimate over each segment, behind those that were added
            before, `[R, S]` in float64; like the other three without gaps.
        errors: where to write |d − w|².
        products: where to write x·(c + w).
        norms: where to write |x|².
    """
    k, last, S = len(x), len(totals) - 1, len(edges) - 1
    # As much to the compiler: with a single segment they lie beside one another.
    flat = squares.reshape(-1), errors.reshape(-1), products.reshape(-1), norms.reshape(-1)
    sums = np.empty((3, min(k, _HEIGHT)))
    r = 0
    while r < k:
        batch = min((first + r) // size, last)
        end = k if batch == last else min(k, (batch + 1) * size - first)
        end = min(end, r + _HEIGHT)
        for i in range(S):
            start, stop = edges[i], edges[i + 1]
            sums[:] = 0
            if stop - start < _FEW:
                _add_few(x[r:end], c, w, start, stop, totals[batch], powers, sums)
            else:
                _add_many(x[r:end], c, w, start, stop, totals[batch], powers, sums)
            s, of = slice(first + r, first + end), constants[:, i]
            if S == 1:
                _write(sums, of, flat[0][s], flat[1][s], flat[2][s], flat[3][s])
            else:
                _write(sums, of, squares[s, i], errors[s, i], products[s, i], norms[s, i])
        r = end


@numba.njit(cache=True)
def _write(found: Array, constants: Array, s0: Array, s1: Array, s2: Array, s3: Array) -> None:
    of_center, of_offset, of_product = constants
    n = s0.size  # slices of a row are contiguous, those of all rows are not: what is not is no vector code
    square, along_center, along_offset = found[0, :n], found[1, :n], found[2, :n]
    for r in range(n):
        s0[r] = square[r]
        s1[r] = square[r] - 2 * along_offset[r] + of_offset
        s2[r] = along_offset[r] + along_center[r] + of_product
        s3[r] = square[r] + 2 * along_center[r] + of_center


@numba.njit(fastmath=_ORDER_FREE, cache=True)
def _add_few(
    x: Array,
    c: Array,
    w: Array,
    start: int,
    stop: int,
    total: Array,
    powers: Array,
    found: Array,
) -> None:
    n = len(x)
    squares, along_center, along_offset = found[0, :n], found[1, :n], found[2, :n]
    column = np.empty(n, c.dtype)
    for j in range(start, stop):
        center, offset = c[j], w[j]
        for r in range(column.size):
            column[r] = x[r, j] - center
        first = second = third = fourth = c.dtype.type(0)
        for r in range(column.size):
            d = column[r]
            square = d * d
            first += d
            second += square
            third += d * square
            fourth += square * square
            squares[r] += square
            along_center[r] += d * center
            along_offset[r] += d * offset
        total[j] += first
        powers[0, j] += second
        powers[1, j] += third
        powers[2, j] += fourth


@numba.njit(fastmath=_ORDER_FREE, cache=True)
def _add_many(
    x: Array,
    c: Array,
    w: Array,
    start: int,
    stop: int,
    total: Array,
    powers: Array,
    found: Array,
) -> None:
    for low in range(start, stop, _WIDTH):
        s = slice(low, min(low + _WIDTH, stop))
        second, third, fourth = powers[0, s], powers[1, s], powers[2, s]
        fours = len(x) // 4 * 4
        for r in range(0, fours, 4):
            x0, x1, x2, x3 = x[r, s], x[r + 1, s], x[r + 2, s], x[r + 3, s]
            sums = _add_four(x0, x1, x2, x3, c[s], w[s], total[s], second, third, fourth)
            for q in range(4):
                for m in range(3):
                    found[m, r + q] += sums[q][m]
        for r in range(fours, len(x)):
            _add_powers(x[r, s], c[s], total[s], second, third, fourth)
            square, along_center, along_offset = _products(x[r, s], c[s], w[s])
            found[0, r] += square
            found[1, r] += along_center
            found[2, r] += along_offset


@numba.njit(fastmath=_ORDER_FREE, cache=True)
def _add_four(
    x0: Array,
    x1: Array,
    x2: Array,
    x3: Array,
    c: Array,
    w: Array,
    total: Array,
    second: Array,
    third: Array,
    fourth: Array,
) -> Any:
    """The sums of powers of four rows, and the products of each."""
    zero = c.dtype.type(0)
    s0 = s1 = s2 = s3 = a0 = a1 = a2 = a3 = o0 = o1 = o2 = o3 = zero
    for j in range(c.size):
        center, offset = c[j], w[j]
        d0, d1, d2, d3 = x0[j] - center, x1[j] - center, x2[j] - center, x3[j] - center
        q0, q1, q2, q3 = d0 * d0, d1 * d1, d2 * d2, d3 * d3
        total[j] += (d0 + d1) + (d2 + d3)
        second[j] += (q0 + q1) + (q2 + q3)
        third[j] += (d0 * q0 + d1 * q1) + (d2 * q2 + d3 * q3)
        fourth[j] += (q0 * q0 + q1 * q1) + (q2 * q2 + q3 * q3)
        s0, s1, s2, s3 = s0 + q0, s1 + q1, s2 + q2, s3 + q3
        a0, a1, a2, a3 = a0 + d0 * center, a1 + d1 * center, a2 + d2 * center, a3 + d3 * center
        o0, o1, o2, o3 = o0 + d0 * offset, o1 + d1 * offset, o2 + d2 * offset, o3 + d3 * offset
    return (s0, a0, o0), (s1, a1, o1), (s2, a2, o2), (s3, a3, o3)


@numba.njit(fastmath=_ORDER_FREE, cache=True)
def _add_powers(x: Array, c: Array, total: Array, second: Array, third: Array, fourth: Array) -> None:
    for j in range(x.size):
        d = x[j] - c[j]
        square = d * d
        total[j] += d
        second[j] += square
        third[j] += d * square
        fourth[j] += square * square


@numba.njit(fastmath=_ORDER_FREE, cache=True)
def _products(x: Array, c: Array, w: Array) -> tuple[Any, Any, Any]:
    square = along_center = along_offset = c.dtype.type(0)
    for j in range(x.size):
        d = x[j] - c[j]
        square += d * d
        along_center += d * c[j]
        along_offset += d * w[j]
    return square, along_center, along_offset
