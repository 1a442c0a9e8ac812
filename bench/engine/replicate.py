"""R independent estimates of one cell: drawn block by block, timed by chunks, summarized as they come."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from bench.engine.block_collector import BlockCollector
from bench.engine.blocks import Block, blocks_of, chunk_rows
from bench.engine.counting import Counts, counted
from bench.engine.guard import Call
from bench.engine.origin import Origin
from bench.engine.pieces import Forgotten, Piece, Pieces, pieces_of
from bench.engine.plain_draws import cost_varies
from bench.engine.precision import Precision, blocks_up_to, is_enough, whole_blocks
from bench.engine.replication import Replication, Together
from bench.engine.streams import Address, fingerprint, stream
from bench.engine.timing import now
from bench.estimator import Estimator
from bench.problem import Problem
from bench.statistics.summary import Collection, Summary
from bench.statistics.verdict import did_not_vary

# A cell with fewer timed chunks is timed on until it has them, or this long has passed.
_TIMINGS = 7
_TIMING_SECONDS = 0.2


@dataclass(frozen=True)
class BlockRun:
    """The outcome of one block; totals over its replicates."""

    summary: Summary
    seconds: list[float]
    counts: Counts
    draws: bytes


def replicate(
    estimator: Estimator,
    problem: Problem,
    sample_size: int,
    replicates: int,
    address: Address,
    truth: Tensor | None,
    segments: Sequence[slice],
    center: Tensor,
    precision: Precision | None = None,
    resampled: bool = False,
    keep: Sequence[int] = (),
    kept: Pieces | None = None,
) -> Replication:
    """Take R estimates and summarize them; with a precision as many whole blocks as it takes.

    Args:
        estimator: already fitted.
        problem: on the device and in the type that is measured.
        sample_size: N.
        replicates: R, or with a precision the least R.
        address: of the stream.
        truth: the gradient, `[P]` in float64, or None.
        segments: stretches of coordinates that are summarized apart.
        center: about which the moments of the estimates are summed.
        precision: when R is enough, or None to take R as it is.
        resampled: whether each replicate has a batch of its own.
        keep: coordinates whose first estimates are kept as they are.
        kept: where pieces that were measured before are found, and new ones kept; None for nowhere.
    """
    device = problem.theta.device
    if precision is not None:
        replicates = whole_blocks(problem, sample_size, device.type, replicates, precision)
    truth = None if truth is None else truth.to(device)
    blocks: Iterable[Block] = blocks_of(problem, sample_size, device.type, replicates)
    if precision is not None:
        blocks = blocks_up_to(problem, sample_size, device.type, precision.max_replicates)
    kept = Forgotten() if kept is None else kept
    collector = BlockCollector(problem.theta, truth, segments, center, keep)

    def measured(stretch: Sequence[Block]) -> Piece:
        return measure_piece(estimator, problem, sample_size, stretch, address, collector, resampled)

    together = Together(replicates, len(segments))
    for stretch, look, last in pieces_of(blocks, None if precision is None else replicates):
        start, stop = stretch[0].start, stretch[-1].start + stretch[-1].rows
        together.add(kept.get(start, stop - start) or kept.put(measured(stretch), last))
        if look and precision is not None and is_enough(together.summary(), precision):
            break
    summary = together.summary()
    still = truth is not None and not resampled and did_not_vary(summary.moments, truth.cpu())
    varied = estimator.cost_varied(problem) if still else False
    if varied is None:
        varied = cost_varies(problem, sample_size, len(summary.finite), address)
    return together.replication(varied)


def measure_piece(
    estimator: Estimator,
    problem: Problem,
    sample_size: int,
    blocks: Sequence[Block],
    address: Address,
    collector: BlockCollector,
    resampled: bool = False,
) -> Piece:
    """Some consecutive blocks, measured and put together; arguments as of `run_block`."""
    start, stop = blocks[0].start, blocks[-1].start + blocks[-1].rows
    collection = Collection(stop - start, collector.segments)
    seconds: list[float] = []
    counts, draws = Counts(), b""
    for block in blocks:
        room = collection.room(block.rows) if problem.theta.device.type == "cpu" else None
        run = run_block(estimator, problem, sample_size, block, address, collector, resampled, room)
        collection.add(run.summary)
        seconds += run.seconds
        counts += run.counts
        draws += run.draws
    timings = torch.tensor(seconds, dtype=torch.float64)
    return Piece(start, collection.whole(), timings, counts, draws, collector.first(start, stop))


def run_block(
    estimator: Estimator,
    problem: Problem,
    sample_size: int,
    block: Block,
    address: Address,
    collector: BlockCollector,
    resampled: bool = False,
    room: Sequence[Tensor] | None = None,
) -> BlockRun:
    """One block: a function of its place, its address and the center, whatever ran before, and where.

    Args:
        estimator: already fitted.
        problem: on the device and in the type that is measured.
        sample_size: N.
        block: which.
        address: of its stream.
        collector: takes the estimates in.
        resampled: whether each replicate has a batch of its own.
        room: where the four scalars of its replicates may be written; see `BlockCollector.begin`.
    """
    for keep in (False, True):
        collector.begin(block, keep, room)
        problems = problems_of_chunks(problem, block, address, resampled)
        seconds = []
        total = Counts()
        # All chunks have the same problem, unless their data differ.
        distinct = {id(batches): batches for batches in problems}
        counting = {key: counted(batches, total) for key, batches in distinct.items()}
        with stream(address, problem.theta.device, block.start) as draws:
            origin = Origin(draws, problem.theta.device)
            for rows, batches in zip(block.chunks(), problems, strict=True):
                count = rows.stop - rows.start
                draws.begin(block.start + rows.start, count)
                estimates, elapsed = timed(estimator, counting[id(batches)], sample_size, count)
                origin.after(estimates, batches.data_per_row)
                collector.add(rows, estimates)
                seconds.append(elapsed)
            drawn = fingerprint(draws, problem.theta.device)
        # What cannot be summed up as it comes is estimated again, which gives the same numbers.
        summary = collector.end()
        if summary is not None:
            return BlockRun(summary, seconds, total, drawn)
    raise AssertionError("estimates that are kept have a summary")


def problems_of_chunks(
    problem: Problem, block: Block, address: Address, resampled: bool, copies: int = 1
) -> list[Problem]:
    """The problem of each chunk: the one given, or one whose batches are drawn from a stream of their own.

    Data drawn from the stream of the estimates would put off what is drawn after them.

    Args:
        problem: on the device and in the type that is measured.
        block: which; its rows are counted without their copies.
        address: of the stream of the block's estimates.
        resampled: whether the batches are drawn afresh.
        copies: how many consecutive estimates share a batch.
    """
    chunks = list(block.chunks())
    if not resampled:
        return [problem] * len(chunks)
    problems = []
    with stream(_of_data(address), problem.theta.device, block.start) as draws, Call(problem):
        for rows in chunks:
            count = rows.stop - rows.start
            draws.begin(block.start + rows.start, count)
            problems.append(problem.resampled(copies * count, copies))
    return problems


def _of_data(address: Address) -> Address:
    return replace(address, role=f"{address.role} data")


def timed(estimator: Estimator, problem: Problem, sample_size: int, rows: int) -> tuple[Tensor, float]:
    """Some estimates, `[rows, P]`, and the seconds that each took."""
    theta = problem.theta.expand(rows, -1).requires_grad_()  # [rows, P], one row in memory
    device = theta.device
    with Call(problem):
        start = now(device)
        estimates = estimator.gradient(problem, theta, sample_size)
        elapsed = now(device) - start
    _check(estimates, theta, estimator)
    return estimates.detach(), elapsed / rows


def _check(estimates: object, theta: Tensor, estimator: Estimator) -> None:
    # Copied into its place, an estimate of another shape or type would be stretched or rounded in silence.
    kinds = [(v.shape, v.dtype, v.device) for v in (estimates, theta) if isinstance(v, Tensor)]
    if len(kinds) < 2 or kinds[0] != kinds[1]:
        name = type(estimator).__name__
        raise TypeError(f"{name}.gradient gave {_kind(estimates)}, wanted {_kind(theta)}")


def _kind(value: object) -> str:
    if not isinstance(value, Tensor):
        return type(value).__name__
    return f"{str(value.dtype).removeprefix('torch.')} of shape {list(value.shape)} on {value.device}"


def warm_up(
    estimator: Estimator,
    problem: Problem,
    sample_size: int,
    replicates: int,
    address: Address,
    resampled: bool = False,
) -> list[float]:
    """Run chunks that are not measured; the seconds per estimate of all but the first.

    There are as many as it takes, with the measured ones, to time the cell.
    """
    device = problem.theta.device
    rows = min(replicates, chunk_rows(problem, sample_size, device.type))
    measured = -(-replicates // rows)
    seconds: list[float] = []
    (problem,) = problems_of_chunks(problem, Block(0, rows, rows), address, resampled)
    with stream(address, device) as draws:
        draws.begin(0, rows)
        origin = Origin(draws, device)
        estimates, _ = timed(estimator, problem, sample_size, rows)
        origin.after(estimates, problem.data_per_row)
        while measured + len(seconds) < _TIMINGS and sum(seconds) * rows < _TIMING_SECONDS:
            draws.begin((1 + len(seconds)) * rows, rows)
            estimates, elapsed = timed(estimator, problem, sample_size, rows)
            origin.after(estimates, problem.data_per_row)
            seconds.append(elapsed)
    return seconds
