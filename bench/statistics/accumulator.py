"""Sums over the deviations of estimates from a center, taken as the estimates come."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.statistics.moments import Center


class Accumulator:
    """All that is summed over estimates: with d their deviations from the center c, and t the truth.

    Attributes:
        center: c.
        segments: stretches of coordinates that together are all of them, in order.
        size: replicates in a batch.
        replicates: R, that were added.
        totals: the sums of d over each batch, and in the last row over those in none, `[K + 1, P]`.
        powers: the sums over the replicates of d², d³ and d⁴, `[3, P]`.
        constants: over each segment |c|², |t − c|² and c·t, `[3, segments]` in float64; NaN without t.
    """

    def __init__(
        self,
        center: Center,
        truth: Tensor | None,
        segments: Sequence[slice],
        replicates: int,
        batches: int,
        size: int,
    ) -> None:
        """Room for the sums over so many replicates, of which the first K · size make K batches.

        The type of the center is that in which the sums are formed.
        """
        c = center.value
        self.center, self.segments, self.size, self.replicates = center, segments, size, 0
        self.totals = c.new_zeros((batches + 1, len(c)))
        self.powers = c.new_zeros((3, len(c)))
        self._rows = c.new_zeros((replicates, 3, len(segments)), dtype=torch.float64)
        self._offset = torch.zeros_like(c) if truth is None else (truth - c).to(c.dtype)  # [P]
        self._edges = torch.tensor([0, *(s.stop for s in segments)])
        self.constants = torch.stack(
            [_constants(c[s].double(), None if truth is None else truth[s]) for s in segments], 1
        )

    @property
    def rows(self) -> Tensor:
        """|d|², d·c and d·(t − c) of each replicate over each segment, `[R, 3, segments]` in float64."""
        return self._rows[: self.replicates]

    @property
    def room(self) -> tuple[int, int]:
        """For how many replicates and batches."""
        return len(self._rows), len(self.totals) - 1

    def clear(self) -> None:
        """Begin anew, with the same center."""
        for sums in (self.totals, self.powers, self._rows):
            sums.zero_()
        self.replicates = 0

    def add(self, estimates: Tensor) -> None:
        """Take in some estimates, `[k, P]`."""
        batch = torch.from_numpy(self._batch_of(len(estimates))).to(estimates.device)  # [k]
        rows = self._rows[self.replicates : self.replicates + len(estimates)]
        self.replicates += len(estimates)
        (self._add_at_once if estimates.device.type == "cpu" else self._add_by_tensors)(
            estimates, batch, rows
        )

    def _batch_of(self, count: int) -> NDArray[np.int64]:
        """To which batch each of the next estimates belongs, `[k]`."""
        K = len(self.totals) - 1
        edges = np.append(np.arange(K + 1) * self.size, np.iinfo(np.int64).max)  # the last has the rest
        each = np.diff(edges.clip(self.replicates, self.replicates + count))  # [K + 1]
        return np.repeat(np.arange(K + 1), each)

    def _add_at_once(self, estimates: Tensor, batch: Tensor, rows: Tensor) -> None:
        from bench.statistics import fused  # late: numba takes a second that a plan need not wait

        c, w = self.center.value, self._offset
        tensors = estimates.contiguous(), c, w, self._edges, batch, self.totals, self.powers, rows
        fused.add(*(tensor.numpy() for tensor in tensors))

    def _add_by_tensors(self, estimates: Tensor, batch: Tensor, rows: Tensor) -> None:
        c, w = self.center.value, self._offset
        d = estimates - c  # [k, P]
        square = d * d
        self.totals.index_add_(0, batch, d)
        self.powers += torch.stack([square.sum(0), (d * square).sum(0), (square * square).sum(0)])
        for i, s in enumerate(self.segments):
            rows[:, :, i] = torch.stack([square[:, s].sum(1), d[:, s] @ c[s], d[:, s] @ w[s]], 1)


def _constants(c: Tensor, t: Tensor | None) -> Tensor:
    if t is None:
        return torch.stack([c @ c, *c.new_full((2,), torch.nan)])
    return torch.stack([c @ c, (t - c).square().sum(), c @ t])
