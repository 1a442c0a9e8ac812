"""The small language in which a scenario writes a cost: a formula of z, read without Python's eval."""

from __future__ import annotations

import functools
import itertools
import math
import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import torch
from flint import acb
from torch import Tensor

from bench.balls import Within
from bench.errors import invalid
from bench.formula.balls import Enclosure, enclosure
from bench.formula.reading import DEEPEST, LONGEST, read
from bench.formula.terms import REDUCTIONS, Term

__all__ = ["DEEPEST", "LONGEST", "Formula", "parse"]

Pieces = list[tuple[float, Term | None]]  # weights and what they weigh; None is 1


def _affine(term: Term, dimensions: int) -> Pieces | None:
    """The term as Σ_k w_k Σ_d g_k(z_d) plus constants, if it is visibly that: all w_k and g_k."""
    if term.number is not None:
        return [(term.number, None)]
    if term.operation in REDUCTIONS:
        (inner,) = term.operands
        return None if inner.reduces else [(1.0 if term.operation == "sum" else 1 / dimensions, inner)]
    parts = [part for each in term.operands if (part := _affine(each, dimensions)) is not None]
    if not parts or len(parts) < len(term.operands):
        return None
    numbers = [each.number for each in term.operands]
    match term.operation, numbers:
        case "+" | "-", _:
            last = _scaled(parts.pop(), -1.0 if term.operation == "-" else 1.0)
            return [*itertools.chain(*parts), *last]
        case "*", [float(factor), _]:
            return _scaled(parts[1], factor)
        case "*", [_, float(factor)]:
            return _scaled(parts[0], factor)
        case "/", [_, float(divisor)] if divisor != 0:
            return _scaled(parts[0], 1 / divisor)
    return None


def _scaled(pieces: Pieces, factor: float) -> Pieces:
    return [(weight * factor, term) for weight, term in pieces]


def _constant(pieces: Pieces) -> float:
    return sum((weight for weight, term in pieces if term is None), 0.0)


def _summand_enclosed(pieces: list[tuple[float, Enclosure]], z: acb, within: Within) -> acb:
    return sum((weight * balls(z, within) for weight, balls in pieces), acb(0))


def _summand(pieces: Pieces, z: Tensor) -> Tensor:
    """g(z) = Σ_k w_k g_k(z), element by element."""
    values = [(weight, term.value(z, 0)) for weight, term in pieces if term is not None]
    weighted = [value if weight == 1 else weight * value for weight, value in values]
    return cast(Tensor, functools.reduce(operator.add, weighted)) if weighted else torch.zeros_like(z)


@dataclass(frozen=True)
class Formula:
    """A cost as a formula of z, such as `z**2`, `3*sum(exp(-z)) + 1` or `(z > 0) * sin(pi*z)`.

    Everything acts on each dimension of z by itself, but for `sum` and `mean`, which run
    over the D dimensions. A comparison is 1 where it holds and 0 elsewhere, and has no
    gradient. What is undefined for some z, such as the logarithm of a negative number, is nan.
    A superscript is a power that binds before all else, `z²**3` is `(z**2)**3`; `π` is pi.

    Attributes:
        text: the formula as the user wrote it.

    Raises:
        Invalid: if the text is no formula; the message says at which character.
    """

    text: str
    _term: Term = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_term", read(self.text))

    def __reduce__(self) -> tuple[type[Formula], tuple[str]]:
        return Formula, (self.text,)  # a term holds closures, which do not pickle

    def __call__(self, z: Tensor, event_dim: int) -> Tensor:
        """The cost of each sample, `[..., *event] -> [...]`; z has events of 0 or 1 axes."""
        assert not (event_dim and self._term.per_dimension), "the formula was not checked"
        value = self._term.value(z, event_dim)  # [...] or [..., 1]
        if not isinstance(value, Tensor):
            return z.new_full(z.shape[: z.ndim - event_dim], value)
        return value.squeeze(-1) if event_dim else value

    def check(self, event_dim: int) -> None:
        """Makes sure that each sample has one cost.

        Raises:
            Invalid: if z is a vector and the formula has a value for each of its dimensions.
        """
        if event_dim and self._term.per_dimension:
            raise invalid(
                f"the cost must be one number per sample, and z is a vector: "
                f"use sum(...) or mean(...), such as sum({self.text})"
            )

    def additive(self, dimensions: int) -> tuple[float, Callable[[Tensor], Tensor]] | None:
        r"""(c, g) such that :math:`f(z) = c + \sum_d g(z_d)`, if the formula visibly has that form.

        Args:
            dimensions: D. With one, every formula is its own g; so it is where the event is a number.

        Returns:
            c and g, which acts element by element; None if the formula couples the dimensions.
        """
        if dimensions == 1:
            return 0.0, functools.partial(self, event_dim=0)
        pieces = self._finite_pieces(dimensions)
        return None if pieces is None else (_constant(pieces), functools.partial(_summand, pieces))

    def summand(self, dimensions: int) -> Enclosure | None:
        """Return g of `additive` in ball arithmetic, see `bench.formula.balls.enclosure`."""
        pieces: Pieces | None = [(1.0, self._term)] if dimensions == 1 else self._finite_pieces(dimensions)
        if pieces is None:
            return None
        balls = [(weight, enclosure(term)) for weight, term in pieces if term is not None]
        return functools.partial(_summand_enclosed, balls)

    def _finite_pieces(self, dimensions: int) -> Pieces | None:
        pieces = _affine(self._term, dimensions)
        if pieces is None:
            return None
        finite = all(math.isfinite(weight) for weight, _ in [*pieces, (_constant(pieces), None)])
        return pieces if finite else None


def parse(text: str) -> Formula:
    """The formula that a text stands for; raises `Invalid` if it stands for none."""
    return Formula(text)
