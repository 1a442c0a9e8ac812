"""All that is known of one cell's estimates of a block of parameters: the argument of every metric."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from bench.statistics.summary import Summary


@dataclass(frozen=True)
class Evidence:
    """One cell, one block of parameters. All tensors are float64 on the CPU.

    Attributes:
        sample_size: N.
        mean: of each coordinate over the R finite replicates, `[P]`.
        variances: unbiased, of each coordinate, `[P]`.
        deviation: squared distance of each replicate from the mean, unbiased, `[R]`.
        error: squared distance from the truth, `[R]`; NaN without a truth.
        product: inner product with the truth, `[R]`; NaN without a truth.
        norm: squared norm, `[R]`.
        truth: `[P]`; NaN without one.
        truth_error: standard error of the truth, `[P]`.
        seconds: per estimate, one for each timed chunk, `[chunks]`.
        evaluations: of f, per estimate.
    """

    sample_size: int
    mean: Tensor
    variances: Tensor
    deviation: Tensor
    error: Tensor
    product: Tensor
    norm: Tensor
    truth: Tensor
    truth_error: Tensor
    seconds: Tensor
    evaluations: float

    @property
    def replicates(self) -> int:
        """R, the finite ones."""
        return len(self.deviation)

    @property
    def variance(self) -> float:
        """The trace of the covariance of one estimate."""
        return float(self.variances.sum())


def segments_of(parameters: Mapping[str, slice], size: int) -> list[slice]:
    """The stretches of coordinates between all edges of the blocks, in order."""
    edges = sorted({0, size, *(e for block in parameters.values() for e in (block.start, block.stop))})
    return [slice(a, b) for a, b in pairwise(edges)]


def blocks_reported(parameters: Mapping[str, slice], size: int) -> dict[str, slice]:
    """First "all", then the named blocks, unless there is but one of them."""
    named = parameters if len(parameters) > 1 else {}
    return {"all": slice(0, size), **named}


def evidence_of(
    summary: Summary,
    truth: Tensor | None,
    truth_error: Tensor,
    seconds: Tensor,
    evaluations: float,
    sample_size: int,
    parameters: Mapping[str, slice],
) -> Iterator[tuple[str, Evidence]]:
    """The evidence on each reported block, "all" first."""
    size = len(summary.moments.mean)
    segments = segments_of(parameters, size)
    truth = torch.full((size,), torch.nan, dtype=torch.float64) if truth is None else truth
    for name, block in blocks_reported(parameters, size).items():
        inside = [i for i, s in enumerate(segments) if block.start <= s.start and s.stop <= block.stop]
        rows = {
            key: getattr(summary, key)[summary.finite][:, inside].sum(1)
            for key in ("deviation", "error", "product", "norm")
        }
        yield (
            name,
            Evidence(
                sample_size=sample_size,
                mean=summary.moments.mean[block],
                variances=summary.moments.variance[block],
                truth=truth[block],
                truth_error=truth_error[block],
                seconds=seconds,
                evaluations=evaluations,
                **rows,
            ),
        )
