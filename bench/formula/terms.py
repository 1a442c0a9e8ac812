"""The parts of formulas: functions, operators, and the terms that they make."""

from __future__ import annotations

import ast
import functools
import math
import operator
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.formula.square import power

Function = Callable[..., Tensor]
Value = Callable[[Tensor, int], Tensor | float]


def _divide(dividend: Tensor | float, divisor: Tensor | float) -> Tensor:
    # torch divides a number by a tensor in two passes, and the second is idle when the number is 1.
    if isinstance(divisor, Tensor) and isinstance(dividend, float) and dividend == 1:
        return divisor.reciprocal()
    return operator.truediv(dividend, divisor)  # type: ignore[no-any-return]


def _comparison(compare: Callable[..., Tensor], left: Tensor | float, right: Tensor | float) -> Tensor:
    """1 where it holds and 0 elsewhere, in the type of the operands."""
    answer = compare(left, right)
    return answer.to(left.dtype if isinstance(left, Tensor) else right.dtype)  # type: ignore[union-attr]


NUMBERS = {"pi": math.pi, "e": math.e}
FUNCTIONS: dict[str, Function] = {
    name: getattr(torch, name) for name in ("exp", "log", "sin", "cos", "tanh", "sigmoid", "sqrt", "abs")
}
REDUCTIONS: dict[str, Function] = {"sum": torch.sum, "mean": torch.mean}
OPERATORS: dict[type[ast.AST], tuple[str, Function]] = {
    ast.Add: ("+", operator.add),
    ast.Sub: ("-", operator.sub),
    ast.Mult: ("*", operator.mul),
    ast.Div: ("/", _divide),
    ast.Pow: ("**", power),
    ast.UAdd: ("+", operator.pos),
    ast.USub: ("-", operator.neg),
    ast.Lt: ("<", functools.partial(_comparison, operator.lt)),
    ast.LtE: ("<=", functools.partial(_comparison, operator.le)),
    ast.Gt: (">", functools.partial(_comparison, operator.gt)),
    ast.GtE: (">=", functools.partial(_comparison, operator.ge)),
    ast.Eq: ("==", functools.partial(_comparison, operator.eq)),
    ast.NotEq: ("!=", functools.partial(_comparison, operator.ne)),
}


@dataclass(frozen=True)
class Term:
    """A part of a formula, ready to be evaluated.

    Attributes:
        operation: the symbol or name of what is done to the operands.
        operands: the parts to which it is done.
        value: what it comes to at z; where D is summed over, the axis is kept with length 1.
        number: what it comes to whatever z is, if z does not occur in it.
        per_dimension: whether it has D values per sample, and not one.
        reduces: whether a sum or a mean occurs in it.
    """

    operation: str
    operands: tuple[Term, ...]
    value: Value
    number: float | None = None
    per_dimension: bool = False
    reduces: bool = False


def applied(operation: str, function: Function, operands: tuple[Term, ...]) -> Term:
    """A function of one or two terms, element by element."""
    values = [term.value for term in operands]
    return Term(
        operation,
        operands,
        lambda z, event_dim: function(*[value(z, event_dim) for value in values]),
        per_dimension=any(term.per_dimension for term in operands),
        reduces=any(term.reduces for term in operands),
    )


def reduced(name: str, inner: Term) -> Term:
    """The sum or the mean of a term over D; the term itself where the event is a number."""
    reduce = REDUCTIONS[name]

    def value(z: Tensor, event_dim: int) -> Tensor | float:
        x = inner.value(z, event_dim)  # [..., D]
        return reduce(x, -1, keepdim=True) if event_dim else x

    return Term(name, (inner,), value, reduces=True)
