"""Coordinates of z on which each number of a term depends, and single numbers of a term as terms."""

from __future__ import annotations

import operator
from collections.abc import Callable, Hashable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from bench.formula import terms
from bench.formula.terms import DOT, REDUCTIONS, SUBSCRIPT, TABLE, Term

NOTHING, SEVERAL = -1, -2
"""Stand-ins for a coordinate: for a number that depends on none, and on more than one."""
TOTAL = "total"
"""The operation of a sum of any number of terms."""

Own = NDArray[np.int64]


def own_coordinates(term: Term, dimensions: int) -> Own:
    """The one coordinate on which each number of a term depends, `[n]`; `[1]` of a number.

    Args:
        term: read with the dimensions of z known.
        dimensions: D; 0 where z is a number, which is then its coordinate 0.
    """
    if term.operation == "z":
        return np.arange(max(1, dimensions))
    if term.fixed:
        return np.full(_size(term), NOTHING)
    inner = [own_coordinates(each, dimensions) for each in term.operands]
    if term.operation == SUBSCRIPT:
        assert term.where is not None
        return np.atleast_1d(inner[0][term.where])
    if term.operation in REDUCTIONS:
        return np.array([_merged(inner[0])])
    if term.operation == DOT:
        return _of_dot(term, inner)
    found = np.full(_size(term), NOTHING)
    for each in inner:
        found = np.where(
            found == NOTHING, each, np.where((each == NOTHING) | (each == found), found, SEVERAL)
        )
    return found


def _size(term: Term) -> int:
    return term.shape[0] or 0 if term.shape else 1


def _merged(own: Own) -> int:
    found = np.unique(own[own != NOTHING])
    return NOTHING if not len(found) else int(found[0]) if len(found) == 1 else SEVERAL


def _of_dot(term: Term, inner: list[Own]) -> Own:
    left, right = term.operands
    if not left.fixed and not right.fixed:
        both = np.where(inner[0] == NOTHING, inner[1], inner[0])
        differ = (inner[1] != NOTHING) & (inner[1] != both)
        return np.array([_merged(np.where(differ, SEVERAL, both))])
    rows, own = rows_of(term), inner[0] if right.fixed else inner[1]
    return np.array([_merged(own[row != 0]) for row in rows])


def rows_of(term: Term) -> NDArray[np.float64]:
    """The constant side of a dot product as rows by which the other side is multiplied, `[m, n]`."""
    left, right = term.operands
    side = (left if left.fixed else right).constant
    assert side is not None
    rows: NDArray[np.float64] = side.numpy() if left.fixed or side.dim() == 1 else side.numpy().T
    return np.atleast_2d(rows)


def component(term: Term, i: int, leaf: Callable[[int], Term]) -> Term:
    """The i-th number of a term as a term of numbers alone, with a leaf for each coordinate of z.

    What is put together of a list becomes a `TOTAL`.
    """
    if term.operation == "z":
        return leaf(i if term.shape else 0)
    if term.number is not None:
        return term
    if term.operation == "constant":
        assert term.constant is not None
        return terms.number(float(term.constant[i]))
    if term.operation == SUBSCRIPT:
        (inner,) = term.operands
        assert term.where is not None
        return component(inner, int(np.atleast_1d(np.arange(_size(inner))[term.where])[i]), leaf)
    if term.operation in REDUCTIONS:
        (inner,) = term.operands
        summed = total([component(inner, j, leaf) for j in range(_size(inner))])
        return summed if term.operation == "sum" else _times(summed, 1 / _size(inner))
    if term.operation == DOT:
        return _component_of_dot(term, i, leaf)
    operands = tuple(component(each, i if each.shape else 0, leaf) for each in term.operands)
    if term.operation == TABLE:
        return _entry(term, operands)
    return elementwise(term, operands)


def elementwise(term: Term, operands: tuple[Term, ...]) -> Term:
    """The function of a term, of other operands; a number where they are numbers."""
    assert term.function is not None
    numbers = [each.number for each in operands if each.number is not None]
    if len(numbers) == len(operands):
        exact = [torch.tensor(each, dtype=torch.float64, device="cpu") for each in numbers]
        return terms.number(float(term.function(*exact)))
    return terms.applied(term.operation, term.function, operands)


def _component_of_dot(term: Term, i: int, leaf: Callable[[int], Term]) -> Term:
    left, right = term.operands
    if not left.fixed and not right.fixed:
        pairs = ((component(left, j, leaf), component(right, j, leaf)) for j in range(_size(left)))
        return total([_product(*pair) for pair in pairs])
    other, row = (right if left.fixed else left), rows_of(term)[i]
    return total([_times(component(other, int(j), leaf), float(row[j])) for j in np.flatnonzero(row)])


def _entry(term: Term, places: tuple[Term, ...]) -> Term:
    assert term.constant is not None
    return terms.looked_up(term.constant, places)


def total(summed: Sequence[Term]) -> Term:
    """The sum of terms of numbers."""
    if len(summed) == 1:
        return summed[0]
    numbers = [term.number for term in summed if term.number is not None]
    if len(numbers) == len(summed):
        return terms.number(sum(numbers, 0.0))
    values = [term.value for term in summed]
    return Term(TOTAL, tuple(summed), lambda z, event_dim: sum(value(z, event_dim) for value in values))


def _product(one: Term, other: Term) -> Term:
    if one.number is not None and other.number is not None:
        return terms.number(one.number * other.number)
    return terms.applied("*", operator.mul, (one, other))


def _times(term: Term, factor: float) -> Term:
    return term if factor == 1 else _product(terms.number(factor), term)


def alone(_coordinate: int) -> Term:
    """The leaf of a term of one coordinate: z is that number itself."""
    return terms.variable(())


def at_coordinate(k: int) -> Term:
    """The leaf of a term of several coordinates, which are the last axis of z, or a sequence of balls."""
    return Term("z", (), lambda z, _event_dim: z[..., k], where=k)


def replaced(term: Term, leaf: Callable[[int], Term]) -> Term:
    """A term of single coordinates, with other leaves in their places."""
    if term.operation == "z":
        assert isinstance(term.where, int)
        return leaf(term.where)
    operands = tuple(replaced(each, leaf) for each in term.operands)
    if term.operation == TABLE:
        return _entry(term, operands)
    if term.operation == TOTAL:
        return total(list(operands))
    return elementwise(term, operands) if operands else term


def key_of(term: Term) -> Hashable:
    """Return what terms have in common that are the same function, but for the names of coordinates."""
    table = (
        None
        if term.constant is None
        else (tuple(term.constant.shape), tuple(term.constant.flatten().tolist()))
    )
    return (term.operation, term.number, table, term.where, tuple(map(key_of, term.operands)))
