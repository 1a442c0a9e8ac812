"""What is kept of the estimates: moments of every coordinate, and a few scalars of every replicate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.statistics.moments import Moments, merge

# One slice of coordinates with its deviations and their powers should stay in the cache;
# much smaller ones lose to the fixed cost of a tensor operation.
_SLICE_ENTRIES = 1 << 18
# Below this many coordinates the powers are formed in float64, which costs next to
# nothing; above it in the estimates' own precision, as long as fourth powers neither
# overflow nor vanish: rounding of 1e-7 is lost among deviations that are random.
_FEW = 256
_SAFE = (1e-12, 1e12)


@dataclass(frozen=True)
class Summary:
    """The estimates of some replicates, summarized; segments are stretches of coordinates.

    Attributes:
        moments: of every coordinate, over the finite replicates.
        deviation: squared distance from the mean estimate of the block, made unbiased for
            the variance by n / (n − 1), `[R, segments]`.
        error: squared distance from the truth, `[R, segments]`; NaN where there is none.
        product: inner product with the truth, `[R, segments]`; NaN where there is none.
        norm: squared norm, `[R, segments]`.
        finite: which replicates are finite, `[R]`; the others hold NaN above.
    """

    moments: Moments
    deviation: Tensor
    error: Tensor
    product: Tensor
    norm: Tensor
    finite: Tensor


def summarize(estimates: Tensor, truth: Tensor | None, segments: Sequence[slice]) -> Summary:
    """The summary of one block.

    Args:
        estimates: `[R, P]`, of any real type.
        truth: the gradient, `[P]` in float64, on the same device; or None.
        segments: stretches of coordinates that together are all of them, in order.
    """
    summary = _summarize(estimates, truth, segments)
    if bool(summary.norm.isfinite().all()):
        return summary
    finite = estimates.isfinite().all(1)  # [R]
    kept = _summarize(estimates[finite].double(), truth, segments)
    finite = finite.cpu()
    rows = {name: _spread(getattr(kept, name), finite) for name in _ROWS}
    return Summary(kept.moments, finite=finite, **rows)


class Collection:
    """Summaries of blocks, put together in the order of the blocks.

    The scalars' memory is taken at once: kept piece by piece between the blocks' large
    and short-lived tensors, they would leave holes that cost ten times their size.
    """

    def __init__(self, replicates: int, segments: int) -> None:
        shape = (replicates, segments)
        self._rows = {name: torch.empty(shape, dtype=torch.float64) for name in _ROWS}
        self._finite = torch.empty(replicates, dtype=torch.bool)
        self._moments: Moments | None = None
        self._filled = 0

    def add(self, summary: Summary) -> None:
        """Put the next block's summary behind the others."""
        there = slice(self._filled, self._filled + len(summary.finite))
        for name, rows in self._rows.items():
            rows[there] = getattr(summary, name)
        self._finite[there] = summary.finite
        self._moments = summary.moments if self._moments is None else merge(self._moments, summary.moments)
        self._filled = there.stop

    def whole(self) -> Summary:
        """The summary of all replicates; every block must have been added."""
        assert self._moments is not None
        assert self._filled == len(self._finite)
        return Summary(self._moments, finite=self._finite, **self._rows)


_ROWS = ("deviation", "error", "product", "norm")


def _spread(rows: Tensor, finite: Tensor) -> Tensor:
    """The rows of the finite replicates at their places among all, `[R, segments]`."""
    spread = rows.new_full((len(finite), rows.shape[1]), torch.nan)
    spread[finite] = rows
    return spread


def _summarize(x: Tensor, truth: Tensor | None, segments: Sequence[slice]) -> Summary:
    R, P = x.shape
    x = x.double() if P <= _FEW else x
    powers = x.new_empty((4, P), dtype=torch.float64)
    rows = x.new_zeros((4, R, len(segments)), dtype=torch.float64)
    step = max(1, _SLICE_ENTRIES // max(1, R))
    for i, segment in enumerate(segments):
        for start in range(segment.start, segment.stop, step):
            s = slice(start, min(start + step, segment.stop))
            powers[:, s], part = _powers(x[:, s], None if truth is None else truth[s])
            rows[:, :, i] += part
    rows[0] *= R / (R - 1) if R > 1 else torch.nan
    deviation, error, product, norm = rows.cpu()
    everyone = torch.ones(R, dtype=torch.bool)
    return Summary(Moments(R, *powers.cpu()), deviation, error, product, norm, everyone)


def _powers(x: Tensor, truth: Tensor | None) -> tuple[Tensor, Tensor]:
    """Moments `[4, p]` and the rows' scalars `[4, R]` of a slice of coordinates `[R, p]`.

    All is had from the deviations d from the mean m while they are in the cache: with t
    the truth, |x − t|² = |d|² + 2 d·(m − t) + |m − t|², and so on. Sums over the
    replicates are products with a vector of ones, which takes half the time of `sum`.
    """
    ones = x.new_ones(len(x))  # [R]
    mean = ones @ x / len(x)  # [p]
    d = x - mean  # [R, p]
    power = d * d  # [R, p]
    square = power.sum(1)  # [R]
    if x.dtype != torch.float64 and not _SAFE[0] < float(square.max()) < _SAFE[1]:
        return _powers(x.double(), truth)
    t = torch.full_like(mean, torch.nan) if truth is None else truth.to(x.dtype)  # [p]
    along_mean, along_truth = (d @ mean).double(), (d @ t).double()  # [R]
    m2 = ones @ power
    m3 = ones @ d.mul_(power)
    m4 = ones @ power.mul_(power)
    powers = torch.stack([mean, m2, m3, m4]).double()  # [4, p]
    m, t, square = mean.double(), t.double(), square.double()
    error = square + 2 * (along_mean - along_truth) + (m - t).square().sum()
    product = along_truth + m @ t
    norm = square + 2 * along_mean + m @ m
    return powers, torch.stack([square, error, product, norm])
