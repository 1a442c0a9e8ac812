"""Subscripts: coordinates and slices of z, parts of constants, and entries of tables at values of z."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

from bench.errors import Invalid
from bench.formula import terms
from bench.formula.ranges import Range, range_of
from bench.formula.shapes import common
from bench.formula.terms import Term

Place = tuple[Term | None, ...]
"""The subscript of one axis: `(place,)`, or `(lower, upper)` of a slice, either of which may be missing."""


@dataclass(frozen=True)
class Subscripted:
    """A term with a subscript.

    Attributes:
        source: how the term was typed.
        inner: the term.
        values: those that each number of z can have; None while they are not known.
        dimensions: of z; 0 where it is a number, None while they are not known.
        error: makes a fault at the i-th axis, or at the whole, −1, with a reason.
    """

    source: str
    inner: Term
    values: Range | None
    dimensions: int | None
    error: Callable[[int, str], Invalid]

    def term(self, places: Sequence[Place]) -> Term | Tensor:
        """Return the term that is meant, or the constant.

        Raises:
            Invalid: if there is none.
        """
        inner = self.inner
        if not inner.shape:
            if not inner.fixed and self.dimensions == 0:
                raise self.error(
                    -1, f"{self.source} is a number here, and has no parts; z is a list if a parameter is one"
                )
            raise self.error(-1, f"{self.source} is a number, and has no parts")
        if len(places) > len(inner.shape):
            axes = "one list" if len(inner.shape) == 1 else "rows of numbers"
            raise self.error(-1, f"{self.source} is {axes}, and {len(places)} places are given")
        depends = [i for i, place in enumerate(places) if any(each and not each.fixed for each in place)]
        if depends:
            return self._looked_up(places, depends)
        found = [self._fixed_place(i, place, inner.shape[i]) for i, place in enumerate(places)]
        if inner.fixed:
            assert inner.constant is not None
            values: Tensor = inner.constant[tuple(found)]
            return values
        (where,) = found
        return terms.taken(inner, where, self._left(where))

    def _left(self, where: int | slice) -> tuple[int | None, ...]:
        if isinstance(where, int):
            return ()
        size = self.inner.shape[0]
        return (None if size is None else len(range(*where.indices(size))),)

    def _fixed_place(self, i: int, place: Place, size: int | None) -> int | slice:
        numbers = [None if each is None else self._whole(i, each) for each in place]
        if len(numbers) == 2:
            where = slice(*numbers)
            if size is not None and not len(range(*where.indices(size))):
                raise self.error(i, f"nothing is left: there are {size}")
            return where
        (number,) = numbers
        assert number is not None
        if size is not None and not -size <= number < size:
            told = "dimension" if not self.inner.fixed else "number"
            raise self.error(
                i,
                f"{self.source} has {size} {told}{'' if size == 1 else 's'}: "
                f"wanted {'0' if size == 1 else f'0 to {size - 1}'}, or −1 to −{size} from the end",
            )
        return number

    def _whole(self, i: int, term: Term) -> int:
        if term.number is None or not term.number.is_integer():
            raise self.error(i, "a place is a whole number, such as z[0]")
        return int(term.number)

    def _looked_up(self, places: Sequence[Place], depends: Sequence[int]) -> Term:
        inner = self.inner
        if not inner.fixed or any(len(places[i]) > 1 for i in depends):
            raise self.error(depends[0], "a place that depends on z is one of a table: f[z] with f of `let`")
        if len(places) < len(inner.shape) or any(len(place) > 1 for place in places):
            raise self.error(
                -1,
                f"{self.source} is a table with {len(inner.shape)} axes, and needs a place in each: "
                f"{self.source}[z[0], z[1]]",
            )
        assert inner.constant is not None
        alone = [place[0] for place in places if place[0] is not None]
        for i, (place, size) in enumerate(zip(alone, inner.constant.shape, strict=True)):
            if place.fixed:
                self._fixed_place(i, (place,), size)
            else:
                self._check_range(i, place, size)
        # From the end as in Python; what depends on z is never negative.
        at = tuple(
            terms.number(place.number % size) if place.number is not None else place
            for place, size in zip(alone, inner.constant.shape, strict=True)
        )
        shape = common([place.shape for place in at])
        if shape is None or len(shape) > 1 or any(place.constant is not None and place.fixed for place in at):
            raise self.error(-1, "the places of a table are numbers, or lists of one length that depend on z")
        return terms.looked_up(inner.constant, at, shape)

    def _check_range(self, i: int, place: Term, size: int) -> None:
        if self.values is None:
            return
        found = range_of(place, self.values)
        if not found.whole:
            why = "" if self.values.whole else ": z is of a continuous distribution"
            raise self.error(i, f"a place in a table is a whole number, and this need not be one{why}")
        if found.low < 0 or found.high > size - 1:
            low, high = (f"{end:g}" if math.isfinite(end) else "any number" for end in found[:2])
            raise self.error(
                i,
                f"it goes from {low} to {high}, and {self.source} has {size} entries: wanted 0 to {size - 1}",
            )
