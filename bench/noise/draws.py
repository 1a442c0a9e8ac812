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

    def shifted_normal(self, shape: Sequence[int], loc: Tensor, scale: Tensor) -> Tensor:
        """Normal numbers times `scale`, plus `loc`; each step is rounded."""
        plain = loc.device.type == "cpu" and loc.shape == scale.shape == shape[1:] == (self.rows,)
        single = plain and loc.dtype == scale.dtype == torch.float32
        if single and (kernels := compiled_kernels()) is not None:
            means, scales = as_arrays(loc, scale)
            if len(means) == 1 or shape[0] > self.rows:
                return self._filled(kernels, NORMAL, shape, means, scales)
        return self.normal(shape, loc.dtype, loc.device).mul_(scale).add_(loc)

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
        if shape[1] % self.rows:
            raise ValueError(f"noise of {shape[1]} rows was asked for, wanted a multiple of {self.rows}")
        count = math.prod(shape) // self.rows
        # In float64 both ways give the same numbers to the bit; in float32 to rounding.
        most = _FEW if "numba" in sys.modules else _FEW_TO_LOAD_FOR
        few = count * self.rows <= most and dtype == torch.float64 and self.calls < _FEW
        kernels = None if few or device.type != "cpu" else compiled_kernels()
        if kernels is not None and dtype == torch.float32:
            return self._filled(kernels, kind, shape, _ZERO, _ONE)
        call = self._next_call(kind, shape, dtype)
        made = tensors.numbers(kind, self.key, call, self.first, self.rows, count, dtype, device, kernels)
        return self._by_samples(made, shape)

    def _filled(
        self, kernels: ModuleType, kind: int, shape: Sequence[int], loc: np.ndarray, scale: np.ndarray
    ) -> Tensor:
        call = self._next_call(kind, shape, torch.float32)
        count = math.prod(shape) // self.rows
        there = kind, *self.key, call, self.first, loc, scale
        if count == shape[0] <= self.rows:
            # The longer axis is the inner one: vector instructions want it.
            columns = torch.empty((count, self.rows))
            kernels.fill_columns(columns.numpy(), *there)
            return columns.view(shape)
        made = torch.empty((self.rows, count))
        kernels.fill_rows(made.numpy(), *there)
        return made.T if count == shape[0] and len(shape) == 2 else self._by_samples(made, shape)

    def _next_call(self, kind: int, shape: Sequence[int], dtype: torch.dtype) -> int:
        N, M, *rest = shape
        self.drawn.append((kind, N, M // self.rows, *rest, dtype.itemsize))
        self.calls += 1
        return self.calls - 1

    def _by_samples(self, made: Tensor, shape: Sequence[int]) -> Tensor:
        """The numbers of each replicate, `[R, n]`, in a shape `[N, S·R, ...]`."""
        N, M, *rest = shape
        return made.view(self.rows, N, M // self.rows, *rest).movedim(0, 2).reshape(N, M, *rest)


_ZERO, _ONE = np.zeros(1, np.float32), np.ones(1, np.float32)


def as_arrays(loc: Tensor, scale: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Two tensors, `[M]` each, as arrays; `[1]` each if both repeat a single value in memory."""
    shared = loc.stride(0) == 0 and scale.stride(0) == 0
    first, second = (p.detach()[:1] if shared else p.detach() for p in (loc, scale))
    return np.ascontiguousarray(first.numpy()), np.ascontiguousarray(second.numpy())


@functools.cache
def compiled_kernels() -> ModuleType | None:
    """The compiled part; None where numba does not know the interpreter: the same numbers, slower."""
    try:
        from bench.noise import kernels
    except ImportError:
        return None
    watch_compilation()
    return kernels
