"""Values that a part of a formula can have, as far as they tell whether it is a place in a table."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from bench.formula.terms import COMPARISONS, DOT, SUBSCRIPT, TABLE, Term


class Range(NamedTuple):
    """An interval in which all values lie, and whether they are whole numbers."""

    low: float = -math.inf
    high: float = math.inf
    whole: bool = False


def range_of(term: Term, z: Range) -> Range:
    """The values that a term can have where each number of z is in a range."""
    if term.operation == "z":
        return z
    if term.number is not None:
        return Range(term.number, term.number, term.number.is_integer())
    if term.operation in ("constant", TABLE):
        values = term.constant
        assert values is not None
        return Range(float(values.min()), float(values.max()), bool((values == values.round()).all()))
    inner = [range_of(each, z) for each in term.operands]
    match term.operation, inner:
        case operation, _ if operation in COMPARISONS:
            return Range(0.0, 1.0, True)
        case operation, [one] if operation == SUBSCRIPT:
            return one
        case "+", [one]:
            return one
        case "-", [one]:
            return Range(-one.high, -one.low, one.whole)
        case "abs", [one]:
            ends = (abs(one.low), abs(one.high))
            return Range(0.0 if one.low <= 0 <= one.high else min(ends), max(ends), one.whole)
        case "+", [one, other]:
            return Range(one.low + other.low, one.high + other.high, one.whole and other.whole)
        case "-", [one, other]:
            return Range(one.low - other.high, one.high - other.low, one.whole and other.whole)
        case "*", [one, other]:
            return _product(one, other)
        case "sum", [one]:
            return _times(one, _count(term.operands[0]))
        case operation, [one, other] if operation == DOT:
            return _times(_product(one, other), _count(term.operands[0], -1))
    return Range()


def _product(one: Range, other: Range) -> Range:
    with np.errstate(invalid="ignore"):
        ends = [a * b for a in one[:2] for b in other[:2]]
    if any(math.isnan(end) for end in ends):
        return Range()
    return Range(min(ends), max(ends), one.whole and other.whole)


def _times(one: Range, count: int) -> Range:
    return Range(count * one.low, count * one.high, one.whole)


def _count(term: Term, axis: int = 0) -> int:
    return (term.shape[axis] or 1) if term.shape else 1
