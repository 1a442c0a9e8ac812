"""Densities of continuous distributions on a line, where they are analytic and their tails are thin.

Each is written twice: with torch, differentiable in the parameters and for many at once, and in ball
arithmetic, for proofs.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence

from flint import acb
from torch import Tensor

from bench.balls import Within

LOG_REACH = 4096.0
"""Numbers whose logarithm is beyond are none in float64, with room for powers of them."""
TAIL = 200.0
"""The exponent of e^−200, beyond which nothing is left of an exponential."""


class Line(ABC):
    """The density of one number on a line u, at certain values of its parameters, the anchor.

    Attributes:
        anchor: the parameters.
    """

    def __init__(self, *anchor: float) -> None:
        self.anchor = anchor

    @abstractmethod
    def z(self, u: acb) -> acb:
        """The number at a place of the line."""

    @abstractmethod
    def log_density(self, u: acb, within: Within) -> acb:
        """The logarithm of the density in u."""

    @abstractmethod
    def scores(self, u: acb, within: Within) -> list[acb]:
        """The derivatives of the logarithm of the density in the parameters."""

    @abstractmethod
    def edges(self) -> list[float]:
        """Places from far on the left to far on the right, dense near the mode."""

    def middle(self) -> list[float]:
        """A few places where there is much probability."""
        center, width = self.mode
        return [center + width * step for step in (-1.0, -0.5, 0.0, 0.5, 1.0)]

    @property
    def mode(self) -> tuple[float, float]:
        """The place of the mode on the line, roughly, and the width of the density there."""
        return 0.0, 1.0

    def far(self) -> list[float]:
        """Places beyond which, and at which, nothing of an integral may be left."""
        return [self.edges()[0], self.edges()[-1]]

    @staticmethod
    @abstractmethod
    def z_of(u: Tensor, *anchor: Tensor) -> Tensor:
        """The numbers at places of the line, of the shape of u."""

    @staticmethod
    @abstractmethod
    def log_density_of(u: Tensor, anchor: Sequence[Tensor], *parameters: Tensor) -> Tensor:
        """The logarithm of the density at nodes laid for an anchor, `[K, 1, (D)] -> [K, R, (D)]`."""


def rungs(center: float, width: float, low: float, high: float) -> list[float]:
    """Return edges at a center and at distances from it that double, from `low` to `high`."""
    steps = [width * 2.0**k for k in range(-1, 1 + math.ceil(math.log2((high - low) / width)))]
    inner = [*(center - step for step in reversed(steps)), center, *(center + step for step in steps)]
    return [low, *(edge for edge in inner if low < edge < high), high]
