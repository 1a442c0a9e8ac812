"""The small language in which a scenario writes a cost: a formula of z, read without Python's eval."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from bench.errors import invalid
from bench.formula.constants import read_constants
from bench.formula.dependence import alone, at_coordinate, component
from bench.formula.products import Parts, parts
from bench.formula.ranges import Range
from bench.formula.reading import DEEPEST, LONGEST, Context, names_in, read
from bench.formula.relaxation import relaxed
from bench.formula.shapes import words
from bench.formula.splitting import Split, Summand, split
from bench.formula.terms import Term
from bench.formula.totals import of_total

__all__ = ["DEEPEST", "LONGEST", "Formula", "Range", "parse"]


@dataclass(frozen=True)
class Formula:
    """A cost as a formula of z, such as `z**2`, `3*sum(exp(-z)) + 1` or `(z[0] > 0) * dot(w, z)`.

    Everything acts on each dimension of z by itself, but for `sum` and `mean`, which run
    over the D dimensions, and `dot`, the product of two lists, or of rows and a list.
    `z[0]` is one coordinate, `z[1:3]` several; places are counted, from the end too, as in Python.
    Constants with names are numbers, lists and rows; `f[z]` is the entry of a list at a whole number.
    A comparison is 1 where it holds and 0 elsewhere, and has no
    gradient. What is undefined for some z, such as the logarithm of a negative number, is nan.
    A superscript is a power that binds before all else, `z²**3` is `(z**2)**3`; `π` is pi.

    Attributes:
        text: the formula as the user wrote it.
        let: the constants that have names: numbers, lists, or lists of rows.

    Raises:
        Invalid: if the text is no formula; the message says at which character. Of a constant that is none
            the path begins with its name.
    """

    text: str
    let: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)
    _context: Context = field(init=False, repr=False, compare=False)
    _term: Term = field(init=False, repr=False, compare=False)
    _relaxed: dict[tuple[int, int | None], Term] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    _splits: dict[int, Split | None] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        context = Context(read_constants(self.let))
        object.__setattr__(self, "_context", context)
        object.__setattr__(self, "_term", read(self.text, context))

    def __reduce__(self) -> tuple[type[Formula], tuple[str, Mapping[str, Any]]]:
        return Formula, (self.text, self.let)  # a term holds closures, which do not pickle

    def __call__(self, z: Tensor, event_dim: int) -> Tensor:
        """The cost of each sample, `[..., *event] -> [...]`; z has events of 0 or 1 axes."""
        assert not (event_dim and self._term.per_dimension), "the formula was not checked"
        if self._term.lists and not event_dim:
            return self(z[..., None], 1)
        value = self._term.value(z, event_dim)  # [...] or [..., 1]
        if not isinstance(value, Tensor):
            return z.new_full(z.shape[: z.ndim - event_dim], value)
        return value.squeeze(-1) if event_dim else value

    def check(self, dimensions: int, values: Range | None = None) -> None:
        """Makes sure that the formula fits z, and that each sample has one cost.

        Args:
            dimensions: of z; 0 if it is a number.
            values: those that each number of z can have, where that is known: places in tables are checked.

        Raises:
            Invalid: if z is a vector and the formula has a value for each of its dimensions, or looks
                for a dimension, or for an entry of a table, that there is not.
        """
        term = read(self.text, Context(self._context.constants, dimensions, values))
        if not term.per_dimension:
            return
        what = (
            "and z is a vector"
            if dimensions and term.shape == (dimensions,)
            else f"and this has {words(term.shape)}"
        )
        raise invalid(
            f"the cost must be one number per sample, {what}: "
            f"use sum(...) or mean(...), such as sum({self.text})"
        )

    @property
    def unused(self) -> list[str]:
        """The constants that do not occur in the text."""
        return [name for name in self._context.constants if name not in names_in(self.text)]

    def split(self, dimensions: int) -> Split | None:
        r"""The cost as :math:`f(z) = c + \sum_d g_d(z_d)`, if the formula visibly has that form.

        Args:
            dimensions: D. With one, every formula is its own g; so it is where z is a number, of 0.

        Returns:
            None if the formula couples the dimensions.
        """
        if dimensions not in self._splits:
            self._splits[dimensions] = self._new_split(dimensions)
        return self._splits[dimensions]

    def _new_split(self, dimensions: int) -> Split | None:
        if dimensions > 1:
            return None if self._term.per_dimension else split(self._of(dimensions), dimensions)
        term = component(self._of(dimensions), 0, alone) if self._term.lists else self._term
        same = Summand(((1.0, term),))
        if self._term.lists and dimensions:
            return Split(0.0, ((1.0, same),), lambda z: self(z[..., None], 1))
        return Split(0.0, ((1.0, same),), functools.partial(self, event_dim=0))

    def parts(self, dimensions: int) -> Parts | None:
        """The cost multiplied out into products of functions of different coordinates, as far as it can be.

        Args:
            dimensions: D, at least 2.

        Returns:
            None if numbers in it are not finite.
        """
        return parts(self._of(dimensions), dimensions)

    def of_total(self, dimensions: int) -> Term | None:
        """The cost as a term of the sum of the numbers of z; None if it depends on them otherwise."""
        return of_total(self._of(dimensions), dimensions)

    def of_coordinates(self, dimensions: int) -> Term:
        """The cost as a term of its coordinates, which are the last axis of z."""
        return component(self._of(dimensions), 0, at_coordinate)

    def relaxed(self, points: Tensor, dimensions: int, classes: int | None) -> Tensor:
        """The cost between the values of a discrete z; at its values it is the cost itself.

        Args:
            points: `[..., *event]` between 0 and 1, or `[..., *event, C]` that add up to one over C classes.
            dimensions: D; 0 where z is a number.
            classes: C, or None where there is no such axis.

        Raises:
            NotApplicable: if the formula is not defined there; see `bench.formula.relaxation`.
        """
        x = points if dimensions else points.unsqueeze(-1 if classes is None else -2)
        key = (dimensions, classes)
        if key not in self._relaxed:
            self._relaxed[key] = relaxed(self._of(dimensions), dimensions, classes)
        value = self._relaxed[key].value(x, 1)
        if isinstance(value, Tensor):
            return value.squeeze(-1)
        return points.new_full(x.shape[: -1 if classes is None else -2], value)

    def _of(self, dimensions: int) -> Term:
        """The term with all shapes known."""
        return read(self.text, Context(self._context.constants, dimensions))


def parse(text: str, let: Mapping[str, Any] | None = None) -> Formula:
    """The formula that a text stands for, with constants by name; raises `Invalid` if it stands for none."""
    return Formula(text, {} if let is None else let)
