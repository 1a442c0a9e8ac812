"""The manner in which the rows of a loss are computed, as far as it is known."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from torch import Tensor

from bench.losses.row_noise import Asked


@dataclass
class Manners:
    """The manner in which a loss is computed, as far as it is known; it is learned from its first rows.

    Attributes:
        together: whether rows are computed together; None if that was not tried.
        why: the reason why they are not.
        generators: those that it draws from beside the noise that it is given.
        own: whether it draws from a generator of its own.
        changed: the paths of what it changes, and must find as it was in the next row.
        asked: the calls for noise of the last row that was computed by itself.
        values: the least and the largest value of the loss that was seen.
        bytes: that one row holds for its backward pass, with its gradient; None if that is not known.
    """

    together: bool | None = None
    why: str = ""
    generators: set[str] = field(default_factory=set)
    own: bool = False
    changed: list[str] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    values: tuple[float, float] = (math.inf, -math.inf)
    bytes: int | None = None

    @property
    def draws_nothing(self) -> bool:
        """Whether its rows were seen to draw nothing, so that they are all alike."""
        seen = self.values[0] <= self.values[1]
        return seen and not (self.asked or self.generators or self.own or self.changed)

    def needs_a_loop(self) -> str:
        """Why its rows depend on one another, or on more than their noise; empty if they do not."""
        drawn = sorted(self.generators)
        if drawn:
            return f"it draws from the generator{'s' * (len(drawn) > 1)} of {' and '.join(drawn)} by itself"
        if self.own:
            return "it draws from a generator of its own"
        return f"it changes {self.changed[0]}" if self.changed else ""

    def see(self, values: Tensor) -> None:
        """Note some values of the loss."""
        low, high = values.detach().aminmax()
        self.values = min(self.values[0], float(low)), max(self.values[1], float(high))
