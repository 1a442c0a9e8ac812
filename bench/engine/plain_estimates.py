"""Estimates of a cell as they are, few enough to be kept: for a look at what is wrong with them."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.engine.blocks import Block, chunk_rows
from bench.engine.cell import CellSampler
from bench.engine.replicate import problems_of_chunks, timed
from bench.engine.streams import stream

_MOST_NUMBERS = 1 << 25


def affordable(size: int, wanted: int) -> int:
    """The number of estimates of P coordinates that are kept at once, at most as many as are wanted."""
    return max(2, min(wanted, _MOST_NUMBERS // max(1, size)))


def plain_estimates(sampler: CellSampler, role: str, replicates: int) -> Tensor:
    """R estimates on the stream of a purpose, `[R, P]` in float64 on the CPU.

    Args:
        sampler: of a cell that can run; the call belongs within `sampler.guarded()`.
        role: the purpose.
        replicates: R.
    """
    problem, N = sampler.problem, sampler.cell.sample_size
    chunk = min(replicates, chunk_rows(problem, N, sampler.device.type))
    block, address = Block(0, replicates, chunk), sampler.address(role)
    found = []
    with stream(address, sampler.device) as draws:
        problems = problems_of_chunks(problem, block, address, sampler.experiment.resampled)
        for rows, batches in zip(block.chunks(), problems, strict=True):
            draws.begin(rows.start, rows.stop - rows.start)
            estimates, _ = timed(sampler.estimator, batches, N, rows.stop - rows.start)
            found.append(estimates.double().cpu())
    return torch.cat(found)
