"""Checks that estimates come from the stream handed over: what calls draw from it, and what varies."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from bench.engine.guard import RESEEDED, Misbehaved
from bench.engine.streams import position
from bench.noise.draws import Draws

REWOUND = "it set torch's generator back to numbers that had been drawn before"
ELSEWHERE = "its estimates vary though it drew nothing from torch's generator: they come from elsewhere"
REPEATED = "its estimates are the same whatever is drawn from torch's generator: they come from elsewhere"

# As much of the estimates as is looked at.
_ROWS, _COORDINATES = 64, 64
# Rounding may make identical rows differ, by some units in the last place or into a few values:
# where a row lies in memory decides which instructions compute it.
_UNITS, _VALUES = 256, 8
# The calls of a stream that are compared with one another; there are always as many in a cell.
_COMPARED = 2
# Two sets of estimates that are equal by chance with a probability below e^−35 are not equal by chance.
_CERTAIN = 35.0


class Origin:
    """Follows calls of an estimator on one stream; all of them at the same θ in every row.

    Args:
        draws: of the stream.
        device: of the estimates.
    """

    def __init__(self, draws: Draws, device: torch.device) -> None:
        self._draws, self._device = draws, device
        self._drawn = len(draws.drawn)
        self._position = position(device)
        self._seen = {self._position}
        self._calls = 0
        self._first: Tensor | None = None
        self._idle: Tensor | None = None

    def after(self, estimates: Tensor, data_per_row: bool) -> None:
        """Check what a call drew.

        Args:
            estimates: its estimates, `[R, P]`.
            data_per_row: whether each row has data of its own, and estimates vary with them.

        Raises:
            Misbehaved: if the estimates do not come from the stream.
        """
        before, self._position = self._position, position(self._device)
        drew = len(self._draws.drawn) > self._drawn or self._position != before
        self._drawn = len(self._draws.drawn)
        if self._position != before and self._position in self._seen:
            raise Misbehaved(more=REWOUND)
        self._seen.add(self._position)
        self._calls += 1
        if data_per_row:
            return
        if not drew:
            some = _some(estimates).clone()
            self._idle = some if self._idle is None else torch.cat([self._idle, some])[:_ROWS]
            if _is_noise(self._idle):
                raise Misbehaved(more=ELSEWHERE)
        elif self._calls <= _COMPARED:
            some = _some(estimates)
            if self._first is None:
                self._first = some.clone()
            elif torch.equal(some, self._first) and _vary(some) and _is_beyond_chance(some):
                raise Misbehaved(more=REPEATED)


def _some(estimates: Tensor) -> Tensor:
    P = estimates.shape[1]
    return estimates[:_ROWS] if P <= _COORDINATES else estimates[:_ROWS, :: -(-P // _COORDINATES)]


def _is_noise(rows: Tensor) -> bool:
    """Whether rows that should be the same differ by more than rounding, and in more than a few values."""
    few = min(_VALUES, len(rows) / 2)
    return _vary(rows) and len(torch.unique(rows.nan_to_num(), dim=0)) > few


def _vary(rows: Tensor) -> bool:
    """Whether rows differ by more than rounding."""
    if torch.equal(rows, rows[:1].expand_as(rows)):
        return False
    rows = rows.nan_to_num()
    gap = float((rows - rows[0]).abs().max())
    return gap > _UNITS * torch.finfo(rows.dtype).eps * float(rows.abs().max())


def _is_beyond_chance(rows: Tensor) -> bool:
    """Whether independent draws of rows like these hardly ever give the same rows again."""
    _, counts = torch.unique(rows, dim=0, return_counts=True)
    shares = counts.double() / len(rows)
    same = float(shares.square().sum())  # of two rows
    return -len(rows) * math.log(same) > _CERTAIN


@contextmanager
def forks_watched() -> Iterator[None]:
    """Raise on leaving if the generator was seeded for a while, and put back: in a fork, say.

    Each call of torch within takes some microseconds longer.
    """
    with _Seeds() as seeds:
        yield
    if seeds.others:
        raise Misbehaved(more=RESEEDED)


_watching = True


@contextmanager
def seeds_of_its_own() -> Iterator[None]:
    """Within it code that is handed a seed may seed torch's generator, which is put back by the caller."""
    global _watching
    before, _watching = _watching, False
    try:
        yield
    finally:
        _watching = before


class _Seeds(TorchFunctionMode):
    """Compares the generator's seed at each call of torch with that at the beginning.

    Attributes:
        others: whether there was another.
    """

    def __init__(self) -> None:
        self._seed = torch.default_generator.initial_seed()
        self.others = False

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call the function, and note another seed."""
        if _watching and torch.default_generator.initial_seed() != self._seed:
            self.others = True
        return func(*args, **(kwargs or {}))
