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
# Batches in a block. Many blocks make up for the few that many coordinates can afford.
_BATCHES, _BATCHES_OF_MANY, _MANY = 32, 8, 1 << 14
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
        batches: for each block the inner products of the deviations of K batch means,
            `[segments, K, K]`, in the units of one estimate: their traces estimate that of the
            covariance Σ, and their squared norms tell tr(Σ²).
    """

    moments: Moments
    deviation: Tensor
    error: Tensor
    product: Tensor
    norm: Tensor
    finite: Tensor
    batches: tuple[Tensor, ...]


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
    return Summary(kept.moments, finite=finite, batches=kept.batches, **rows)


class Collection:
    """Summaries of blocks, put together in the order of the blocks.

    The scalars' memory is taken at once for the R that are expected, and doubled when
    more come: kept piece by piece between the blocks' large and short-lived tensors, they
    would leave holes that cost ten times their size.
    """

    def __init__(self, replicates: int, segments: int) -> None:
        shape = (replicates, segments)
        self._rows = {name: torch.empty(shape, dtype=torch.float64) for name in _ROWS}
        self._finite = torch.empty(replicates, dtype=torch.bool)
        self._batches: list[Tensor] = []
        self._moments: Moments | None = None
        self._filled = 0

    def add(self, summary: Summary) -> None:
        """Put the next block's summary behind the others."""
        there = slice(self._filled, self._filled + len(summary.finite))
        self._reserve(there.stop)
        for name, rows in self._rows.items():
            rows[there] = getattr(summary, name)
        self._finite[there] = summary.finite
        self._batches += summary.batches
        self._moments = summary.moments if self._moments is None else merge(self._moments, summary.moments)
        self._filled = there.stop

    def whole(self) -> Summary:
        """The summary of all replicates that were added; it shares their memory."""
        assert self._moments is not None
        rows = {name: kept[: self._filled] for name, kept in self._rows.items()}
        finite = self._finite[: self._filled]
        return Summary(self._moments, finite=finite, batches=tuple(self._batches), **rows)

    def _reserve(self, replicates: int) -> None:
        if replicates > len(self._finite):
            length = max(replicates, 2 * len(self._finite))
            self._rows = {name: _longer(rows, length) for name, rows in self._rows.items()}
            self._finite = _longer(self._finite, length)


def _longer(kept: Tensor, length: int) -> Tensor:
    longer = kept.new_empty((length, *kept.shape[1:]))
    longer[: len(kept)] = kept
    return longer


_ROWS = ("deviation", "error", "product", "norm")


def _spread(rows: Tensor, finite: Tensor) -> Tensor:
    """The rows of the finite replicates at their places among all, `[R, segments]`."""
    spread = rows.new_full((len(finite), rows.shape[1]), torch.nan)
    spread[finite] = rows
    return spread


def _summarize(x: Tensor, truth: Tensor | None, segments: Sequence[slice]) -> Summary:
    R, P = x.shape
    x = x.double() if P <= _FEW else x
    K = max(1, min(_BATCHES if P <= _MANY else _BATCHES_OF_MANY, R))
    powers = x.new_empty((4, P), dtype=torch.float64)
    rows = x.new_zeros((4, R, len(segments)), dtype=torch.float64)
    batches = x.new_zeros((len(segments), K, K), dtype=torch.float64)
    step = max(1, _SLICE_ENTRIES // max(1, R))
    for i, segment in enumerate(segments):
        for start in range(segment.start, segment.stop, step):
            s = slice(start, min(start + step, segment.stop))
            powers[:, s], part, products = _powers(x[:, s], None if truth is None else truth[s], K)
            rows[:, :, i] += part
            batches[i] += products
    rows[0] *= R / (R - 1) if R > 1 else torch.nan
    deviation, error, product, norm = rows.cpu()
    everyone = torch.ones(R, dtype=torch.bool)
    of_one = batches.cpu() * (R // K / (K - 1)) if K > 1 else batches.cpu() * torch.nan
    return Summary(Moments(R, *powers.cpu()), deviation, error, product, norm, everyone, (of_one,))


def _powers(x: Tensor, truth: Tensor | None, K: int) -> tuple[Tensor, Tensor, Tensor]:
    """A slice of coordinates `[R, p]`: moments `[4, p]`, the rows' scalars `[4, R]`, batches `[K, K]`.

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
        return _powers(x.double(), truth, K)
    t = torch.full_like(mean, torch.nan) if truth is None else truth.to(x.dtype)  # [p]
    along_mean, along_truth = (d @ mean).double(), (d @ t).double()  # [R]
    batch = d[: len(d) // K * K].reshape(K, len(d) // K, d.shape[1]).mean(1)  # [K, p]
    products = (batch @ batch.T).double()  # [K, K]
    m2 = ones @ power
    m3 = ones @ d.mul_(power)
    m4 = ones @ power.mul_(power)
    powers = torch.stack([mean, m2, m3, m4]).double()  # [4, p]
    m, t, square = mean.double(), t.double(), square.double()
    error = square + 2 * (along_mean - along_truth) + (m - t).square().sum()
    product = along_truth + m @ t
    norm = square + 2 * along_mean + m @ m
    return powers, torch.stack([square, error, product, norm]), products
