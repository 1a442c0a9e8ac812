"""The center about which the estimates of a cell deviate: near the mean of a pilot on a stream of its own."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.engine.blocks import Block, chunk_rows
from bench.engine.origin import Origin
from bench.engine.replicate import problems_of_chunks, timed
from bench.engine.streams import Address, stream
from bench.estimator import Estimator
from bench.problem import Problem
from bench.statistics.moments import robust_center_of
from bench.statistics.summary import precision_of

PILOT = 63
"""Estimates of the pilot: squared distances from their center are hardly noisier than from the mean."""


def center_of_cell(
    estimator: Estimator, problem: Problem, sample_size: int, address: Address, resampled: bool = False
) -> Tensor:
    """The median of means, `[P]`, of a few estimates that are no part of those that are measured.

    It is a function of the address, so that it does not change with R, and any estimates of
    the cell can be summed apart from the others.

    Args:
        estimator: already fitted.
        problem: on the device and in the type that is measured.
        sample_size: N.
        address: of the pilot's stream.
        resampled: whether each replicate has a batch of its own.
    """
    theta = problem.theta
    block = Block(0, PILOT, min(PILOT, chunk_rows(problem, sample_size, theta.device.type)))
    problems = problems_of_chunks(problem, block, address, resampled)
    estimates = []
    with stream(address, theta.device) as draws:
        origin = Origin(draws, theta.device)
        for rows, batches in zip(block.chunks(), problems, strict=True):
            draws.begin(rows.start, rows.stop - rows.start)
            some, _ = timed(estimator, batches, sample_size, rows.stop - rows.start)
            origin.after(some, batches.data_per_row)
            estimates.append(some)
    return robust_center_of(torch.cat(estimates).to(precision_of(len(theta), theta.dtype)))
