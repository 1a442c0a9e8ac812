"""Gradients of a loss in rows: one replicate after the other, or all together where that gives the same."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import Tensor
from torch.distributions import Distribution

from bench.engine.guard import reason_of
from bench.losses.generators import Seeds, moved, positions, put_back
from bench.losses.manners import Manners
from bench.losses.own_generators import seed, state_of
from bench.losses.row_noise import Given, RowNoise
from bench.losses.scalar_loss import WrongLoss, scalar_of
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
# Bytes that rows hold together: beyond that they are computed in several stretches. The gradient of a row is
# there twice, as it comes and where it belongs.
_TOGETHER, _GRADIENTS = 1 << 28, 2
_ROUNDING = {torch.float32: 1e-4, torch.float64: 1e-10}


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
        with put_back():
            try:
                for start, stop in self._stretches(draws.rows):
                    # What is drawn is told of the first: of the others it is the same.
                    part = Draws(
                        draws.key, draws.first + start, stop - start, drawn=[] if start else draws.drawn
                    )
                    noise, seeds = RowNoise(part), Seeds(part)
                    for call, rows in calls:
                        own = [row - start for row in rows if start <= row < stop]
                        self._of_a_batch(call, own, noise, seeds, made[start:stop])
            finally:
                self.state.put_back()
        return made

    def _stretches(self, rows: int) -> Iterator[tuple[int, int]]:
        """Yield stretches of rows that fit into memory; the first few rows tell how many do."""
        start = 0
        while start < rows:
            size = self.manners.bytes
            stop = min(rows, start + (_CHECKED if size is None else max(1, _TOGETHER // size)))
            yield start, stop
            start = stop

    def _of_a_batch(
        self, call: Call, rows: Sequence[int], noise: RowNoise, seeds: Seeds, made: Tensor
    ) -> None:
        if self.manners.together is None and rows:
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
        before, own, why = positions(), self._own_states(), ""
        try:
            self._together(call, rows, noise, made)
        except Exception as error:  # noqa: BLE001 - vmap refuses in many ways; the loop says what is wrong
            why = f"its rows cannot be computed together: {_first_line(reason_of(error))}"
        drawn = own != self._own_states()
        if self.state.put_back() or drawn or moved(before):
            return why or "it does something else when its rows are computed together"
        return why

    def _together(self, call: Call, rows: Sequence[int], noise: RowNoise, made: Tensor) -> None:
        leaves, asked, place = self._tensors, self.manners.asked, _index(rows)
        given = [noise.of_all(i, each)[place] for i, each in enumerate(asked)]

        def loss(weights: tuple[Tensor, ...], _: Tensor, *noise_of_row: Tensor) -> Tensor:
            swapped, source = Swapped(list(zip(leaves, weights, strict=True))), Given(asked, noise_of_row)
            with swapped, served(source, swapped.stand_in):
                value = scalar_of(call())
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
            before, known = positions(), len(manners.changed)
            try:
                self._one_by_one(call, rows, noise, seeds, made)
            except Exception:
                self._put_back()
                if len(manners.changed) == known:
                    raise
                continue  # it may fail at what it changed itself in the row before
            drawn = moved(before) - manners.generators
            self._put_back()
            # What was seen only now concerns rows that are done already.
            if not drawn and (len(manners.changed) == known or len(rows) < _SEVERAL):
                return
            manners.generators |= drawn

    def _one_by_one(
        self, call: Call, rows: Sequence[int], noise: RowNoise, seeds: Seeds, made: Tensor
    ) -> None:
        manners, values = self.manners, list[Tensor]()
        with served(noise):
            for row in rows:
                noise.begin(row)
                for name in manners.generators:
                    seeds.set(name, row)
                own = self._seeded(seeds, row)
                value = self._weighed(call, noise) if manners.bytes is None else call()
                noise.is_over = True
                values.append(self._row(value, made[row]))
                if own != self._own_states():
                    manners.own = True
                if manners.changed:
                    self.state.put_back(manners.changed)
        manners.see(torch.stack(values))
        manners.asked = list(noise.asked)

    def _seeded(self, seeds: Seeds, row: int) -> list[Any]:
        """Set the generators of somebody's own to states of the row, and return these."""
        generators = self.state.generators
        for place, generator in enumerate(generators):
            seed(generator, seeds.number(row) + place)
        return self._own_states()

    def _own_states(self) -> list[Any]:
        return [*map(state_of, self.state.generators)]

    def _weighed(self, call: Call, noise: RowNoise) -> Any:
        """Call a loss, and note the bytes of a row: what it keeps for its backward pass, noise, gradient."""
        kept: dict[int, int] = {}

        def keep(tensor: Tensor) -> Tensor:
            if tensor.requires_grad and not tensor.is_leaf:
                place = tensor.untyped_storage()._cdata
                kept[place] = max(kept.get(place, 0), tensor.numel() * tensor.element_size())
            return tensor.detach()  # itself and its graph would hold one another for ever

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            value = call()
        gradient = sum(leaf.numel() * leaf.element_size() for leaf in self._tensors)
        drawn = sum(math.prod(each.shape) * each.dtype.itemsize for each in noise.asked)
        self.manners.bytes = max(1, sum(kept.values()) + drawn + _GRADIENTS * gradient)
        return value

    def _row(self, value: Any, row: Tensor) -> Tensor:
        scalar = scalar_of(value)
        if not scalar.requires_grad:
            row.zero_()
            return scalar
        found = gradients(scalar, self._tensors)
        parts = [
            zeros if each is None else each.reshape(-1)
            for each, zeros in zip(found, self._zeros, strict=True)
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
