"""Collection of the estimates of a block into a summary: kept, or summed up as they come."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from bench.engine.blocks import MANY, Block
from bench.statistics.accumulator import Accumulator
from bench.statistics.summary import Summary, is_regular, summarize, summary_of

MOST_REPLICATES = 2000
"""Replicates of a cell whose estimates are kept as they are: as many as a histogram needs."""


class BlockCollector:
    """Makes the summaries of the blocks of one cell, one block after the other.

    The estimates of a block are kept until it is summarized, unless there are so many coordinates
    that to write them to memory and read them again takes longer than to sum them.
    """

    def __init__(
        self,
        theta: Tensor,
        truth: Tensor | None,
        segments: Sequence[slice],
        center: Tensor,
        keep: Sequence[int] = (),
    ) -> None:
        """For estimates like theta, `[P]`; see `summarize` for the others.

        Args:
            theta: the parameters.
            truth: the gradient, or None.
            segments: stretches of coordinates that are summarized apart.
            center: of all deviations.
            keep: coordinates whose first estimates are kept as they are.
        """
        self._center = center
        self._keep = list(keep)
        self._first = torch.full((MOST_REPLICATES if keep else 0, len(self._keep)), torch.nan)
        self._truth, self._segments = truth, segments
        self._like = theta.new_empty((0, len(theta)))
        self._memory = self._like
        self._sums: Accumulator | None = None
        self._streams = False

    def begin(self, block: Block, keep: bool = False, room: Sequence[Tensor] | None = None) -> None:
        """A new block.

        Args:
            block: which.
            keep: whether its estimates are to be kept in any case.
            room: where the four scalars of its replicates may be written, `[rows, segments]` each, on the
                device of the estimates; None to take some.
        """
        self._block, self._scalars = block, room
        self._streams = self._like.shape[1] > MANY and not keep
        if self._streams:
            self._sums = self._cleared(block)
        else:
            self._estimates = self._room(block.rows)

    def add(self, rows: slice, estimates: Tensor) -> None:
        """The estimates of some rows of the block; in order."""
        if self._streams:
            assert self._sums is not None
            self._sums.add(estimates)
            self._take(self._block.start + rows.start, estimates)
        else:
            self._estimates[rows] = estimates

    @property
    def segments(self) -> int:
        """The number of stretches of coordinates that are summarized apart."""
        return len(self._segments)

    def end(self) -> Summary | None:
        """The summary of the block; None if its estimates must be kept to make one."""
        if self._streams:
            assert self._sums is not None
            return summary_of(self._sums) if is_regular(self._sums) else None
        self._take(self._block.start, self._estimates)
        return summarize(self._estimates, self._truth, self._segments, self._center, self._scalars)

    def _take(self, start: int, estimates: Tensor) -> None:
        """Keep some coordinates of estimates, of which the first is that of a replicate."""
        if start < len(self._first):
            some = estimates[: len(self._first) - start, self._keep].cpu()
            self._first[start : start + len(some)] = some

    def first(self, start: int, stop: int) -> Tensor:
        """The estimates that are kept as they are of replicates `start` to `stop`, in float32."""
        return self._first[start:stop].clone()

    def _cleared(self, block: Block) -> Accumulator:
        if self._sums is None or self._sums.room != block.rows:
            self._sums = Accumulator(self._center, self._truth, self._segments, block.rows, self._scalars)
        self._sums.clear(self._scalars)
        return self._sums

    def _room(self, rows: int) -> Tensor:
        if rows > len(self._memory):
            self._memory = self._taken(rows)
        return self._memory[:rows]

    def _taken(self, rows: int) -> Tensor:
        P = self._like.shape[1]
        if self._like.device.type != "cpu":
            return self._like.new_empty((rows, P))
        # NumPy asks the system for large pages, torch does not: a sixth of the time of a
        # block of many coordinates went to making small ones.
        return torch.from_numpy(np.empty((rows, P), dtype=self._like.numpy().dtype))
