"""R independent estimates of one cell: drawn block by block, timed by chunks, summarized as they come."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.engine.blocks import Block, blocks_of, chunk_rows
from bench.engine.counting import counted
from bench.engine.streams import Address, stream
from bench.engine.timing import now
from bench.estimator import Estimator
from bench.problem import Problem
from bench.statistics.summary import Summary, join, summarize

# Fitting may take as many rows as this many numbers and gradient entries allow.
_FIT_ROWS = 1 << 14
_FIT_NUMBERS = 1 << 26
# A cell with fewer timed chunks is timed on until it has them, or this long has passed.
_TIMINGS = 7
_TIMING_SECONDS = 0.2


@dataclass(frozen=True)
class Replication:
    """The estimates of one cell, summarized.

    Attributes:
        summary: moments and scalars.
        seconds: per estimate, one value for each timed chunk, `[chunks]`.
        evaluations: of f, per estimate.
        gradient_evaluations: of the gradient of f, per estimate.
    """

    summary: Summary
    seconds: Tensor
    evaluations: float
    gradient_evaluations: float


def replicate(
    estimator: Estimator,
    problem: Problem,
    sample_size: int,
    replicates: int,
    address: Callable[[int], Address],
    truth: Tensor | None,
    segments: Sequence[slice],
) -> Replication:
    """Take R estimates and summarize them.

    Args:
        estimator: already fitted.
        problem: on the device and in the type that is measured.
        sample_size: N.
        replicates: R.
        address: from the number of a block to its stream.
        truth: the gradient, `[P]` in float64, or None.
        segments: stretches of coordinates that are summarized apart.
    """
    device = problem.theta.device
    blocks = blocks_of(problem, sample_size, device.type, replicates)
    buffer = problem.theta.new_empty((max(block.rows for block in blocks), len(problem.theta)))  # [rows, P]
    truth = None if truth is None else truth.to(device)
    counting, counts = counted(problem)
    summaries, seconds = [], []
    for block in blocks:
        with stream(address(block.index), device):
            seconds += _fill(buffer[: block.rows], estimator, counting, sample_size, block)
        summaries.append(summarize(buffer[: block.rows], truth, segments))
    return Replication(
        join(summaries),
        torch.tensor(seconds, dtype=torch.float64),
        counts.evaluations / replicates,
        counts.gradient_evaluations / replicates,
    )


def _fill(
    estimates: Tensor, estimator: Estimator, problem: Problem, sample_size: int, block: Block
) -> list[float]:
    """Fill a block's estimates, `[rows, P]`; the seconds per estimate of each chunk."""
    seconds = []
    for rows in block.chunks():
        chunk, elapsed = timed(estimator, problem, sample_size, rows.stop - rows.start)
        estimates[rows] = chunk
        seconds.append(elapsed)
    return seconds


def timed(estimator: Estimator, problem: Problem, sample_size: int, rows: int) -> tuple[Tensor, float]:
    """Some estimates, `[rows, P]`, and the seconds that each took."""
    theta = problem.theta.expand(rows, -1).requires_grad_()  # [rows, P], one row in memory
    device = theta.device
    start = now(device)
    estimates = estimator.gradient(problem, theta, sample_size).detach()
    return estimates, (now(device) - start) / rows


def warm_up(
    estimator: Estimator, problem: Problem, sample_size: int, replicates: int, address: Address
) -> list[float]:
    """Run chunks that are not measured; the seconds per estimate of all but the first.

    There are as many as it takes, with the measured ones, to time the cell.
    """
    device = problem.theta.device
    rows = min(replicates, chunk_rows(problem, sample_size, device.type))
    measured = -(-replicates // rows)
    seconds: list[float] = []
    with stream(address, device):
        timed(estimator, problem, sample_size, rows)
        while measured + len(seconds) < _TIMINGS and sum(seconds) * rows < _TIMING_SECONDS:
            seconds.append(timed(estimator, problem, sample_size, rows)[1])
    return seconds


def fit(estimator: Estimator, problem: Problem, sample_size: int, address: Address) -> Estimator:
    """The estimator with what it learns beforehand, from samples that no estimate shares."""
    widest = max(len(problem.theta), problem.width)
    rows = max(1, min(_FIT_ROWS, _FIT_NUMBERS // widest))
    theta = problem.theta.expand(rows, -1).requires_grad_()
    with stream(address, problem.theta.device):
        return estimator.fitted(problem, theta, sample_size)
