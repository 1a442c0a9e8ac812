"""Gradients of a loss in rows: one replicate after the other, or all together where that gives the same."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor
from torch.distributions import Distribution

from bench.engine.guard import reason_of
from bench.losses.generators import Seeds, moved, positions, put_back
from bench.losses.row_noise import Asked, Given, RowNoise
from bench.losses.serving import served
from bench.losses.state import State
from bench.losses.swapped import Swapped
from bench.losses.weights import Weights, gradients
from bench.noise.draws import Draws

Vectorize = Literal["auto", "never"]
Call = Callable[[], Any]
"""A loss with its batch: draws, and returns a scalar."""

# Rows that are computed both ways before they are computed together, and how far they may be apart: the order
# in which sums are taken differs.
_CHECKED = 3
_SEVERAL = 2
_ROUNDING = {torch.float32: 1e-4, torch.float64: 1e-10}


class WrongLoss(Exception):
    """A loss that gives what cannot be differentiated, or does what spoils its measurement."""


@dataclass
class Manners:
    """The manner in which a loss is computed, as far as it is known; it is learned from its first rows.

    Attributes:
        together: whether rows are computed together; None if that was not tried.
        why: the reason why they are not.
        generators: those that it draws from beside the noise that it is given.
        changed: the paths of what it changes, and must find as it was in the next row.
        asked: the calls for noise of the last row that was computed by itself.
        values: the least and the largest value of the loss that was seen.
    """

    together: bool | None = None
    why: str = ""
    generators: set[str] = field(default_factory=set)
    changed: list[str] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    values: tuple[float, float] = (math.inf, -math.inf)

    @property
    def draws_nothing(self) -> bool:
        """Whether its rows were seen to draw nothing, so that they are all alike."""
        seen = self.values[0] <= self.values[1]
        return seen and not (self.asked or self.generators or self.changed)

    def needs_a_loop(self) -> str:
        """Why its rows depend on one another, or on more than their noise; empty if they do not."""
        drawn = sorted(self.generators)
        if drawn:
            return f"it draws from the generator{'s' * (len(drawn) > 1)} of {' and '.join(drawn)} by itself"
        return f"it changes {self.changed[0]}" if self.changed else ""

    def see(self, values: Tensor) -> None:
        """Note some values of the loss."""
        low, high = values.detach().aminmax()
        self.values = min(self.values[0], float(low)), max(self.values[1], float(high))


class Rows:
    """Gradients of one loss in rows.

    Args:
        weights: in which gradients are wanted.
        state: all that the loss can reach.
        vectorize: whether rows may be computed together.
    """

    def __init__(self, weights: Weights, state: State, vectorize: Vectorize = "auto") -> None:
        self.weights, self.state = weights, state
        self._tensors = tuple(weights.tensors)
        self._zeros = [torch.zeros_like(leaf).reshape(-1) for leaf in self._tensors]
        self.manners = Manners()
        if vectorize == "never":
            self.manners.together, self.manners.why = False, "it was asked for"

    def gradients(self, calls: Sequence[tuple[Call, Sequence[int]]], draws: Draws) -> Tensor:
        """Gradients of all rows, `[R, P]`; row r is a function of its address.

        Args:
            calls: the loss with each of its batches, and the rows that have it.
            draws: begun for the rows.

        Raises:
            WrongLoss: if the loss gives no scalar, or changes the weights.
        """
        theta = self.weights.theta
        made = theta.new_empty((draws.rows, len(theta)))  # each row is written
        noise, seeds = RowNoise(draws), Seeds(draws)
        with put_back():
            try:
                for call, rows in calls:
                    self._of_a_batch(call, rows, noise, seeds, made)
            finally:
                self.state.put_back()
        return made

    def _of_a_batch(
        self, call: Call, rows: Sequence[int], noise: RowNoise, seeds: Seeds, made: Tensor
    ) -> None:
        if self.manners.together is None:
            first, rows = rows[:_CHECKED], rows[_CHECKED:]
            self._looped(call, first, noise, seeds, made)
            self._try_together(call, first, noise, made)
        if self.manners.together and rows and self._why_not_together(call, rows, noise, made):
            # Another batch may ask for other noise: its first row tells.
            first, rows = rows[:1], rows[1:]
            self._looped(call, first, noise, seeds, made)
            if rows and (why := self._why_not_together(call, rows, noise, made)):
                self._apart(why)
        if not self.manners.together and rows:
            self._looped(call, rows, noise, seeds, made)

    def _apart(self, why: str) -> None:
        self.manners.together, self.manners.why = False, why

    def _try_together(self, call: Call, rows: Sequence[int], noise: RowNoise, made: Tensor) -> None:
        """Compute some rows once more, and see whether they are the same together."""
        if why := self.manners.needs_a_loop():
            self._apart(why)
        if self.manners.together is False or len(rows) < _SEVERAL:
            return
        again = torch.empty_like(made)
        if why := self._why_not_together(call, rows, noise, again):
            self._apart(why)
            return
        own, other = made[list(rows)], again[list(rows)]
        size = own.norm(dim=1, keepdim=True).clamp(min=float(own.norm(dim=1).max()) * 1e-3)
        if bool(((other - own).abs() <= _ROUNDING[own.dtype] * size).all()):
            self.manners.together = True
        else:
            self._apart("its rows are not the same when they are computed together")

    def _why_not_together(self, call: Call, rows: Sequence[int], noise: RowNoise, made: Tensor) -> str:
        """Compute some rows by `vmap`; return why they are not those of a loop, empty if they are."""
        before, why = positions(), ""
        try:
            self._together(call, rows, noise, made)
        except Exception as error:  # noqa: BLE001 - vmap refuses in many ways; the loop says what is wrong
            why = f"its rows cannot be computed together: {_first_line(reason_of(error))}"
        if self.state.put_back() or moved(before):
            return why or "it does something else when its rows are computed together"
        return why

    def _together(self, call: Call, rows: Sequence[int], noise: RowNoise, made: Tensor) -> None:
        leaves, asked, place = self._tensors, self.manners.asked, _index(rows)
        given = [noise.of_all(i, each)[place] for i, each in enumerate(asked)]

        def loss(weights: tuple[Tensor, ...], _: Tensor, *noise_of_row: Tensor) -> Tensor:
            swapped, source = Swapped(list(zip(leaves, weights, strict=True))), Given(asked, noise_of_row)
            with swapped, served(source, swapped.stand_in):
                value = _scalar(call())
            source.end()
            return value

        inner: Any = torch.func.grad_and_value(loss)
        with _unchecked_distributions():
            found, values = torch.func.vmap(inner, in_dims=(None, 0, *[0] * len(given)))(
                tuple(leaf.detach() for leaf in leaves), leaves[0].new_zeros(len(rows)), *given
            )
        self.manners.see(values)
        # Each part goes where it belongs: a passage through fresh memory takes as long as the backward pass.
        start = 0
        for each in found:
            end = start + each[0].numel()
            made[place, start:end] = each.reshape(len(rows), -1)
            start = end

    def _looped(self, call: Call, rows: Sequence[int], noise: RowNoise, seeds: Seeds, made: Tensor) -> None:
        """Gradients of some rows, one after the other; once more if the loss turns out to need more care."""
        manners = self.manners
        while True:
            before, values = positions(), list[Tensor]()
            with served(noise):
                for row in rows:
                    noise.begin(row)
                    for name in manners.generators:
                        seeds.set(name, row)
                    values.append(self._row(call(), made[row]))
                    if manners.changed:
                        self.state.put_back(manners.changed)
            manners.see(torch.stack(values))
            manners.asked = list(noise.asked)
            drawn = moved(before) - manners.generators
            known = len(manners.changed)
            self._put_back()
            # What was seen only now concerns rows that are done already.
            if not drawn and (len(manners.changed) == known or len(rows) < _SEVERAL):
                return
            manners.generators |= drawn

    def _row(self, value: Any, row: Tensor) -> Tensor:
        scalar = _scalar(value)
        if not scalar.requires_grad:
            row.zero_()
            return scalar
        found = gradients(scalar, self._tensors)
        parts = [
            zeros if each is None else each.view(-1) for each, zeros in zip(found, self._zeros, strict=True)
        ]
        torch.cat(parts, out=row)
        return scalar.detach()

    def _put_back(self) -> None:
        changed = self.state.put_back()
        own = {id(leaf) for leaf in self.weights.tensors}
        if wrong := [path for path in changed if self.state.is_one_of(path, own)]:
            raise WrongLoss(f"it changes the weights themselves, {wrong[0]}; wanted a loss that leaves them")
        self.manners.changed = list(dict.fromkeys([*self.manners.changed, *changed]))


def _index(rows: Sequence[int]) -> slice | list[int]:
    """The index of some rows; a slice if they are consecutive, so that nothing is copied."""
    first, last = rows[0], rows[-1]
    return slice(first, last + 1) if last - first + 1 == len(rows) else list(rows)


def _scalar(value: Any) -> Tensor:
    if not isinstance(value, Tensor):
        why = "; return the loss itself, it is differentiated here" if value is None else ""
        raise WrongLoss(f"it returned {_kind(value)}, wanted a scalar tensor{why}")
    if value.dim() and value.numel() != 1:
        raise WrongLoss(
            f"it returned a tensor of shape {list(value.shape)}, wanted a scalar; take its mean or sum"
        )
    if not value.is_floating_point():
        raise WrongLoss(f"it returned {str(value.dtype).removeprefix('torch.')}, wanted a real number")
    return value.reshape(())


def _kind(value: Any) -> str:
    return "None" if value is None else f"a {type(value).__name__}"


def _first_line(text: str) -> str:
    line = text.strip().splitlines()[0] if text.strip() else ""
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"


_LONGEST = 160


@contextmanager
def _unchecked_distributions() -> Iterator[None]:
    """Let distributions not look at the values of their arguments, which `vmap` does not show."""
    checked: bool = Distribution._validate_args
    Distribution.set_default_validate_args(False)
    try:
        yield
    finally:
        Distribution.set_default_validate_args(checked)
