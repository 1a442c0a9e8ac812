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
    x: Array, c: Array, w: Array, edges: Array, batch: Array, totals: Array, powers: Array, rows: Array
) -> None:
    """Add what some estimates give to the sums.

    Done with tensor operations, each of these sums is a pass of its own: a dozen, at three
    times the time of this one, and half that of the gradients of a large network.

    Args:
        x: estimates, `[k, P]`.
        c: the center, `[P]`; sums are formed in its type.
        w: the truth less the center, `[P]`.
        edges: where segments of coordinates begin and the last one ends, `[S + 1]`.
        batch: to which batch each estimate belongs, `[k]`.
        totals: the sum of d = x − c over each batch, `[batches, P]`.
        powers: the sums of d², d³ and d⁴, `[3, P]`.
        rows: |d|², d·c and d·w of each estimate over each segment, `[k, 3, S]` in float64.
    """
    for i in range(len(edges) - 1):
        if edges[i + 1] - edges[i] < _FEW:
            _add_few(x, c, w, edges[i], edges[i + 1], batch, totals, powers, rows[:, :, i])
            continue
        for start in range(edges[i], edges[i + 1], _WIDTH):
            s = slice(start, min(start + _WIDTH, edges[i + 1]))
            for r in range(len(x)):
                _add_powers(x[r, s], c[s], totals[batch[r], s], powers[0, s], powers[1, s], powers[2, s])
                square, along_center, along_offset = _products(x[r, s], c[s], w[s])
                rows[r, 0, i] += square
                rows[r, 1, i] += along_center
                rows[r, 2, i] += along_offset


@numba.njit(cache=True)
def scalars(rows: Array, unbiased: float, constants: Array, answer: Array) -> None:
    """Return the scalars of every replicate over each segment, from the sums that `add` formed.

    Args:
        rows: |d|², d·c and d·(t − c), `[R, 3, S]`.
        unbiased: by what |d|² is multiplied.
        constants: |c|², |t − c|² and c·t, `[3, S]`.
        answer: where to write |d|² made unbiased, |d − (t − c)|², (c + d)·t and |c + d|², `[4, R, S]`.
    """
    for i in range(rows.shape[2]):
        of_center, of_offset, of_product = constants[0, i], constants[1, i], constants[2, i]
        for r in range(rows.shape[0]):
            square, along_center, along_offset = rows[r, 0, i], rows[r, 1, i], rows[r, 2, i]
            answer[0, r, i] = square * unbiased
            answer[1, r, i] = square - 2 * along_offset + of_offset
            answer[2, r, i] = along_offset + along_center + of_product
            answer[3, r, i] = square + 2 * along_center + of_center


@numba.njit(fastmath=_ORDER_FREE, cache=True)
def _add_few(
    x: Array,
    c: Array,
    w: Array,
    start: int,
    stop: int,
    batch: Array,
    totals: Array,
    powers: Array,
    rows: Array,
) -> None:
    for j in range(start, stop):
        center, offset = c[j], w[j]
        second = third = fourth = c.dtype.type(0)
        for r in range(len(x)):
            d = x[r, j] - center
            square = d * d
            totals[batch[r], j] += d
            second += square
            third += d * square
            fourth += square * square
            rows[r, 0] += square
            rows[r, 1] += d * center
            rows[r, 2] += d * offset
        powers[0, j] += second
        powers[1, j] += third
        powers[2, j] += fourth


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
