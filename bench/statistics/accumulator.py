"""Sums over the deviations of estimates from a center, taken as the estimates come."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from types import ModuleType

import torch
from torch import Tensor

# Batches in a block, and the fewest of many coordinates, so that their sums are no more than so many numbers.
# Tests of many coordinates lean on how few directions their noise has, which few batches hardly tell.
_BATCHES, _FEWEST, _NUMBERS = 32, 8, 1 << 25


class Accumulator:
    """All that is summed over estimates: with d their deviations from the center c, and t the truth.

    Attributes:
        center: c.
        segments: stretches of coordinates that together are all of them, in order.
        size: replicates in a batch, of which there are K.
        replicates: R, that were added.
        totals: the sums of d over each batch, and in the last row over those in none, `[K + 1, P]`.
        powers: the sums over the replicates of d², d³ and d⁴, `[3, P]`.
        constants: over each segment |c|², |t − c|² and c·t, `[3, segments]` in float64; NaN without t.
    """

    def __init__(
        self,
        center: Tensor,
        truth: Tensor | None,
        segments: Sequence[slice],
        replicates: int,
        room: Sequence[Tensor] | None = None,
    ) -> None:
        """For the sums over so many replicates, of which the first K · size make K batches.

        The type of the center is that in which the sums are formed. In `room`, if given, their
        four scalars are written, `[R, segments]` each.
        """
        c = center
        affordable = max(_FEWEST, min(_BATCHES, _NUMBERS // max(1, len(c))))
        batches = max(1, min(affordable, replicates))
        self.center, self.segments, self.replicates = center, segments, 0
        self.size = replicates // batches
        self.totals = c.new_zeros((batches + 1, len(c)))
        self.powers = c.new_zeros((3, len(c)))
        self._scalars = self._room(replicates) if room is None else room
        self._offset = torch.zeros_like(c) if truth is None else (truth - c).to(c.dtype)  # [P]
        self._edges = torch.tensor([0, *(s.stop for s in segments)])
        self.constants = torch.stack(
            [_constants(c[s].double(), None if truth is None else truth[s]) for s in segments], 1
        )

    @property
    def scalars(self) -> list[Tensor]:
        """|d|², |d − (t − c)|², (c + d)·t and |c + d|², in float64, `[R, segments]` each."""
        return [scalar[: self.replicates] for scalar in self._scalars]

    @property
    def room(self) -> int:
        """For how many replicates."""
        return len(self._scalars[0])

    def clear(self, room: Sequence[Tensor] | None = None) -> None:
        """Begin anew, with the same center; scalars that were handed out stay as they are."""
        for sums in (self.totals, self.powers):
            sums.zero_()
        self._scalars = self._room(self.room) if room is None else room
        self.replicates = 0

    def _room(self, replicates: int) -> Sequence[Tensor]:
        shape = replicates, len(self.segments)
        return [self.totals.new_empty(shape, dtype=torch.float64) for _ in range(4)]

    def add(self, estimates: Tensor) -> None:
        """Take in some estimates, `[k, P]`."""
        first, self.replicates = self.replicates, self.replicates + len(estimates)
        fused = compiled_sums() if estimates.device.type == "cpu" else None
        if estimates.dtype in (torch.float16, torch.bfloat16):
            estimates = estimates.float()
        if fused is None:
            self._add_by_tensors(estimates, first)
            return
        tensors = estimates.contiguous(), self.center, self._offset, self._edges, self.constants
        sums = self.totals, self.powers, *self._scalars
        fused.add(*(t.numpy() for t in tensors), first, self.size, *(t.numpy() for t in sums))

    def _batches_of(self, first: int, count: int) -> Iterator[tuple[int, slice]]:
        """The batches to which some estimates belong, and which of them: batches are contiguous."""
        K, stop = len(self.totals) - 1, first + count
        for batch in range(min(first // max(1, self.size), K), K + 1):
            start, end = batch * self.size, stop if batch == K else (batch + 1) * self.size
            inside = slice(max(start, first) - first, min(end, stop) - first)
            if inside.start < inside.stop:
                yield batch, inside

    def _add_by_tensors(self, estimates: Tensor, first: int) -> None:
        c, w = self.center, self._offset
        d = estimates - c  # [k, P]
        square = d * d
        for batch, inside in self._batches_of(first, len(d)):
            self.totals[batch] += d[inside].sum(0)
        self.powers += torch.stack([square.sum(0), (d * square).sum(0), (square * square).sum(0)])
        for i, s in enumerate(self.segments):
            found = square[:, s].sum(1), d[:, s] @ c[s], d[:, s] @ w[s]
            squares, along_center, along_offset = (each.double() for each in found)  # [k] each
            of_center, of_offset, of_product = self.constants[:, i]
            made = (
                squares,
                squares - 2 * along_offset + of_offset,
                along_offset + along_center + of_product,
                squares + 2 * along_center + of_center,
            )
            for scalar, values in zip(self._scalars, made, strict=True):
                scalar[first : self.replicates, i] = values


def _constants(c: Tensor, t: Tensor | None) -> Tensor:
    if t is None:
        return torch.stack([c @ c, *c.new_full((2,), torch.nan)])
    return torch.stack([c @ c, (t - c).square().sum(), c @ t])


@functools.cache
def compiled_sums() -> ModuleType | None:
    """The compiled part, which is loaded late: numba takes a second. None where there is no numba."""
    try:
        from bench.statistics import fused
    except ImportError:
        return None
    return fused
