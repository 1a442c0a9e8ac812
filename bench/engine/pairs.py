"""Estimates in pairs that share a batch: what tells noise of sampling from noise of the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from bench.engine.blocks import Block, blocks_of
from bench.engine.origin import Origin
from bench.engine.replicate import problems_of_chunks, timed
from bench.engine.streams import Address, stream
from bench.estimator import Estimator
from bench.problem import Problem
from bench.statistics.components import Pairs
from bench.statistics.summary import Collection, summarize


def replicate_pairs(
    estimator: Estimator,
    problem: Problem,
    sample_size: int,
    pairs: int,
    address: Address,
    segments: Sequence[slice],
    center: Tensor,
) -> Pairs:
    """Take pairs of estimates, each pair with a batch of its own, and summarize them.

    Args:
        estimator: already fitted.
        problem: on the device and in the type that is measured.
        sample_size: N.
        pairs: how many.
        address: of the stream.
        segments: stretches of coordinates that are summarized apart.
        center: about which the moments of the pairs' means are summed.
    """
    collection = Collection(pairs, len(segments))
    within = []
    for block in blocks_of(problem, sample_size, problem.theta.device.type, pairs):
        means, halves = _block(estimator, problem, sample_size, block, address, segments)
        collection.add(summarize(means, None, segments, center))
        within.append(halves.cpu())
    return Pairs(collection.whole(), torch.cat(within))


def _block(
    estimator: Estimator,
    problem: Problem,
    sample_size: int,
    block: Block,
    address: Address,
    segments: Sequence[slice],
) -> tuple[Tensor, Tensor]:
    """The means of a block's pairs, `[pairs, P]`, and their w, `[pairs, segments]`."""
    # A chunk of pairs has twice the rows.
    block = replace(block, chunk=max(1, block.chunk // 2))
    problems = problems_of_chunks(problem, block, address, resampled=True, copies=2)
    means = problem.theta.new_empty((block.rows, len(problem.theta)))  # [pairs, P]
    within = means.new_empty((block.rows, len(segments)), dtype=torch.float64)  # [pairs, segments]
    with stream(address, problem.theta.device, block.start) as draws:
        origin = Origin(draws, problem.theta.device)
        for pairs, batches in zip(block.chunks(), problems, strict=True):
            rows = 2 * (pairs.stop - pairs.start)
            draws.begin(2 * (block.start + pairs.start), rows)
            estimates, _ = timed(estimator, batches, sample_size, rows)
            origin.after(estimates, data_per_row=True)
            first, second = estimates[::2], estimates[1::2]  # [pairs of the chunk, P]
            means[pairs] = (first + second) / 2
            squares = (first - second).double().square() / 2  # [pairs of the chunk, P]
            within[pairs] = torch.stack([squares[:, s].sum(1) for s in segments], 1)
    return means, within
