"""Costs that depend on z through the sum of its numbers alone."""

from __future__ import annotations

import operator

from bench.formula import terms
from bench.formula.dependence import elementwise
from bench.formula.terms import REDUCTIONS, TABLE, Term


def of_total(term: Term, dimensions: int) -> Term | None:
    """The term as a function of the sum of the numbers of z, in whose place z stands.

    Args:
        term: a cost, read with the dimensions of z known.
        dimensions: D, at least 1.

    Returns:
        None if the cost depends on z otherwise than through `sum(z)` and `mean(z)`.
    """
    if term.operation in REDUCTIONS and term.operands[0].operation == "z":
        total = terms.variable(())
        share = terms.number(1 / dimensions)
        return total if term.operation == "sum" else terms.applied("*", operator.mul, (share, total))
    if term.number is not None:
        return term
    if term.function is None and term.operation != TABLE:
        return None
    operands = [of_total(each, dimensions) for each in term.operands]
    found = tuple(each for each in operands if each is not None)
    if len(found) < len(operands):
        return None
    if term.operation == TABLE:
        assert term.constant is not None
        return terms.looked_up(term.constant, found)
    return elementwise(term, found)
