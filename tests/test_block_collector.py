"""Estimates that are summed up as they come have the summary of those that are kept."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from bench.engine.block_collector import BlockCollector
from bench.engine.blocks import MANY, Block
from bench.statistics.accumulator import Accumulator
from bench.statistics.moments import center_of
from bench.statistics.summary import Summary

P = MANY + 100
SEGMENTS = [slice(0, 5000), slice(5000, 5001), slice(5001, P)]
ROWS = ("deviation", "error", "product", "norm")
CHUNK = 5


def estimates(rows: int, seed: int) -> Tensor:
    """Skewed, far from zero, of sizes that differ a thousandfold."""
    generator = torch.Generator().manual_seed(seed)
    scale = torch.logspace(-1.5, 1.5, P)
    return (torch.randn(rows, P, generator=generator).exp() + 0.5) * scale


TRUTH = estimates(1, 99)[0].double()


def gathered(x: Tensor, keep: bool, first: Tensor) -> Summary | None:
    """The summary of a second block."""
    collector = BlockCollector(x[0], TRUTH, SEGMENTS)
    blocks = Block(0, 0, len(first), CHUNK), Block(1, len(first), len(x), CHUNK)
    for block, some, kept in zip(blocks, (first, x), (False, keep), strict=True):
        collector.begin(block, kept)
        for rows in block.chunks():
            collector.add(rows, some[rows])
        summary = collector.end()
    return summary


def agree(a: Summary, b: Summary, names: Sequence[str] = ROWS) -> None:
    """To the rounding of float32, in which so many coordinates are summed."""
    for name in names:
        assert torch.allclose(getattr(a, name), getattr(b, name), rtol=1e-5, equal_nan=True), name
    for name in ("mean", "variance", "skewness", "kurtosis"):
        assert torch.allclose(getattr(a.moments, name), getattr(b.moments, name), rtol=1e-3, atol=1e-3), name


def test_streaming_agrees_with_keeping() -> None:
    x, first = estimates(43, 1), estimates(20, 2)
    streamed, kept = gathered(x, False, first), gathered(x, True, first)
    assert streamed is not None
    assert kept is not None
    agree(streamed, kept)
    # 43 replicates make 8 batches of 5 and leave 3; both ways the traces tell that of the covariance.
    assert streamed.batches[0].shape == kept.batches[0].shape == (3, 8, 8)
    trace = float(streamed.moments.variance.sum())
    of_batches = float(streamed.batches[0].sum(0).diagonal().sum())
    assert of_batches == pytest.approx(trace, rel=0.1)


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e15])
def test_what_float32_cannot_stand_asks_to_be_kept(value: float) -> None:
    x = estimates(43, 1)
    x[17, 4321] = value
    assert gathered(x, False, estimates(20, 2)) is None
    kept = gathered(x, True, estimates(20, 2))
    assert kept is not None
    assert bool(kept.finite[17]) == math.isfinite(value)
    assert int(kept.finite.sum()) == 43 - (not math.isfinite(value))


def test_estimates_that_vanish_are_summed_in_float64() -> None:
    x = 1e-12 * estimates(43, 1)
    assert gathered(x, False, 1e-12 * estimates(20, 2)) is None


def test_tensor_operations_give_what_the_compiled_loop_does() -> None:
    # The former are for other devices than the processor.
    x = estimates(40, 1)
    center = center_of(x)
    by_loop, by_tensors = (Accumulator(center, TRUTH, SEGMENTS, 40, 8, 5) for _ in range(2))
    by_loop.add(x)
    batch = torch.arange(40) // 5
    by_tensors._add_by_tensors(x, batch, by_tensors._rows)
    for name in ("totals", "powers", "_rows"):
        a, b = getattr(by_loop, name), getattr(by_tensors, name)
        assert torch.allclose(a, b, rtol=2e-5, atol=2e-5 * float(b.abs().mean())), name
