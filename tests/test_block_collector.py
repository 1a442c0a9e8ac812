"""Estimates that are summed up as they come have the summary of those that are kept."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from bench.engine.block_collector import BlockCollector
from bench.engine.blocks import MANY, Block
from bench.statistics import accumulator
from bench.statistics.accumulator import Accumulator
from bench.statistics.moments import center_of
from bench.statistics.summary import Summary, summarize

P = MANY + 100
SEGMENTS = [slice(0, 5000), slice(5000, 5001), slice(5001, P)]
ROWS = ("distance", "error", "product", "norm")
CHUNK = 5


def estimates(rows: int, seed: int) -> Tensor:
    """Skewed, far from zero, of sizes that differ a thousandfold."""
    generator = torch.Generator().manual_seed(seed)
    scale = torch.logspace(-1.5, 1.5, P)
    return (torch.randn(rows, P, generator=generator).exp() + 0.5) * scale


TRUTH = estimates(1, 99)[0].double()


def gathered(x: Tensor, keep: bool, center: Tensor) -> Summary | None:
    """The summary of a block."""
    collector = BlockCollector(x[0], TRUTH, SEGMENTS, center)
    block = Block(100, len(x), CHUNK)
    collector.begin(block, keep)
    for rows in block.chunks():
        collector.add(rows, x[rows])
    return collector.end()


def center(factor: float = 1.0) -> Tensor:
    return center_of(factor * estimates(20, 2))


def agree(a: Summary, b: Summary, names: Sequence[str] = ROWS) -> None:
    """To the rounding of float32, in which so many coordinates are summed."""
    for name in names:
        assert torch.allclose(getattr(a, name), getattr(b, name), rtol=1e-5, equal_nan=True), name
    for name in ("mean", "variance", "skewness", "kurtosis"):
        assert torch.allclose(getattr(a.moments, name), getattr(b.moments, name), rtol=1e-3, atol=1e-3), name


@pytest.mark.slow
def test_streaming_agrees_with_keeping(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accumulator, "_NUMBERS", 8 * P)
    x = estimates(43, 1)
    streamed, kept = (gathered(x, keep, center()) for keep in (False, True))
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
    assert gathered(x, False, center()) is None
    kept = gathered(x, True, center())
    assert kept is not None
    assert bool(kept.finite[17]) == math.isfinite(value)
    assert int(kept.finite.sum()) == 43 - (not math.isfinite(value))


def test_estimates_that_vanish_are_summed_in_float64() -> None:
    x = 1e-12 * estimates(43, 1)
    assert gathered(x, False, center(1e-12)) is None


def test_tensor_operations_give_what_the_compiled_loop_does(monkeypatch: pytest.MonkeyPatch) -> None:
    # The former are for other devices than the processor. 43 replicates make 8 batches of 5 and leave 3.
    monkeypatch.setattr(accumulator, "_NUMBERS", 8 * P)
    x = estimates(43, 1)
    by_loop, by_tensors = (Accumulator(center(), TRUTH, SEGMENTS, 43) for _ in range(2))
    for part in x.split([7, 1, 20, 15]):
        by_loop.add(part)
    monkeypatch.setattr(accumulator, "compiled_sums", lambda: None)
    for part in x.split([13, 30]):
        by_tensors.add(part)
    assert by_loop.totals.shape == (9, P)
    pairs = {name: (getattr(by_loop, name), getattr(by_tensors, name)) for name in ("totals", "powers")}
    pairs |= dict(zip(ROWS, zip(by_loop.scalars, by_tensors.scalars, strict=True), strict=True))
    for name, (a, b) in pairs.items():
        assert torch.allclose(a, b, rtol=2e-5, atol=2e-5 * float(b.abs().mean())), name
    batches = (x[:40] - center()).view(8, 5, P).sum(1)
    assert torch.allclose(by_loop.totals[:8], batches, rtol=1e-4, atol=1e-3)


def test_batches_that_are_longer_than_a_stretch_are_summed_apart() -> None:
    # The estimates of a batch are worked on some hundreds at a time.
    x = torch.randn(70_001, 3, generator=torch.Generator().manual_seed(1)).double()
    (found,) = summarize(x, None, [slice(0, 3)], x[0]).batches
    size = len(x) // 32
    means = x[: 32 * size].view(32, size, 3).mean(1)
    d = means - means.mean(0)
    torch.testing.assert_close(found[0], d @ d.T * size / 31, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_estimates_of_half_precision_are_summarized(dtype: torch.dtype) -> None:
    x = torch.randn(101, 3, generator=torch.Generator().manual_seed(1)).to(dtype)
    center = torch.zeros(3).double()
    found, wanted = (summarize(each, None, [slice(0, 3)], center) for each in (x, x.double()))
    torch.testing.assert_close(found.distance, wanted.distance)


def test_without_numba_large_estimates_are_summed_in_float64(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accumulator, "compiled_sums", lambda: None)
    large = torch.full((5, 300), 1e20)
    found = summarize(large, torch.full((300,), 0.2).double(), [slice(0, 300)], large[0])
    torch.testing.assert_close(found.norm, torch.full((5, 1), 3e42, dtype=torch.float64), rtol=1e-6, atol=0)


@pytest.mark.parametrize("segments", [[slice(0, 3)], [slice(0, 1), slice(1, 3)], [slice(0, 100)]])
def test_without_numba_summaries_are_the_same(segments: list[slice], monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.randn(101, segments[-1].stop, generator=torch.Generator().manual_seed(1)).double()
    truth = torch.full((x.shape[1],), 0.1, dtype=torch.float64)
    compiled = summarize(x, truth, segments)
    monkeypatch.setattr(accumulator, "compiled_sums", lambda: None)
    slow = summarize(x, truth, segments)
    for name in ROWS:
        assert torch.allclose(getattr(compiled, name), getattr(slow, name), rtol=1e-12), name
    assert torch.allclose(compiled.batches[0], slow.batches[0], rtol=1e-10, atol=1e-12)
    assert torch.allclose(compiled.moments.m4, slow.moments.m4, rtol=1e-12)
