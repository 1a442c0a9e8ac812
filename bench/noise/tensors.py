"""Noise by counter by operations on tensors: on every device and in every precision."""

from __future__ import annotations

import math
from types import ModuleType

import numpy as np
import torch
from torch import Tensor

from bench.noise.philox import NORMAL, UNIFORM, UNIT, WORD, words


def numbers(
    kind: int,
    key: tuple[int, int],
    call: int,
    first: int,
    rows: int,
    count: int,
    dtype: torch.dtype,
    device: torch.device,
    kernels: ModuleType | None = None,
) -> Tensor:
    """Return `count` numbers of each of some consecutive replicates, `[R, n]`.

    Float32 takes a word for each number, float64 two. Number i is in lane ⌊i/Q⌋ of counter i mod Q, with Q
    the counters that a replicate needs.

    Args:
        kind: `NORMAL`, `UNIFORM`, `UNIT` or `EXPONENTIAL`.
        key: of the stream.
        call: which draw of the replicates it is.
        first: the first replicate.
        rows: R.
        count: n.
        dtype: float32 or float64.
        device: where.
        kernels: the compiled ones, which fill float64 on the CPU; None for operations on tensors alone.
    """
    lanes = 4 if dtype == torch.float32 else 2
    counters = -(-count // lanes)  # Q
    if kernels is not None and lanes == 2:
        units = np.empty((2, rows, counters))
        kernels.fill_units(units, *key, call, first)
        return torch.cat(_of_units(kind, *torch.from_numpy(units)), 1)[:, :count]
    index = torch.arange(counters, device=device)[None]  # [1, Q]
    replicate = torch.arange(first, first + rows, device=device)[:, None]  # [R, 1]
    one = torch.full_like(index, call)
    found = words((index, one, replicate & WORD, replicate >> 32), key)  # 4 of [R, Q]
    made = _of_words(kind, found) if lanes == 4 else _of_units(kind, *_pairs(found))
    return torch.cat(made, 1)[:, :count]


def _of_words(kind: int, found: tuple[Tensor, ...]) -> list[Tensor]:
    if kind == UNIFORM:
        return [((word >> 9) + 0.5).mul(2.0**-23).float() for word in found]
    units = [(word >> 1).float() * 2.0**-31 + 2.0**-33 for word in found]
    if kind == NORMAL:
        angles = [(word - ((word >> 31) << 32)).float() * (2 * math.pi * 2.0**-32) for word in found]
        return [*_box_muller(units[0], angles[1]), *_box_muller(units[2], angles[3])]
    if kind == UNIT:
        return units
    return [(-unit.log()).clamp(min=2.0**-25) for unit in units]


def _pairs(found: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
    """Two numbers in (0, 1) of four words, 52 bits each."""
    first, second = ((found[i] << 20) | (found[i + 1] >> 12) for i in (0, 2))
    return (first.double() + 0.5) * 2.0**-52, (second.double() + 0.5) * 2.0**-52


def _of_units(kind: int, first: Tensor, second: Tensor) -> list[Tensor]:
    if kind in (UNIFORM, UNIT):
        return [first, second]
    if kind == NORMAL:
        return list(_box_muller(first, (second - 0.5) * (2 * math.pi)))
    return [-first.log(), -second.log()]


def _box_muller(unit: Tensor, angle: Tensor) -> tuple[Tensor, Tensor]:
    radius = unit.log().mul(-2).sqrt()
    return radius * angle.cos(), radius * angle.sin()
