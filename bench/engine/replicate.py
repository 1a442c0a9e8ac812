"""R independent estimates of one cell: drawn block by block, timed by chunks, summarized as they come."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.engine.blocks import Block, blocks_of, chunk_rows
from bench.engine.counting import Counts, counted
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


@dataclass(frozen=True)
class BlockRun:
    """What one block gave; totals over its replicates."""

    summary: Summary
    seconds: list[float]
    counts: Counts


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
    truth = None if truth is None else truth.to(device)
    runs = [
        run_block(estimator, problem, sample_size, block, address(block.index), truth, segments)
        for block in blocks_of(problem, sample_size, device.type, replicates)
    ]
    return Replication(
        join([run.summary for run in runs]),
        torch.tensor([s for run in runs for s in run.seconds], dtype=torch.float64),
        sum(run.counts.evaluations for run in runs) / replicates,
        sum(run.counts.gradient_evaluations for run in runs) / replicates,
    )


def run_block(
    estimator: Estimator,
    problem: Problem,
    sample_size: int,
    block: Block,
    address: Address,
    truth: Tensor | None,
    segments: Sequence[slice],
) -> BlockRun:
    """One block: a function of its address alone, whatever ran before, and where."""
    counting, counts = counted(problem)
    estimates = problem.theta.new_empty((block.rows, len(problem.theta)))  # [rows, P]
    seconds = []
    with stream(address, problem.theta.device):
        for rows in block.chunks():
            estimates[rows], elapsed = timed(estimator, counting, sample_size, rows.stop - rows.start)
            seconds.append(elapsed)
    return BlockRun(summarize(estimates, truth, segments), seconds, counts)


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
