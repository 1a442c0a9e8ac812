"""Noise by counter, compiled for the processor: words first, then numbers of them, a tile at a time."""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from bench.noise.philox import MULTIPLIERS, NORMAL, ROUNDS, UNIFORM, UNIT, WEYL, WORD

Array = NDArray[Any]

_TILE = 512  # counters whose words stay in the nearest cache
_FAST = {"contract", "nsz"}
_M0, _M1 = np.uint64(MULTIPLIERS[0]), np.uint64(MULTIPLIERS[1])
_W0, _W1 = np.uint64(WEYL[0]), np.uint64(WEYL[1])
_WORD, _HALF = np.uint64(WORD), np.uint64(32)
u32, u64, i32, f32 = np.uint32, np.uint64, np.int32, np.float32


@numba.njit(inline="always")
def _philox(c0: Any, c1: Any, c2: Any, c3: Any, k0: Any, k1: Any) -> Any:
    for _ in range(ROUNDS):
        # Cleared where they are multiplied, which is free, and nowhere else.
        p0, p1 = _M0 * (c0 & _WORD), _M1 * (c2 & _WORD)
        c0, c1, c2, c3 = (p1 >> _HALF) ^ c1 ^ k0, p1, (p0 >> _HALF) ^ c3 ^ k1, p0
        k0, k1 = k0 + _W0, k1 + _W1
    return u32(c0), u32(c1), u32(c2), u32(c3)


@numba.njit(cache=True)
def _words_of_one(tile: Array, start: int, count: int, call: int, replicate: int, k0: Any, k1: Any) -> None:
    """The words of consecutive counters of one replicate."""
    low, high = u64(replicate) & _WORD, u64(replicate) >> _HALF
    w0, w1, w2, w3 = tile[0], tile[1], tile[2], tile[3]
    for i in range(count):
        w0[i], w1[i], w2[i], w3[i] = _philox(u64(start + i), u64(call), low, high, k0, k1)


@numba.njit(cache=True)
def _words_of_many(tile: Array, start: int, count: int, call: int, index: int, k0: Any, k1: Any) -> None:
    """The words of one counter of consecutive replicates."""
    w0, w1, w2, w3 = tile[0], tile[1], tile[2], tile[3]
    for i in range(count):
        replicate = u64(start + i)
        w0[i], w1[i], w2[i], w3[i] = _philox(
            u64(index), u64(call), replicate & _WORD, replicate >> _HALF, k0, k1
        )


@numba.njit(inline="always")
def _log(u: Any) -> Any:
    """The logarithm of a float32 in (0, 1]: a polynomial is vector code, a call of the library is not.

    Moshier (1989), Methods and programs for mathematical functions: the coefficients of `logf`.
    """
    bits = f32(u).view(i32)
    e = i32(i32(bits - i32(0x3F2AAAAB)) >> i32(23))
    m = i32(bits - i32(e << i32(23))).view(f32) - f32(1)  # in [−⅓, ⅓)
    z = m * m
    # By Estrin's scheme: products that do not wait for one another.
    low = f32(3.3333331174e-1) - f32(2.4999993993e-1) * m
    low = low + z * (f32(2.0000714765e-1) - f32(1.6668057665e-1) * m)
    high = f32(1.4249322787e-1) - f32(1.2420140846e-1) * m
    high = high + z * (f32(1.1676998740e-1) - f32(1.1514610310e-1) * m)
    y = low + z * z * (high + z * z * f32(7.0376836292e-2))
    return f32(e) * f32(0.69314718056) + (m + z * (m * y - f32(0.5)))


@numba.njit(inline="always")
def _unit(word: Any) -> Any:
    """A word as a number in (0, 1], with all its bits where they count: near zero."""
    return f32(i32(word >> u32(1))) * f32(2.0**-31) + f32(2.0**-33)


@numba.njit(fastmath=_FAST, cache=True)
def _normals(a: Array, b: Array, x: Array, y: Array, loc: Any, scale: Any) -> None:
    """Two normal numbers of two words: Box & Muller (1958), with the angle in eighths of a turn."""
    for i in range(x.size):
        r = math.sqrt(f32(-2) * _log(_unit(a[i])))
        angle = i32(b[i])
        quarter = i32(i32(angle + i32(0x20000000)) >> i32(30))
        t = f32(i32(angle - i32(quarter << i32(30)))) * f32(2 * math.pi * 2.0**-32)  # in [−π/4, π/4)
        z = t * t
        s = f32(-1.9515295891e-4)
        s = s * z + f32(8.3321608736e-3)
        s = s * z + f32(-1.6666654611e-1)
        s = s * z * t + t
        c = f32(2.443315711809948e-5)
        c = c * z + f32(-1.388731625493765e-3)
        c = c * z + f32(4.166664568298827e-2)
        c = c * z * z - f32(0.5) * z + f32(1)
        odd = i32(quarter & i32(1))
        sine, cosine = (c if odd else s), (s if odd else c)
        sine = -sine if i32(quarter & i32(2)) else sine
        cosine = -cosine if i32(i32(quarter + i32(1)) & i32(2)) else cosine
        x[i], y[i] = r * cosine * scale, r * sine * scale
    if loc != 0:
        # In a loop of its own, so that the product is rounded first, as by tensor operations.
        for i in range(x.size):
            x[i], y[i] = x[i] + loc, y[i] + loc


@numba.njit(fastmath=_FAST, cache=True)
def _uniforms(words: Array, x: Array) -> None:
    for i in range(x.size):
        x[i] = (f32(i32(words[i] >> u32(9))) + f32(0.5)) * f32(2.0**-23)


@numba.njit(fastmath=_FAST, cache=True)
def _units(words: Array, x: Array) -> None:
    for i in range(x.size):
        x[i] = _unit(words[i])


@numba.njit(fastmath=_FAST, cache=True)
def _exponentials(words: Array, x: Array) -> None:
    for i in range(x.size):
        x[i] = max(-_log(_unit(words[i])), f32(2.0**-25))


@numba.njit(cache=True)
def _numbers(
    kind: int, tile: Array, y0: Array, y1: Array, y2: Array, y3: Array, loc: Any, scale: Any
) -> None:
    count = y0.size  # slices of a row of the tile are contiguous, those of all rows are not
    w0, w1, w2, w3 = tile[0, :count], tile[1, :count], tile[2, :count], tile[3, :count]
    if kind == NORMAL:
        _normals(w0, w1, y0, y1, loc, scale)
        _normals(w2, w3, y2, y3, loc, scale)
    elif kind == UNIFORM:
        _uniforms(w0, y0)
        _uniforms(w1, y1)
        _uniforms(w2, y2)
        _uniforms(w3, y3)
    elif kind == UNIT:
        _units(w0, y0)
        _units(w1, y1)
        _units(w2, y2)
        _units(w3, y3)
    else:
        _exponentials(w0, y0)
        _exponentials(w1, y1)
        _exponentials(w2, y2)
        _exponentials(w3, y3)


@numba.njit(cache=True)
def fill_rows(
    out: Array, kind: int, k0: int, k1: int, call: int, first: int, loc: Array, scale: Array
) -> None:
    """Write the numbers of consecutive replicates, those of each beside one another.

    Args:
        out: float32, `[R, n]`.
        kind: `NORMAL`, `UNIFORM`, `UNIT` or `EXPONENTIAL`.
        k0: the first word of the key.
        k1: the second.
        call: which draw of the replicates it is.
        first: the first replicate.
        loc: what is added to normal numbers after they were multiplied: for each replicate, `[R]`, or `[1]`.
        scale: by what they are multiplied, likewise.
    """
    R, n = out.shape
    Q = (n + 3) // 4
    tile, spare = np.empty((4, _TILE), u32), np.empty((4, _TILE), f32)
    for r in range(R):
        row = out[r]
        mean, factor = (loc[0], scale[0]) if loc.size == 1 else (loc[r], scale[r])
        for start in range(0, Q, _TILE):
            count = min(_TILE, Q - start)
            _words_of_one(tile, start, count, call, first + r, u64(k0), u64(k1))
            last = 3 * Q + start
            if last + count <= n:
                parts = row[start : last + count]  # the four lanes lie Q apart in it
                y0, y1 = parts[:count], parts[Q : Q + count]
                y2, y3 = parts[2 * Q : 2 * Q + count], parts[3 * Q :]
                _numbers(kind, tile, y0, y1, y2, y3, mean, factor)
                continue
            y0, y1, y2, y3 = spare[0, :count], spare[1, :count], spare[2, :count], spare[3, :count]
            _numbers(kind, tile, y0, y1, y2, y3, mean, factor)
            for q in range(4):
                there = min(count, n - q * Q - start)
                if there > 0:
                    row[q * Q + start : q * Q + start + there] = spare[q, :there]


@numba.njit(cache=True)
def fill_columns(
    out: Array, kind: int, k0: int, k1: int, call: int, first: int, loc: Array, scale: Array
) -> None:
    """Write the same, the numbers of the replicates beside one another, `[n, R]`; loc and scale are `[1]`."""
    n, R = out.shape
    Q = (n + 3) // 4
    tile, spare = np.empty((4, _TILE), u32), np.empty((4, _TILE), f32)
    for index in range(Q):
        for start in range(0, R, _TILE):
            stop = min(start + _TILE, R)
            count = stop - start
            _words_of_many(tile, first + start, count, call, index, u64(k0), u64(k1))
            y0 = out[index, start:stop]
            y1 = out[Q + index, start:stop] if Q + index < n else spare[1, :count]
            y2 = out[2 * Q + index, start:stop] if 2 * Q + index < n else spare[2, :count]
            y3 = out[3 * Q + index, start:stop] if 3 * Q + index < n else spare[3, :count]
            _numbers(kind, tile, y0, y1, y2, y3, loc[0], scale[0])


@numba.njit(cache=True)
def fill_units(out: Array, k0: int, k1: int, call: int, first: int) -> None:
    """Write numbers in (0, 1) of 52 bits, two of each counter, of consecutive replicates; `[2, R, Q]`."""
    _, R, Q = out.shape
    tile = np.empty((4, _TILE), u32)
    for r in range(R):
        for start in range(0, Q, _TILE):
            count = min(_TILE, Q - start)
            _words_of_one(tile, start, count, call, first + r, u64(k0), u64(k1))
            for lane in range(2):
                high, low, row = tile[2 * lane], tile[2 * lane + 1], out[lane, r]
                for i in range(count):
                    bits = np.int64(high[i]) << np.int64(20) | np.int64(low[i] >> u32(12))
                    row[start + i] = (np.float64(bits) + 0.5) * 2.0**-52
