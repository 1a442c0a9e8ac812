"""Estimates in groups that share a batch: what tells noise of sampling from noise of the data."""

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
from bench.statistics.components import Groups
from bench.statistics.summary import Collection, summarize


def replicate_groups(
    estimator: Estimator,
    problem: Problem,
    sample_size: int,
    groups: int,
    size: int,
    address: Address,
    segments: Sequence[slice],
    center: Tensor,
) -> Groups:
    """Take groups of estimates, each group with a batch of its own, and summarize them.

    Args:
        estimator: already fitted.
        problem: on the device and in the type that is measured.
        sample_size: N.
        groups: how many.
        size: estimates in a group, at least two.
        address: of the stream.
        segments: stretches of coordinates that are summarized apart.
        center: about which the moments of the means of groups are summed.
    """
    collection = Collection(groups, len(segments))
    within = []
    for block in blocks_of(problem, sample_size, problem.theta.device.type, groups):
        means, spread = _block(estimator, problem, sample_size, block, size, address, segments)
        collection.add(summarize(means, None, segments, center))
        within.append(spread.cpu())
    return Groups(collection.whole(), torch.cat(within), size)


def _block(
    estimator: Estimator,
    problem: Problem,
    sample_size: int,
    block: Block,
    size: int,
    address: Address,
    segments: Sequence[slice],
) -> tuple[Tensor, Tensor]:
    """The means of the groups of a block, `[groups, P]`, and their w, `[groups, segments]`."""
    # A chunk of groups has so many times the rows.
    block = replace(block, chunk=max(1, block.chunk // size))
    problems = problems_of_chunks(problem, block, address, resampled=True, copies=size)
    means = problem.theta.new_empty((block.rows, len(problem.theta)))  # [groups, P]
    within = means.new_empty((block.rows, len(segments)), dtype=torch.float64)  # [groups, segments]
    with stream(address, problem.theta.device, block.start) as draws:
        origin = Origin(draws, problem.theta.device)
        for groups, batches in zip(block.chunks(), problems, strict=True):
            rows = size * (groups.stop - groups.start)
            draws.begin(size * (block.start + groups.start), rows)
            estimates, _ = timed(estimator, batches, sample_size, rows)
            origin.after(estimates, data_per_row=True)
            each = estimates.view(-1, size, estimates.shape[1])  # [groups of the chunk, size, P]
            means[groups] = each.mean(1)
            squares = each.double().var(1)  # [groups of the chunk, P]
            within[groups] = torch.stack([squares[:, s].sum(1) for s in segments], 1)
    return means, within
