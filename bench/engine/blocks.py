"""Blocks of replicates, which share a stream and a summary, and their chunks, which fit in the cache."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bench.problem import Problem

# Measured on x86 cores, estimates per second: chunks of 2^18 to 2^20 numbers are within
# 15 % of one another, smaller ones lose to the fixed cost of a backward pass, larger ones
# to memory, the more so on a busy machine.
_CHUNK_NUMBERS = {"cpu": 1 << 19, "cuda": 1 << 25, "mps": 1 << 22}
_CHUNK_ENTRIES = {"cpu": 5_500_000, "cuda": 1 << 28, "mps": 1 << 26}

_BLOCK_CHUNKS, _BLOCK_ROWS = 8, 64
_BLOCK_ENTRIES = 1 << 26
# So many coordinates are summed as they come and not kept; what is done once a block then
# counts for less the longer the block is.
MANY = 1 << 14
_LONGER = 4


@dataclass(frozen=True)
class Block:
    """Some consecutive replicates of a cell.

    Attributes:
        start: the first replicate.
        rows: how many replicates.
        chunk: how many of them are estimated at once.
    """

    start: int
    rows: int
    chunk: int

    def chunks(self) -> Iterator[slice]:
        """The rows of the block that are estimated together, in order."""
        for start in range(0, self.rows, self.chunk):
            yield slice(start, min(start + self.chunk, self.rows))


def blocks_of(problem: Problem, sample_size: int, device_type: str, replicates: int) -> list[Block]:
    """The blocks of R replicates: sizes are a function of the problem, N and the kind of device alone.

    Only the last block depends on R: it takes what is left, so that it is shorter than the
    others, or longer by less than the smallest that is worth a block of its own.
    """
    chunk = chunk_rows(problem, sample_size, device_type)
    entries = max(1, _BLOCK_ENTRIES // len(problem.theta))
    rows = max(chunk, min(entries, max(_BLOCK_ROWS, _BLOCK_CHUNKS * chunk)))
    smallest = min(_BLOCK_ROWS, rows)
    if len(problem.theta) > MANY:
        rows *= _LONGER
    blocks: list[Block] = []
    start = 0
    while start < replicates:
        left = replicates - start
        taken = left if left < rows + smallest else rows
        blocks.append(Block(start, taken, chunk))
        start += taken
    return blocks


def chunk_rows(problem: Problem, sample_size: int, device_type: str) -> int:
    """Return the number of replicates that are estimated at once: so many stay near the processor."""
    numbers = _CHUNK_NUMBERS[device_type] // (sample_size * problem.width)
    entries = _CHUNK_ENTRIES[device_type] // len(problem.theta)
    return max(1, min(numbers, entries))
