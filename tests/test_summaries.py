"""Summaries of estimates: scalars of every replicate, batches, and blocks that are joined."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from bench.statistics.summary import Collection, Summary, deviations, summarize
from tests.test_moments import POWERS, direct, normal

ROWS = ("distance", "error", "product", "norm")


def agrees(
    summary: Summary, x: Tensor, truth: Tensor | None, segments: Sequence[slice], tolerance: float
) -> None:
    """Compares a summary with direct formulas, relative to the size of what is summed."""
    x = x.double()
    R, P = x.shape
    truth = torch.full((P,), torch.nan, dtype=torch.float64) if truth is None else truth
    d = x - x.mean(0)
    wanted = {
        "distance": d**2,
        "error": (x - truth) ** 2,
        "product": x * truth,
        "norm": x**2,
    }
    # Numbers are taken apart into a center and a rest: what is near zero is rounded as the others.
    rounded = {**wanted, "norm": (x.abs() + x.abs().mean(0)) ** 2}
    for name, terms in wanted.items():
        sums = torch.stack([terms[:, s].sum(1) for s in segments], 1)
        sizes = torch.stack([rounded[name][:, s].abs().sum(1) for s in segments], 1)
        found = getattr(summary, name)
        assert found.shape == (R, len(segments))
        assert torch.equal(found.isnan(), sums.isnan())
        assert bool(((found - sums).abs() <= tolerance * sizes).logical_or(sums.isnan()).all()), name
    moments = direct(x)
    assert summary.moments.count == R
    assert torch.allclose(summary.moments.mean, moments.mean, rtol=tolerance, atol=tolerance * float(x.std()))
    for k, name in enumerate(POWERS, 2):
        sizes = (d.abs() ** k).sum(0)
        difference = getattr(summary.moments, name) - getattr(moments, name)
        assert bool((difference.abs() <= tolerance * sizes).all()), name


def join(summaries: Sequence[Summary]) -> Summary:
    segments = summaries[0].norm.shape[1]
    collection = Collection(sum(len(summary.finite) for summary in summaries), segments)
    for summary in summaries:
        collection.add(summary)
    return collection.whole()


def in_blocks(blocks: Sequence[Tensor], truth: Tensor | None, segments: Sequence[slice]) -> list[Summary]:
    """Summaries about one center that is none of theirs, as a cell's are."""
    center = torch.linspace(-0.3, 0.4, blocks[0].shape[1], dtype=torch.float64)
    return [summarize(block, truth, segments, center) for block in blocks]


SEGMENTS = [slice(0, 2), slice(2, 3), slice(3, 7)]


@pytest.mark.parametrize("segments", [[slice(0, 7)], SEGMENTS], ids=["one", "three"])
@pytest.mark.parametrize("with_truth", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_summary_is_what_its_formulas_say(
    dtype: torch.dtype, with_truth: bool, segments: list[slice]
) -> None:
    x = (normal(40, 7) + 2).to(dtype)
    truth = normal(7, seed=1) + 2 if with_truth else None
    agrees(summarize(x, truth, segments), x, truth, segments, 1e-12)


@pytest.mark.parametrize("with_truth", [True, False])
def test_one_coordinate(with_truth: bool) -> None:
    x = normal(30, 1) - 1.5
    truth = torch.tensor([-1.3], dtype=torch.float64) if with_truth else None
    agrees(summarize(x, truth, [slice(0, 1)]), x, truth, [slice(0, 1)], 1e-12)


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9, 1e18])
@pytest.mark.parametrize("P", [1, 1000])
def test_float32_estimates_of_any_size_are_summarized_nearly_as_in_float64(P: int, scale: float) -> None:
    # With many coordinates the powers are formed in float32, if they fit: 1e-7 at each of a few steps.
    x = (scale * (normal(200, P) + 0.8)).float()
    truth = scale * (0.8 + 0.1 * normal(P, seed=1))
    segments = [slice(0, P)] if P == 1 else [slice(0, 600), slice(600, 610), slice(610, P)]
    agrees(summarize(x, truth, segments), x, truth, segments, 3e-6)


def test_many_coordinates_are_cut_without_a_seam() -> None:
    x = normal(300, 1500)  # more than one slice of coordinates that fits in the cache
    agrees(
        summarize(x, normal(1500, seed=1), [slice(0, 1500)]), x, normal(1500, seed=1), [slice(0, 1500)], 1e-11
    )


def test_deviations_average_to_the_trace_whatever_the_center() -> None:
    x = normal(37, 7)
    for summary in (summarize(x, None, SEGMENTS), summarize(x, None, SEGMENTS, x[0])):
        for i, segment in enumerate(SEGMENTS):
            trace = float(x[:, segment].var(0).sum())
            assert float(summary.moments.variance[segment].sum()) == pytest.approx(trace, rel=1e-12)
            mean = float(deviations(summary.distance[:, i], trace).mean())
            assert mean == pytest.approx(trace, rel=1e-14)
    assert not deviations(torch.zeros(3, dtype=torch.float64), 0.0).any()


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 30), st.integers(1, 6), st.integers(0, 2**31), st.sampled_from([1e-6, 1.0, 1e6]))
def test_the_mean_squared_error_is_squared_bias_plus_variance(
    R: int, P: int, seed: int, scale: float
) -> None:
    x, truth = scale * normal(R, P, seed=seed), scale * normal(P, seed=seed + 1)
    summary = summarize(x, truth, [slice(0, P)])
    squared_bias = float((summary.moments.mean - truth).square().sum())
    trace = float(summary.moments.variance.sum())
    # Of the sample: the mean's own error is in the bias, so that the trace counts (R − 1)/R.
    assert float(summary.error.mean()) == pytest.approx(squared_bias + (R - 1) / R * trace, rel=1e-12)


def test_joined_blocks_keep_the_order_and_the_moments_of_all() -> None:
    x, truth = normal(100, 7) + 1, normal(7, seed=1)
    blocks = x.split([30, 30, 40])
    joined = join(in_blocks(blocks, truth, SEGMENTS))
    whole = summarize(x, truth, SEGMENTS)
    for name in ("error", "product", "norm"):
        assert torch.allclose(getattr(joined, name), getattr(whole, name), rtol=1e-12)
    assert torch.allclose(joined.moments.mean, whole.moments.mean, rtol=1e-13)
    for name in POWERS:
        assert torch.allclose(
            getattr(joined.moments, name), getattr(whole.moments, name), rtol=1e-10, atol=1e-10
        )
    center = joined.center
    squares = torch.stack([(x - center)[:, s].square().sum(1) for s in SEGMENTS], 1)
    assert torch.allclose(joined.distance, squares, rtol=1e-12)


def test_the_same_blocks_in_the_same_order_give_the_same_bits() -> None:
    blocks = in_blocks(normal(100, 7).split(25), None, SEGMENTS)
    first, again, other = join(blocks), join(blocks), join(blocks[::-1])
    assert all(torch.equal(getattr(first.moments, name), getattr(again.moments, name)) for name in POWERS)
    # The control: the order matters to the last bits, hence it is fixed.
    assert any(not torch.equal(getattr(first.moments, name), getattr(other.moments, name)) for name in POWERS)
    assert all(
        torch.allclose(getattr(first.moments, n), getattr(other.moments, n), atol=1e-9) for n in POWERS
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("P", [7, 1000])
def test_estimates_that_are_not_finite_are_left_out_of_everything(P: int, dtype: torch.dtype) -> None:
    x, truth = (normal(40, P) + 1).to(dtype), normal(P, seed=1)
    x[3, 0], x[17, 5], x[39, P - 1] = math.nan, math.inf, -math.inf
    segments = [slice(0, 2), slice(2, P)]
    summary = summarize(x, truth, segments)
    finite = torch.ones(40, dtype=torch.bool)
    finite[[3, 17, 39]] = False
    assert torch.equal(summary.finite, finite)
    rows = {}
    for name in ROWS:
        assert getattr(summary, name)[~finite].isnan().all()
        rows[name] = getattr(summary, name)[finite]
    others = Summary(summary.sums, summary.center, finite=finite[finite], batches=summary.batches, **rows)
    # Of many coordinates in float32 the center is a mean in float32.
    agrees(others, x[finite], truth, segments, 3e-6 if P == 1000 and dtype == torch.float32 else 1e-12)


def test_finite_estimates_whose_squares_overflow_are_still_finite() -> None:
    x = normal(5, 2)
    x[2, 0] = 1e200
    assert summarize(x, None, [slice(0, 2)]).finite.all()


def test_a_single_replicate_has_a_mean_but_no_deviation() -> None:
    x, truth = normal(1, 3), normal(3, seed=1)
    summary = summarize(x, truth, [slice(0, 3)])
    assert torch.equal(summary.moments.mean, x[0])
    assert deviations(summary.distance[:, 0] + 1, float(summary.moments.variance.sum())).isnan().all()
    assert float(summary.error) == pytest.approx(float((x - truth).square().sum()))
    assert summary.finite.all()


def test_when_no_replicate_is_finite_nothing_is_known() -> None:
    summary = summarize(torch.full((4, 3), torch.nan), normal(3), [slice(0, 1), slice(1, 3)])
    assert summary.moments.count == 0
    assert summary.moments.mean.isnan().all()
    assert summary.moments.variance.isnan().all()
    assert not summary.finite.any()
    assert all(getattr(summary, name).shape == (4, 2) for name in ROWS)
    assert all(getattr(summary, name).isnan().all() for name in ROWS)


def test_a_block_without_a_finite_replicate_does_not_spoil_the_others() -> None:
    lost, good = torch.full((4, 3), torch.inf, dtype=torch.float64), normal(10, 3)
    alone = summarize(good, None, [slice(0, 3)]).moments
    for blocks in ([lost, good], [good, lost], [lost, lost, good]):
        joined = join(in_blocks(blocks, None, [slice(0, 3)]))
        assert joined.moments.count == 10
        assert torch.allclose(joined.moments.m2, alone.m2, rtol=1e-13)
        assert int(joined.finite.sum()) == 10


@pytest.mark.parametrize("P", [1, 300])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_what_does_not_vary_has_no_variance_about_a_center_that_is_rounded(
    P: int, dtype: torch.dtype
) -> None:
    x = torch.full((100, P), 0.1, dtype=dtype)
    moments = summarize(x, None, [slice(0, P)], x[0].double() * (1 + 3e-7)).moments
    assert not moments.variance.any()
    x[3] += 1e-3
    assert summarize(x, None, [slice(0, P)], x[0].double() * (1 + 3e-7)).moments.variance.all()


def test_products_of_batches_are_those_of_their_means() -> None:
    x = normal(320, 3)
    (products,) = summarize(x, None, [slice(0, 3)], x[0]).batches
    means = x.view(32, 10, 3).mean(1)
    d = means - means.mean(0)
    assert torch.allclose(products[0], d @ d.T * 10 / 31, rtol=1e-10, atol=1e-12)
