"""A cost as a sum of products, whose factors depend on different coordinates."""

from __future__ import annotations

import itertools
import math
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from bench.formula import terms
from bench.formula.dependence import (
    SEVERAL,
    TOTAL,
    alone,
    at_coordinate,
    component,
    key_of,
    own_coordinates,
    replaced,
    total,
)
from bench.formula.splitting import Summand, is_finite, pieces_of, summands_of
from bench.formula.terms import OPERATORS, Term

MOST = 1 << 12
"""The most products into which one part of a cost is multiplied out."""
_HIGHEST = 8  # powers of sums that are multiplied out
_FUNCTIONS = dict(OPERATORS.values())

Monomials = list[tuple[float, tuple[Term, ...]]]
"""Weights, and the factors that they weigh."""


@dataclass(frozen=True)
class Factor:
    """A function of some coordinates of z.

    Attributes:
        coordinates: which, increasing.
        term: the function: of a number, or of the last axis of z, which holds those coordinates alone.
        key: the same for factors that are the same function of whatever coordinates.
    """

    coordinates: tuple[int, ...]
    term: Term
    key: Hashable


@dataclass(frozen=True)
class Parts:
    r"""A cost f(z) = c + Σ_d a_d g_d(z_d) + Σ_k w_k Π_j h_kj, with h_kj of coordinates that no h_ki has.

    Attributes:
        constant: c.
        summands: for each coordinate a_d and g_d.
        products: the w_k and h_kj; two or more factors, or one of several coordinates.
    """

    constant: float
    summands: tuple[tuple[float, Summand], ...]
    products: tuple[tuple[float, tuple[Factor, ...]], ...]


def parts(term: Term, dimensions: int) -> Parts | None:
    """The cost multiplied out as far as that takes its coordinates apart; None if a weight is not finite.

    Args:
        term: the cost, read with the dimensions of z known.
        dimensions: D, at least 2.
    """
    constant, pieces = pieces_of(term, dimensions)
    if not is_finite(constant, pieces):
        return None
    owns = [own_coordinates(piece.term, dimensions) for piece in pieces]
    singles: list[tuple[int, float, Term]] = []
    coupled: dict[Hashable, tuple[float, tuple[Factor, ...]]] = {}
    for piece, own in zip(pieces, owns, strict=True):
        for i in np.flatnonzero(own == SEVERAL):
            outer = piece.weight(int(i))
            for weight, factors in _multiplied_out(component(piece.term, int(i), at_coordinate)):
                found = _grouped(factors)
                if outer * weight == 0:
                    continue
                if not found:
                    constant += outer * weight
                elif len(found) == 1 and len(found[0].coordinates) == 1:
                    singles.append((found[0].coordinates[0], outer * weight, found[0].term))
                else:
                    key = tuple((factor.coordinates, factor.key) for factor in found)
                    before = coupled[key][0] if key in coupled else 0.0
                    coupled[key] = (before + outer * weight, found)
    every = [constant, *(weight for weight, _ in coupled.values()), *(weight for _, weight, _ in singles)]
    if not all(map(math.isfinite, every)):
        return None
    summands = summands_of(list(zip(pieces, owns, strict=True)), dimensions, singles)
    return Parts(constant, tuple(summands), tuple(coupled.values()))


def _multiplied_out(term: Term) -> Monomials:
    try:
        found = _monomials(term)
    except OverflowError:
        return [(1.0, (term,))]
    return found if all(math.isfinite(weight) for weight, _ in found) else [(1.0, (term,))]


def _monomials(term: Term) -> Monomials:
    """The term as a sum of products.

    Raises:
        OverflowError: if there are too many.
    """
    if term.number is not None:
        return [(term.number, ())]
    if term.operation == "*" and any(each.number is not None for each in term.operands):
        one, other = sorted(term.operands, key=lambda each: each.number is None)
        return _scaled(_monomials(other), one.number or 0.0)
    if len(coordinates_of(term)) <= 1:
        return [(1.0, (term,))]
    match term.operation, term.operands:
        case "+", [inner]:
            return _monomials(inner)
        case "-", [inner]:
            return _scaled(_monomials(inner), -1.0)
        case "+", [one, other]:
            return _limited([*_monomials(one), *_monomials(other)])
        case "-", [one, other]:
            return _limited([*_monomials(one), *_scaled(_monomials(other), -1.0)])
        case operation, summed if operation == TOTAL:
            return _limited([each for inner in summed for each in _monomials(inner)])
        case "*", [one, other]:
            return _unless_whole(term, _times(_monomials(one), _monomials(other)))
        case "/", [one, other] if other.number != 0:
            return _unless_whole(term, _times(_monomials(one), _reciprocal(other)))
        case "**", [base, exponent] if exponent.number in range(2, _HIGHEST + 1):
            raised = single = _monomials(base)
            for _ in range(int(exponent.number or 0) - 1):
                raised = _times(raised, single)
            return _unless_whole(term, raised)
        case "exp", _:
            return _exponential(term)
    return [(1.0, (term,))]


def _unless_whole(term: Term, monomials: Monomials) -> Monomials:
    """A term multiplied out; as it was where all of its coordinates stay together all the same."""
    count = len(coordinates_of(term))
    for _, factors in monomials:
        coupled = [factor for factor in factors if len(coordinates_of(factor)) > 1]
        groups: list[tuple[set[int], list[Term]]] = []
        for factor in factors if coupled else []:
            groups = _joined(groups, factor)
        if any(len(where) == count for where, _ in groups):
            return [(1.0, (term,))]
    return monomials


def _limited(monomials: Monomials) -> Monomials:
    if len(monomials) > MOST:
        raise OverflowError
    return monomials


def _scaled(monomials: Monomials, factor: float) -> Monomials:
    return [(factor * weight, factors) for weight, factors in monomials]


def _times(some: Monomials, others: Monomials) -> Monomials:
    if len(some) * len(others) > MOST:
        raise OverflowError
    return [(v * w, (*a, *b)) for (v, a), (w, b) in itertools.product(some, others)]


def _reciprocal(divisor: Term) -> Monomials:
    """1 over a term; of a product, the product of the reciprocals."""
    found = _monomials(divisor)
    if len(found) == 1 and found[0][0] != 0:
        ((weight, factors),) = found
        return [(1 / weight, tuple(_one_over(factor) for factor in factors))]
    return [(1.0, (_one_over(divisor),))]


def _one_over(term: Term) -> Term:
    return terms.applied("/", _FUNCTIONS["/"], (terms.number(1.0), term))


def _exponential(term: Term) -> Monomials:
    """The exponential of a sum: a product of one for each set of its summands that share coordinates."""
    assert term.function is not None
    (inner,) = term.operands
    weight, groups = 1.0, list[tuple[set[int], list[Term]]]()
    for factor, summand in _summands(inner):
        if summand.number is not None:
            weight *= math.exp(factor * summand.number)
        else:
            groups = _joined(groups, _product([terms.number(factor), summand]))
    if len(groups) == 1 and weight == 1:
        return [(1.0, (term,))]
    return [(weight, tuple(terms.applied("exp", term.function, (total(each),)) for _, each in groups))]


def _summands(term: Term) -> Iterator[tuple[float, Term]]:
    """The summands of a term as they stand, and their signs and factors."""
    match term.operation, term.operands:
        case "+", [inner]:
            yield from _summands(inner)
        case "-", [inner]:
            yield from ((-factor, each) for factor, each in _summands(inner))
        case operation, several if operation in ("+", TOTAL):
            yield from (found for each in several for found in _summands(each))
        case "-", [one, other]:
            yield from _summands(one)
            yield from ((-factor, each) for factor, each in _summands(other))
        case "*", [one, other] if one.number is not None or other.number is not None:
            inner, times = (other, one.number) if one.number is not None else (one, other.number)
            yield from ((factor * (times or 0.0), each) for factor, each in _summands(inner))
        case "/", [inner, divisor] if divisor.number:
            yield from ((factor / divisor.number, each) for factor, each in _summands(inner))
        case _:
            yield 1.0, term


def _joined(groups: Sequence[tuple[set[int], list[Term]]], term: Term) -> list[tuple[set[int], list[Term]]]:
    """Groups of terms by their coordinates, with those that a further term connects put together."""
    where = set(coordinates_of(term))
    linked = [each for each in groups if each[0] & where]
    apart = [each for each in groups if not each[0] & where]
    together = where.union(*(each for each, _ in linked)), [*(t for _, ts in linked for t in ts), term]
    return [*apart, together]


def _product(factors: Iterable[Term]) -> Term:
    """The product of terms; numbers are multiplied."""
    every = list(factors)
    number = math.prod(each.number for each in every if each.number is not None)
    found = [each for each in every if each.number is None]
    if not found or number != 1:
        found = [terms.number(number), *found]
    result = found[0]
    for each in found[1:]:
        result = terms.applied("*", _FUNCTIONS["*"], (result, each))
    return result


def coordinates_of(term: Term) -> tuple[int, ...]:
    """The coordinates of z that occur in a term of numbers, increasing."""
    if term.operation == "z":
        assert isinstance(term.where, int)
        return (term.where,)
    return tuple(sorted({d for each in term.operands for d in coordinates_of(each)}))


def _grouped(factors: Sequence[Term]) -> tuple[Factor, ...]:
    """The factors with those joined that have coordinates in common."""
    groups: list[tuple[set[int], list[Term]]] = []
    for factor in factors:
        groups = _joined(groups, factor)
    return tuple(sorted((_factor(where, joined) for where, joined in groups), key=lambda f: f.coordinates))


def _factor(where: set[int], factors: list[Term]) -> Factor:
    coordinates = tuple(sorted(where))
    if len(coordinates) == 1:
        term = replaced(_product(factors), alone)
    else:
        term = replaced(_product(factors), lambda d: at_coordinate(coordinates.index(d)))
    return Factor(coordinates, term, key_of(term))
