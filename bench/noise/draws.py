"""Draws of some consecutive replicates from a stream, whichever way they are computed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bench.noise import tensors
from bench.noise.philox import EXPONENTIAL, NORMAL, UNIFORM

try:
    from bench.noise import kernels
except ImportError:  # an interpreter that numba does not know yet: the same numbers, slower
    kernels = None  # type: ignore[assignment]


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
        calls: how many draws there were.
    """

    key: tuple[int, int]
    first: int
    rows: int
    calls: int = 0

    def normal(self, shape: Sequence[int], dtype: torch.dtype, device: torch.device) -> Tensor:
        """Standard normal numbers; those of float32 are within ±6.7."""
        return self._drawn(NORMAL, shape, dtype, device)

    def uniform(self, shape: Sequence[int], dtype: torch.dtype, device: torch.device) -> Tensor:
        """Numbers in the open interval (0, 1), of 23 or 52 bits."""
        return self._drawn(UNIFORM, shape, dtype, device)

    def exponential(self, shape: Sequence[int], dtype: torch.dtype, device: torch.device) -> Tensor:
        """Positive numbers with mean 1."""
        return self._drawn(EXPONENTIAL, shape, dtype, device)

    def gumbel(self, shape: Sequence[int], dtype: torch.dtype, device: torch.device) -> Tensor:
        """Standard Gumbel numbers, −log of exponential ones."""
        return self.exponential(shape, dtype, device).log_().neg_()

    def logistic(self, shape: Sequence[int], dtype: torch.dtype, device: torch.device) -> Tensor:
        """Standard logistic numbers, log u − log(1 − u)."""
        return torch.logit(self.uniform(shape, dtype, device))

    def coin(self, probs: Tensor, shape: Sequence[int]) -> Tensor:
        """Ones with the given probabilities, broadcast to the shape, and zeros."""
        return (self.uniform(shape, probs.dtype, probs.device) < probs).to(probs.dtype)

    def _drawn(self, kind: int, shape: Sequence[int], dtype: torch.dtype, device: torch.device) -> Tensor:
        N, M, *rest = shape
        S, left = divmod(M, self.rows)
        if left:
            raise ValueError(f"noise of {M} rows was asked for, wanted a multiple of {self.rows}")
        call, self.calls = self.calls, self.calls + 1
        count = N * S * math.prod(rest)
        if kernels is None or dtype != torch.float32 or device.type != "cpu":
            made = tensors.numbers(kind, self.key, call, self.first, self.rows, count, dtype, device)
        elif (
            S == 1 and count == N <= self.rows
        ):  # the longer axis is the inner one: vector instructions want it
            columns = np.empty((count, self.rows), np.float32)
            kernels.fill_columns(columns, kind, *self.key, call, self.first)
            return torch.from_numpy(columns).view(N, M, *rest)
        else:
            numbers = np.empty((self.rows, count), np.float32)
            kernels.fill_rows(numbers, kind, *self.key, call, self.first)
            made = torch.from_numpy(numbers)
        return made.view(self.rows, N, S, *rest).movedim(0, 2).reshape(N, M, *rest)
