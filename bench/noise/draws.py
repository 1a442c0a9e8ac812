"""Draws of some consecutive replicates from a stream, whichever way they are computed."""

from __future__ import annotations

import functools
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import ModuleType

import numpy as np
import torch
from torch import Tensor

from bench.noise import tensors
from bench.noise.compiling import watch_compilation
from bench.noise.philox import EXPONENTIAL, NORMAL, UNIFORM, UNIT

# For no more numbers in float64 than this compiled code gains nothing, and for no more than that it is not
# loaded, as in the trial of a plan: that takes a second.
_FEW, _FEW_TO_LOAD_FOR = 64, 1 << 14


@dataclass
class Draws:
    """The noise of replicates `first` to `first + rows`; each call draws the next numbers of all of them.

    A replicate's numbers depend on the key, on the replicate, on which call it is and on how many numbers
    the call draws for each replicate; not on the other replicates. Shapes are `[N, M, ...]`, where M is R
    rows, or S times as many, the rows of one point after those of another.

    Attributes:
        key: two words of 32 bits that stand for the stream.
        first: the first replicate.
        rows: R.
        calls: how many draws there were of these replicates.
        drawn: what was drawn, of all replicates until now: the kind and the numbers of each call.
    """

    key: tuple[int, int]
    first: int = 0
    rows: int = 1
    calls: int = 0
    drawn: list[tuple[int, ...]] = field(default_factory=list)

    def begin(self, first: int, rows: int) -> None:
        """Draw for other replicates from now on, from their first numbers."""
        self.first, self.rows, self.calls = first, rows, 0

    def fits(self, shape: Sequence[int]) -> bool:
        """Whether noise of this shape can be told apart by replicates."""
        return len(shape) > 1 and shape[1] % self.rows == 0

    def normal(self, shape: Sequence[int], dtype: torch.dtype, device: torch.device) -> Tensor:
        """Standard normal numbers; those of float32 are within ±6.7."""
        return self._drawn(NORMAL, shape, dtype, device)

    def uniform(self, shape: Sequence[int], dtype: torch.dtype, device: torch.device) -> Tensor:
        """Numbers in the open interval (0, 1), of 23 or 52 bits."""
        return self._drawn(UNIFORM, shape, dtype, device)

    def unit(self, shape: Sequence[int], dtype: torch.dtype, device: torch.device) -> Tensor:
        """Uniform numbers in (0, 1] that keep their digits near zero, so that what is rare is rare enough."""
        return self._drawn(UNIT, shape, dtype, device)

    def exponential(self, shape: Sequence[int], dtype: torch.dtype, device: torch.device) -> Tensor:
        """Positive numbers with mean 1."""
        return self._drawn(EXPONENTIAL, shape, dtype, device)

    def _drawn(self, kind: int, shape: Sequence[int], dtype: torch.dtype, device: torch.device) -> Tensor:
        if dtype not in (torch.float32, torch.float64):
            return self._drawn(kind, shape, torch.float32, device).to(dtype)
        N, M, *rest = shape
        S, left = divmod(M, self.rows)
        if left:
            raise ValueError(f"noise of {M} rows was asked for, wanted a multiple of {self.rows}")
        call, self.calls = self.calls, self.calls + 1
        count = N * S * math.prod(rest)
        self.drawn.append((kind, N, S, *rest, dtype.itemsize))
        # In float64 both ways give the same numbers to the bit; in float32 to rounding.
        most = _FEW if "numba" in sys.modules else _FEW_TO_LOAD_FOR
        few = count * self.rows <= most and dtype == torch.float64 and call < _FEW
        kernels = None if few or device.type != "cpu" else compiled_kernels()
        if kernels is None or dtype != torch.float32:
            made = tensors.numbers(kind, self.key, call, self.first, self.rows, count, dtype, device, kernels)
        elif S == 1 and count == N <= self.rows:
            # The longer axis is the inner one: vector instructions want it.
            columns = np.empty((count, self.rows), np.float32)
            kernels.fill_columns(columns, kind, *self.key, call, self.first)
            return torch.from_numpy(columns).view(N, M, *rest)
        else:
            numbers = np.empty((self.rows, count), np.float32)
            kernels.fill_rows(numbers, kind, *self.key, call, self.first)
            made = torch.from_numpy(numbers)
        return made.view(self.rows, N, S, *rest).movedim(0, 2).reshape(N, M, *rest)


@functools.cache
def compiled_kernels() -> ModuleType | None:
    """The compiled part; None where numba does not know the interpreter: the same numbers, slower."""
    try:
        from bench.noise import kernels
    except ImportError:
        return None
    watch_compilation()
    return kernels
