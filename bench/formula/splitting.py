"""A cost as a sum of functions of one coordinate each, and what is left of it."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import torch
from flint import acb
from numpy.typing import NDArray
from torch import Tensor

from bench.balls import Within
from bench.formula.balls import Enclosure, enclosure
from bench.formula.dependence import SEVERAL, Own, alone, component, key_of, own_coordinates, rows_of
from bench.formula.terms import DOT, SUBSCRIPT, Term, applied, number

Weights = NDArray[np.float64]


@dataclass(frozen=True)
class Piece:
    """A weighted sum of the numbers of a term, one of the summands of a cost.

    Attributes:
        scale: what all are multiplied by.
        term: the numbers, `[n]` or one.
        weights: of each, `[n]`; None where all are 1.
    """

    scale: float
    term: Term
    weights: Weights | None = None

    def weight(self, i: int) -> float:
        return self.scale if self.weights is None else self.scale * float(self.weights[i])


@dataclass(frozen=True, eq=False)
class Summand:
    """g(z) = Σ_k w_k g_k(z) of one number z."""

    pieces: tuple[tuple[float, Term], ...]

    def __call__(self, z: Tensor) -> Tensor:
        """g, element by element."""
        values = [(weight, term.value(z, 0)) for weight, term in self.pieces]
        weighted = [value if weight == 1 else weight * value for weight, value in values]
        if not weighted:
            return torch.zeros_like(z)
        found = functools.reduce(operator.add, weighted)
        return found if isinstance(found, Tensor) else torch.full_like(z, found)

    @functools.cached_property
    def enclosure(self) -> Enclosure:
        """g in ball arithmetic, see `bench.formula.balls.enclosure`."""
        balls = [(weight, enclosure(term)) for weight, term in self.pieces]
        return functools.partial(_enclosed, balls)


def _enclosed(pieces: list[tuple[float, Enclosure]], z: acb, within: Within) -> acb:
    return sum((weight * balls(z, within) for weight, balls in pieces), acb(0))


@dataclass(frozen=True)
class Split:
    r"""A cost f(z) = c + Σ_d a_d g_d(z_d).

    Attributes:
        constant: c.
        summands: for each coordinate a_d and g_d; those that are the same function are the same object.
        terms: all a_d g_d(z_d) at once, `[..., D] -> [..., D]`.
    """

    constant: float
    summands: tuple[tuple[float, Summand], ...]
    terms: Callable[[Tensor], Tensor]


NONE = Summand(())
"""That of a coordinate on which a cost does not depend."""


def pieces_of(term: Term, dimensions: int) -> tuple[float, list[Piece]]:
    """The summands of a cost, and what is constant of it.

    Args:
        term: the cost, read with the dimensions of z known.
        dimensions: D.
    """
    found = list(_pieces(term, dimensions))
    constant = sum((_fixed_sum(piece) for piece in found if piece.term.fixed), 0.0)
    return constant, [piece for piece in found if not piece.term.fixed]


def _fixed_sum(piece: Piece) -> float:
    values = np.ones(1) if piece.term.constant is None else piece.term.constant.numpy()
    return piece.scale * float(values.sum() if piece.weights is None else piece.weights @ values)


def _pieces(term: Term, D: int, weights: Weights | None = None) -> Iterator[Piece]:
    """The summands of Σ_i w_i t_i, with scales that are multiplied from the innermost on."""
    whole = not (own_coordinates(term, D) == SEVERAL).any()
    if term.number is not None:
        yield Piece(term.number, number(1.0), weights)
        return
    match term.operation, term.operands:
        case "*", [one, other] if any(each.constant is not None and each.fixed for each in (one, other)):
            inner, factor = (other, one) if one.fixed else (one, other)
            assert factor.constant is not None
            yield from _pieces(inner, D, _summed_to(inner, _ones(term, weights) * factor.constant.numpy()))
            return
        case _ if whole:
            pass
        case "sum" | "mean", [inner]:
            n = _count(inner, D)
            scale = 1.0 if term.operation == "sum" else 1 / n
            spread = None if weights is None else np.full(n, float(weights[0]))
            yield from (_scaled(piece, scale) for piece in _pieces(inner, D, spread))
            return
        case "+" | "-", [*others, last]:
            for each in others:
                yield from _pieces(each, D, _broadcast(term, each, weights))
            sign = -1.0 if term.operation == "-" else 1.0
            yield from (_scaled(p, sign) for p in _pieces(last, D, _broadcast(term, last, weights)))
            return
        case "*", [one, other] if one.number is not None or other.number is not None:
            inner, times = (other, one.number) if one.number is not None else (one, other.number)
            assert times is not None
            yield from (_scaled(piece, times) for piece in _pieces(inner, D, weights))
            return
        case "/", [inner, divisor] if divisor.number is not None and divisor.number != 0:
            yield from (_scaled(piece, 1 / divisor.number) for piece in _pieces(inner, D, weights))
            return
        case "/", [inner, divisor] if (
            divisor.fixed and divisor.constant is not None and divisor.constant.all()
        ):
            spread = _ones(term, weights) / divisor.constant.numpy()
            yield from _pieces(inner, D, _summed_to(inner, spread))
            return
        case operation, [one, other] if operation == DOT and (one.fixed or other.fixed):
            inner = other if one.fixed else one
            yield from _pieces(inner, D, _ones(term, weights) @ rows_of(term))
            return
        case operation, [one, other] if operation == DOT:
            product = applied("*", operator.mul, (one, other), one.shape)
            spread = None if weights is None else np.full(_count(one, D), float(weights[0]))
            yield from _pieces(product, D, spread)
            return
        case operation, [inner] if operation == SUBSCRIPT:
            spread = np.zeros(inner.shape[0] or 0)
            own = _ones(term, weights)
            spread[term.where] = own if term.shape else own[0]
            yield from _pieces(inner, D, spread)
            return
    yield Piece(1.0, term, weights)


def _scaled(piece: Piece, factor: float) -> Piece:
    return replace(piece, scale=piece.scale * factor)


def _count(inner: Term, D: int) -> int:
    return (inner.shape[0] or D) if inner.shape else 1


def _ones(term: Term, weights: Weights | None) -> Weights:
    if weights is not None:
        return weights
    return np.ones(term.shape[0] or 0 if term.shape else 1)


def _broadcast(term: Term, operand: Term, weights: Weights | None) -> Weights | None:
    """The weights of an operand, which is a number beside a list where its shape is none."""
    if term.shape and not operand.shape:
        return np.array([_ones(term, weights).sum()])
    return weights


def _summed_to(operand: Term, weights: Weights) -> Weights:
    return weights if operand.shape else np.array([weights.sum()])


def split(term: Term, dimensions: int) -> Split | None:
    """The cost as a sum over coordinates; None if it visibly couples them, or a weight is not finite."""
    constant, pieces = pieces_of(term, dimensions)
    owns = [own_coordinates(piece.term, dimensions) for piece in pieces]
    if any((own == SEVERAL).any() for own in owns) or not is_finite(constant, pieces):
        return None
    D = max(1, dimensions)
    straight = np.arange(D)
    if all(
        piece.weights is None and _is_uniform(piece, own, straight)
        for piece, own in zip(pieces, owns, strict=True)
    ):
        same = Summand(tuple((piece.scale, piece.term) for piece in pieces))
        return Split(constant, ((1.0, same),) * D, same)
    return Split(
        constant,
        tuple(summands_of(list(zip(pieces, owns, strict=True)), D)),
        functools.partial(_terms, list(zip(pieces, owns, strict=True))),
    )


def _is_uniform(piece: Piece, own: Own, straight: Own) -> bool:
    return not piece.term.lists and np.array_equal(own, straight)


def is_finite(constant: float, pieces: list[Piece]) -> bool:
    """Whether a constant and all weights are."""
    every = [constant, *(piece.scale for piece in pieces)]
    return all(map(math.isfinite, every)) and all(
        bool(np.isfinite(piece.weights).all()) for piece in pieces if piece.weights is not None
    )


def summands_of(
    pieces: list[tuple[Piece, Own]], D: int, more: Iterable[tuple[int, float, Term]] = ()
) -> Iterator[tuple[float, Summand]]:
    """Each coordinate's own factor and function, of the numbers of pieces that depend on it alone.

    Args:
        pieces: with the coordinates of their numbers.
        D: the number of coordinates.
        more: coordinates, weights and functions of a number.
    """
    of_each: list[list[tuple[float, Term]]] = [[] for _ in range(D)]
    for piece, own in pieces:
        simple = not piece.term.lists and bool(piece.term.shape)
        for i, d in enumerate(own):
            weight = piece.weight(i)
            if weight != 0 and d != SEVERAL:
                term = piece.term if simple else component(piece.term, i, alone)
                of_each[max(0, int(d))].append((weight, term))
    for d, weight, term in more:
        if weight != 0:
            of_each[d].append((weight, term))
    known: dict[Hashable, Summand] = {}
    for parts in of_each:
        factor = parts[0][0] if len(parts) == 1 else 1.0
        scaled = tuple((weight / factor, term) for weight, term in parts)
        key = tuple((weight, key_of(term)) for weight, term in scaled)
        yield (factor, known.setdefault(key, Summand(scaled))) if parts else (0.0, NONE)


def _terms(pieces: list[tuple[Piece, Own]], z: Tensor) -> Tensor:
    """The summands of all coordinates, `[..., D] -> [..., D]`."""
    found = torch.zeros_like(z)
    for piece, own in pieces:
        value = cast(Tensor, piece.term.value(z, 1))  # [..., n]
        if piece.weights is not None:
            value = value * torch.from_numpy(piece.weights).to(z.device, z.dtype)
        if piece.scale != 1:
            value = piece.scale * value
        if len(own) == z.shape[-1] and (own == np.arange(len(own))).all():
            found = found + value
        else:  # what depends on no coordinate is that of the first
            place = torch.from_numpy(np.maximum(own, 0)).to(z.device)
            found = found.index_add(-1, place, value.expand(*z.shape[:-1], len(own)))
    return found
