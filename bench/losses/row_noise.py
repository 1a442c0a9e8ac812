"""Noise of single rows: drawn by counter for all rows of a chunk at once, and handed to each in its turn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol

import torch
from torch import Tensor

from bench.losses.scalar_loss import WrongLoss
from bench.noise.draws import Draws

Kind = Literal["normal", "uniform", "unit", "exponential"]


class Asked(NamedTuple):
    """A call for noise.

    Attributes:
        kind: of its numbers.
        shape: of what one row gets.
        dtype: a real type.
        device: where.
    """

    kind: Kind
    shape: tuple[int, ...]
    dtype: torch.dtype
    device: torch.device


class Source(Protocol):
    """Gives the noise of the row that is computed."""

    def __call__(self, kind: Kind, shape: Sequence[int], dtype: torch.dtype, device: torch.device) -> Tensor:
        """Independent numbers of a kind, in a shape."""


class RowNoise:
    """The noise of the rows of a chunk: number i of call c of replicate r is a function of (r, c, i).

    Args:
        draws: begun for the rows of the chunk.

    Attributes:
        asked: the calls of the row that is computed, in order.
        is_over: whether the loss of this row has returned.
    """

    def __init__(self, draws: Draws) -> None:
        self._draws = draws
        self._made: dict[tuple[int, Asked], Tensor] = {}
        self.begin(0)

    def begin(self, row: int) -> None:
        """Give the noise of another row from now on, from its first call."""
        self._row = row
        self.asked: list[Asked] = []
        self.is_over = False

    def __call__(self, kind: Kind, shape: Sequence[int], dtype: torch.dtype, device: torch.device) -> Tensor:
        """The next noise of this row.

        Raises:
            WrongLoss: if the loss is over, and its backward pass draws.
        """
        if self.is_over:
            raise WrongLoss(
                "it draws in its backward pass, as where gradient checkpointing computes a part again: its "
                "random numbers would be others; turn that off"
            )
        asked = Asked(kind, tuple(shape), dtype, device)
        self.asked.append(asked)
        return self.of_all(len(self.asked) - 1, asked)[self._row].clone()

    def of_all(self, call: int, asked: Asked) -> Tensor:
        """The noise of a call in every row, `[R, *shape]`."""
        place = call, asked
        if place not in self._made:
            self._draws.calls = call
            draw = getattr(self._draws, asked.kind)
            self._made[place] = draw((1, self._draws.rows, *asked.shape), asked.dtype, asked.device)[0]
        return self._made[place]


class Given:
    """The noise of a row that was drawn before, in the order in which it was asked for.

    Args:
        asked: the calls.
        noise: what each is answered.

    Raises:
        Unlike: if another call comes.
    """

    def __init__(self, asked: Sequence[Asked], noise: Sequence[Tensor]) -> None:
        self._asked, self._noise, self._next = asked, noise, 0

    def __call__(self, kind: Kind, shape: Sequence[int], dtype: torch.dtype, device: torch.device) -> Tensor:
        """The next noise."""
        here, self._next = self._next, self._next + 1
        if here >= len(self._asked) or self._asked[here] != Asked(kind, tuple(shape), dtype, device):
            raise Unlike("its rows draw differently")
        return self._noise[here]

    def end(self) -> None:
        """Tell that no more is asked for.

        Raises:
            Unlike: if some of the noise was not.
        """
        if self._next < len(self._asked):
            raise Unlike("its rows draw differently")


class Unlike(Exception):
    """Rows that cannot be computed together."""
