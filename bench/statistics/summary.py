"""A summary of the estimates: moments of every coordinate, and a few scalars of every replicate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from bench.statistics.accumulator import Accumulator
from bench.statistics.moments import Moments, PowerSums, center_of

# Up to this many coordinates the powers are formed in float64, which costs next to
# nothing; above it in the estimates' own precision, as long as fourth powers neither
# overflow nor vanish: rounding of 1e-7 is lost among deviations that are random.
_FEW = 256
_SAFE = (1e-12, 1e12)


@dataclass(frozen=True)
class Summary:
    """The estimates of some replicates, summarized; segments are stretches of coordinates.

    Attributes:
        sums: of powers of every coordinate, over the finite replicates.
        center: about which they are.
        distance: squared distance from the center, `[R, segments]`; see `deviations`.
        error: squared distance from the truth, `[R, segments]`; NaN where there is none.
        product: inner product with the truth, `[R, segments]`; NaN where there is none.
        norm: squared norm, `[R, segments]`.
        finite: which replicates are finite, `[R]`; the others hold NaN above.
        batches: for each block the inner products of the deviations of K batch means,
            `[segments, K, K]`, in the units of one estimate: their traces estimate that of the
            covariance Σ, and their squared norms tell tr(Σ²).
    """

    sums: PowerSums
    center: Tensor
    distance: Tensor
    error: Tensor
    product: Tensor
    norm: Tensor
    finite: Tensor
    batches: tuple[Tensor, ...]

    @cached_property
    def moments(self) -> Moments:
        """Moments of every coordinate, over the finite replicates."""
        return self.sums.moments()


def scale_of(distance: Tensor, variance: float) -> float:
    """The factor that makes squared deviations of squared distances from a center near the mean.

    Their mean is then the unbiased variance: tables and comparisons of replicates say the same. A center
    that is off by a part of the standard deviation makes them a little noisier.

    Args:
        distance: of replicates, over some coordinates, `[R]`.
        variance: the trace of the covariance of these coordinates; NaN for a single replicate.
    """
    mean = float(distance.mean())
    return variance / mean if mean > 0 else 1.0


def deviations(distance: Tensor, variance: float) -> Tensor:
    """Squared deviations of replicates, `[R]`; see `scale_of`."""
    return distance * scale_of(distance, variance)


def precision_of(P: int, dtype: torch.dtype) -> torch.dtype:
    """The type in which P coordinates are summed, of estimates of a given type."""
    return torch.float64 if P <= _FEW else dtype


def summarize(
    estimates: Tensor,
    truth: Tensor | None,
    segments: Sequence[slice],
    center: Tensor | None = None,
    room: Sequence[Tensor] | None = None,
) -> Summary:
    """The summary of one block.

    Args:
        estimates: `[R, P]`, of any real type.
        truth: the gradient, `[P]` in float64, on the same device; or None.
        segments: stretches of coordinates that together are all of them, in order.
        center: about which powers are summed; None for the mean of these estimates.
        room: memory for the four scalars of the replicates, `[R, segments]` each; None to take some.
    """
    if center is None:
        center = center_of(estimates.to(precision_of(estimates.shape[1], estimates.dtype)))
    sums = _sums(estimates, truth, segments, center, room)
    if is_regular(sums):
        return summary_of(sums)
    finite = estimates.isfinite().all(1)  # [R]
    kept = summary_of(_sums(estimates[finite].double(), truth, segments, sums.center.double()))
    finite = finite.cpu()
    rows = {name: _spread(getattr(kept, name), finite) for name in _ROWS}
    return Summary(kept.sums, sums.center, finite=finite, batches=kept.batches, **rows)


def _sums(
    estimates: Tensor,
    truth: Tensor | None,
    segments: Sequence[slice],
    center: Tensor,
    room: Sequence[Tensor] | None = None,
) -> Accumulator:
    sums = Accumulator(center, truth, segments, len(estimates), room)
    sums.add(estimates)
    return sums


def is_regular(sums: Accumulator) -> bool:
    """Whether all estimates are finite, and neither too large nor too small for the precision of the sums."""
    if sums.powers.dtype == torch.float64:
        return bool(sums.powers[0].sum().isfinite())  # squares are not negative
    return bool(_is_safe(sums.scalars[0].sum(1)).all())


def summary_of(sums: Accumulator) -> Summary:
    """Summarize the sums over the estimates of one block."""
    R, c = sums.replicates, sums.center.double()  # c is [P]
    kept = [scalar.cpu() for scalar in sums.scalars]  # [R, segments] each
    powers = torch.cat([sums.totals.sum(0, keepdim=True), sums.powers])  # [4, P]
    return Summary(
        PowerSums(R, c.cpu(), powers.cpu()),
        sums.center,
        finite=torch.ones(R, dtype=torch.bool),
        batches=(_products(sums).cpu(),),
        **dict(zip(_ROWS, kept, strict=True)),
    )


def _is_safe(squares: Tensor) -> Tensor:
    """Whether fourth powers of squared distances neither vanish nor overflow in float32."""
    return (squares == 0) | (squares > _SAFE[0]) & (squares < _SAFE[1])


def _products(sums: Accumulator) -> Tensor:
    """Return products of the deviations of batch means, in the units of one estimate, `[segments, K, K]`."""
    totals = sums.totals[:-1]  # [K, P]
    K = len(totals)
    if K < 2:
        return torch.full((len(sums.segments), K, K), torch.nan, dtype=torch.float64)
    d = totals - totals.mean(0)
    return torch.stack([d[:, s] @ d[:, s].T for s in sums.segments]).double() / (sums.size * (K - 1))


class Collection:
    """Summaries of blocks, put together in the order of the blocks.

    The scalars' memory is taken at once for the R that are expected, and doubled when
    more come: kept piece by piece between the blocks' large and short-lived tensors, they
    would leave holes that cost ten times their size.
    """

    def __init__(self, replicates: int, segments: int) -> None:
        self._rows = [torch.empty((replicates, segments), dtype=torch.float64) for _ in _ROWS]
        self._finite = torch.empty(replicates, dtype=torch.bool)
        self._batches: list[Tensor] = []
        self._sums: PowerSums | None = None
        self._center: Tensor | None = None
        self._filled = 0

    def room(self, replicates: int) -> list[Tensor]:
        """Memory for the four scalars of the next replicates, `[replicates, segments]` each.

        What is written there need not be copied.
        """
        stop = self._filled + replicates
        if stop > len(self._finite):
            length = max(stop, 2 * len(self._finite))
            self._rows = [_longer(rows, length) for rows in self._rows]
            self._finite = _longer(self._finite, length)
        return [rows[self._filled : stop] for rows in self._rows]

    def add(self, summary: Summary) -> None:
        """Put the next block's summary behind the others."""
        count = len(summary.finite)
        if not self._filled and count == len(self._finite):  # it is all that is expected
            self._rows, self._finite = [getattr(summary, name) for name in _ROWS], summary.finite
        for name, room in zip(_ROWS, self.room(count), strict=True):
            rows = getattr(summary, name)
            if rows.data_ptr() != room.data_ptr():
                room[:] = rows
        self._finite[self._filled : self._filled + count] = summary.finite
        self._batches += summary.batches
        if self._sums is None:
            of, self._center = summary.sums, summary.center
            self._sums = PowerSums(0, of.center, torch.zeros_like(of.sums, dtype=torch.float64))
        self._sums.add(summary.sums)
        self._filled += count

    def whole(self) -> Summary:
        """The summary of all replicates that were added; it shares their memory."""
        assert self._sums is not None
        assert self._center is not None
        rows = {name: kept[: self._filled] for name, kept in zip(_ROWS, self._rows, strict=True)}
        finite = self._finite[: self._filled]
        return Summary(self._sums, self._center, finite=finite, batches=tuple(self._batches), **rows)


def _longer(kept: Tensor, length: int) -> Tensor:
    longer = kept.new_empty((length, *kept.shape[1:]))
    longer[: len(kept)] = kept
    return longer


_ROWS = ("distance", "error", "product", "norm")


def _spread(rows: Tensor, finite: Tensor) -> Tensor:
    """The rows of the finite replicates at their places among all, `[R, segments]`."""
    spread = rows.new_full((len(finite), rows.shape[1]), torch.nan)
    spread[finite] = rows
    return spread
