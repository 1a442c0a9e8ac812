"""The estimates of one cell, summarized, and how its pieces are put together to them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import torch
from torch import Tensor

from bench.engine.counting import Counts
from bench.engine.pieces import Piece
from bench.statistics.summary import Collection, Summary


@dataclass(frozen=True)
class Replication:
    """The estimates of one cell, summarized.

    Attributes:
        summary: moments and scalars.
        seconds: per estimate, one value for each timed chunk, `[chunks]`.
        evaluations: of f, per estimate.
        gradient_evaluations: of the gradient of f, per estimate.
        draws: a fingerprint of the random numbers that were drawn; cells that have the
            same can be compared replicate by replicate.
        cost_varied: whether the cost was seen to vary; looked at only where a coordinate of the estimates
            did not, and there is a truth.
        first: the estimates of some coordinates as they are, of the first replicates,
            `[≤ MOST_REPLICATES, kept coordinates]` in float32.
    """

    summary: Summary
    seconds: Tensor
    evaluations: float
    gradient_evaluations: float
    draws: str
    cost_varied: bool = False
    first: Tensor = field(default_factory=lambda: torch.empty(0, 0))


class Together:
    """Pieces of a cell, put together in order.

    Args:
        replicates: about how many there will be.
        segments: stretches of coordinates that are summarized apart.
    """

    def __init__(self, replicates: int, segments: int) -> None:
        self._collection = Collection(replicates, segments)
        self._seconds: list[Tensor] = []
        self._first: list[Tensor] = []
        self._counts, self._draws = Counts(), hashlib.sha256()

    def add(self, piece: Piece) -> None:
        """Put the next one behind the others."""
        self._collection.add(piece.summary)
        self._seconds.append(piece.seconds)
        self._first.append(piece.first)
        self._counts += piece.counts
        self._draws.update(piece.draws)

    def summary(self) -> Summary:
        """The summary of all until now."""
        return self._collection.whole()

    def replication(self, cost_varied: bool) -> Replication:
        """The estimates of the cell; see `Replication` for the argument."""
        summary = self.summary()
        R, counts = len(summary.finite), self._counts
        return Replication(
            summary,
            torch.cat(self._seconds),
            counts.evaluations / R,
            counts.gradient_evaluations / R,
            self._draws.hexdigest()[:16],
            cost_varied,
            torch.cat(self._first),
        )
