"""The sums over estimates in one pass over memory, compiled for the processor."""

from __future__ import annotations

from typing import Any

import numba
from numpy.typing import NDArray

Array = NDArray[Any]

# Sums may be taken in any order, which lets the compiler use vector instructions; what is
# not finite stays so.
_ORDER_FREE = {"contract", "reassoc", "nsz"}
# Coordinates that are worked on at a time: all sums over them stay in the nearest cache.
_WIDTH = 1024
# Of fewer coordinates than this it takes longer to cut the stretches than to work on them.
_FEW = 64


@numba.njit(fastmath=_ORDER_FREE, cache=True)
def add(
    x: Array,
    c: Array,
    w: Array,
    edges: Array,
    first: int,
    size: int,
    totals: Array,
    powers: Array,
    rows: Array,
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
        first: the number of estimates that were added before.
        size: replicates in a batch; what is beyond the last batch belongs to none.
        totals: the sum of d = x − c over each batch, and over those in none, `[batches + 1, P]`.
        powers: the sums of d², d³ and d⁴, `[3, P]`.
        rows: where to write |d|², d·c and d·w of each estimate over each segment, behind those that
            were added before, `[4, R, S]` in float64.
    """
    k, last = len(x), len(totals) - 1
    for i in range(len(edges) - 1):
        if edges[i + 1] - edges[i] < _FEW:
            _add_few(x, c, w, edges[i], edges[i + 1], first, size, totals, powers, rows, i)
            continue
        rows[:3, first : first + k, i] = 0
        for start in range(edges[i], edges[i + 1], _WIDTH):
            s = slice(start, min(start + _WIDTH, edges[i + 1]))
            second, third, fourth = powers[0, s], powers[1, s], powers[2, s]
            r = 0
            while r < k:
                batch = min((first + r) // size, last)
                if r + 3 < k and min((first + r + 3) // size, last) == batch:
                    x0, x1, x2, x3 = x[r, s], x[r + 1, s], x[r + 2, s], x[r + 3, s]
                    found = _add_four(x0, x1, x2, x3, c[s], w[s], totals[batch, s], second, third, fourth)
                    for q in range(4):
                        for m in range(3):
                            rows[m, first + r + q, i] += found[q][m]
                    r += 4
                else:
                    _add_powers(x[r, s], c[s], totals[batch, s], second, third, fourth)
                    square, along_center, along_offset = _products(x[r, s], c[s], w[s])
                    rows[0, first + r, i] += square
                    rows[1, first + r, i] += along_center
                    rows[2, first + r, i] += along_offset
                    r += 1


@numba.njit(cache=True)
def scalars(rows: Array, constants: Array) -> None:
    """Turn the sums that `add` formed into the scalars of every replicate over each segment, in place.

    Args:
        rows: |d|², d·c, d·(t − c) and anything, which become |d|², |d − (t − c)|², (c + d)·t and
            |c + d|², `[4, R, S]`.
        constants: |c|², |t − c|² and c·t, `[3, S]`.
    """
    _, R, S = rows.shape
    for r in range(R):
        for i in range(S):
            square, along_center, along_offset = rows[0, r, i], rows[1, r, i], rows[2, r, i]
            rows[1, r, i] = square - 2 * along_offset + constants[1, i]
            rows[2, r, i] = along_offset + along_center + constants[2, i]
            rows[3, r, i] = square + 2 * along_center + constants[0, i]


@numba.njit(fastmath=_ORDER_FREE, cache=True)
def _add_few(
    x: Array,
    c: Array,
    w: Array,
    start: int,
    stop: int,
    first: int,
    size: int,
    totals: Array,
    powers: Array,
    rows: Array,
    i: int,
) -> None:
    last = len(totals) - 1
    for j in range(start, stop):
        center, offset = c[j], w[j]
        second = third = fourth = c.dtype.type(0)
        r = 0
        while r < len(x):
            batch = min((first + r) // size, last)
            end = len(x) if batch == last else min(len(x), (batch + 1) * size - first)
            total = c.dtype.type(0)
            for k in range(r, end):
                d = x[k, j] - center
                square = d * d
                total += d
                second += square
                third += d * square
                fourth += square * square
                if j == start:
                    rows[0, first + k, i] = square
                    rows[1, first + k, i] = d * center
                    rows[2, first + k, i] = d * offset
                else:
                    rows[0, first + k, i] += square
                    rows[1, first + k, i] += d * center
                    rows[2, first + k, i] += d * offset
            totals[batch, j] += total
            r = end
        powers[0, j] += second
        powers[1, j] += third
        powers[2, j] += fourth


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
