"""Pieces of a cell: ranges of its replicates that are measured, kept and put together one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from torch import Tensor

from bench.engine.blocks import Block
from bench.engine.counting import Counts
from bench.engine.precision import next_look
from bench.statistics.summary import Summary

BLOCKS = 16
"""Blocks in a piece: tenths of a second to seconds, as much as a process that is killed may lose."""

REPLICATES = 1 << 20
"""Replicates of a piece beyond which no block is added: what is put together from pieces fits into memory."""


@dataclass(frozen=True)
class Piece:
    """The outcome of consecutive blocks.

    Attributes:
        start: the first replicate.
        summary: of all of its replicates.
        seconds: per estimate, one value for each timed chunk, `[chunks]`.
        counts: totals over its replicates.
        draws: the fingerprints of what each block drew, one behind the other.
        first: the kept coordinates of those of its replicates that are among the first of the cell,
            `[≤ replicates, kept coordinates]` in float32.
    """

    start: int
    summary: Summary
    seconds: Tensor
    counts: Counts
    draws: bytes
    first: Tensor

    @property
    def replicates(self) -> int:
        """The number of replicates, those that are not finite included."""
        return len(self.summary.finite)


class Pieces(Protocol):
    """A place where the pieces of one cell are kept."""

    def get(self, start: int, replicates: int) -> Piece | None:
        """The piece with these replicates; None if it was not measured, or what was kept is damaged."""

    def put(self, piece: Piece, last: bool) -> Piece:
        """Keep a piece, and return it as it will be read again.

        Args:
            piece: what was measured.
            last: whether it is the end of the cell, and would be another one with more replicates: it may be
                kept with the result.
        """


class Forgotten:
    """Keeps nothing."""

    def get(self, start: int, replicates: int) -> Piece | None:
        return None

    def put(self, piece: Piece, last: bool) -> Piece:
        return piece


class Stretch(NamedTuple):
    """The blocks of a piece.

    Attributes:
        blocks: consecutive ones.
        look: whether it is to be looked at after it if there are enough.
        last: whether more blocks would make it a longer one.
    """

    blocks: tuple[Block, ...]
    look: bool
    last: bool


def pieces_of(blocks: Iterable[Block], look: int | None = None) -> Iterator[Stretch]:
    """Blocks, in order, by the piece.

    What is in a piece is a matter of the blocks, and of where is looked, alone.

    Args:
        blocks: of a cell.
        look: R at which is first looked; None if that is never done.
    """
    piece: list[Block] = []
    done = 0
    for block in blocks:
        if piece and piece[-1].start + piece[-1].rows + block.rows - piece[0].start > REPLICATES:
            yield Stretch(tuple(piece), look=False, last=False)
            piece = []
        piece.append(block)
        done += block.rows
        due = look is not None and done >= look
        if due or len(piece) == BLOCKS:
            yield Stretch(tuple(piece), look=due, last=False)
            piece = []
        if due:
            look = next_look(done)
    if piece:
        yield Stretch(tuple(piece), look=False, last=True)
