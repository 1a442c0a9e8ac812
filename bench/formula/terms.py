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
Shape = tuple[int | None, ...]
"""`()` of a number, `(n,)` of a list, `(m, n)` of rows; None for the dimensions of z if unknown."""


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
DOT = "dot"
TABLE = "table"
SUBSCRIPT = "subscript"
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


COMPARISONS = frozenset(OPERATORS[sign][0] for sign in (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq))


@dataclass(frozen=True)
class Term:
    """A part of a formula, ready to be evaluated.

    Attributes:
        operation: the symbol or name of what is done to the operands.
        operands: the parts to which it is done.
        value: what it comes to at z; where there is an axis, that of a single number has length 1.
        number: what it comes to whatever z is, if z does not occur in it and it is a number.
        constant: the same of a list or of rows, in float64; of a table its entries.
        shape: how many numbers it is for one sample.
        reduces: whether numbers of one sample are put together in it: a sum, a mean, a dot product.
        lists: whether it can only be evaluated where samples have an axis: it has constants by coordinate,
            or looks at single coordinates.
        function: what is done, if it is done element by element.
        where: of a subscript, the positions that are taken; of z standing for one coordinate, which.
    """

    operation: str
    operands: tuple[Term, ...]
    value: Value
    number: float | None = None
    constant: Tensor | None = None
    shape: Shape = ()
    reduces: bool = False
    lists: bool = False
    function: Function | None = None
    where: int | slice | None = None

    @property
    def fixed(self) -> bool:
        """Whether z does not occur in it."""
        return self.operation in ("number", "constant")

    @property
    def per_dimension(self) -> bool:
        """Whether it has several values per sample, and not one."""
        return bool(self.shape)


def number(value: float) -> Term:
    """A number, whatever z is."""
    return Term("number", (), lambda _z, _event_dim: value, number=value)


def constant(values: Tensor) -> Term:
    """A list or rows of numbers, in the type of z wherever they meet it; a number if there is one only."""
    if not values.dim():
        return number(float(values))
    return Term(
        "constant",
        (),
        lambda z, _event_dim: values.to(z.device, z.dtype),
        constant=values,
        shape=tuple(values.shape),
        lists=True,
    )


def variable(shape: Shape) -> Term:
    """z, of which a sample has so many."""
    return Term("z", (), lambda z, _event_dim: z, shape=shape)


def applied(operation: str, function: Function, operands: tuple[Term, ...], shape: Shape = ()) -> Term:
    """A function of one or two terms, element by element."""
    values = [term.value for term in operands]
    return Term(
        operation,
        operands,
        lambda z, event_dim: function(*[value(z, event_dim) for value in values]),
        shape=shape,
        reduces=any(term.reduces for term in operands),
        lists=any(term.lists for term in operands),
        function=function,
    )


def reduced(name: str, inner: Term) -> Term:
    """The sum or the mean of a term over its numbers; the term itself where the event is a number."""
    reduce = REDUCTIONS[name]

    def value(z: Tensor, event_dim: int) -> Tensor | float:
        x = inner.value(z, event_dim)  # [..., D]
        return reduce(x, -1, keepdim=True) if event_dim else x

    return Term(name, (inner,), value, reduces=True, lists=inner.lists)


def taken(inner: Term, where: int | slice, shape: Shape) -> Term:
    """Some of the numbers of a term: one, or those of a slice."""
    alone = where if isinstance(where, slice) else slice(where, where + 1 or None)

    def value(z: Tensor, event_dim: int) -> Tensor | float:
        return inner.value(z, event_dim)[..., alone]  # type: ignore[index]

    return Term(SUBSCRIPT, (inner,), value, shape=shape, reduces=inner.reduces, lists=True, where=where)


def looked_up(table: Tensor, places: tuple[Term, ...], shape: Shape = ()) -> Term:
    """The entries of a table at places that depend on z, one for each of its axes."""

    def value(z: Tensor, event_dim: int) -> Tensor:
        at = [place.value(z, event_dim) for place in places]
        whole = [each.long() if isinstance(each, Tensor) else int(each) for each in at]
        return table.to(z.device, z.dtype)[tuple(whole)]

    return Term(
        TABLE,
        places,
        value,
        constant=table,
        shape=shape,
        reduces=any(place.reduces for place in places),
        lists=any(place.lists for place in places),
    )


def dotted(left: Term, right: Term, shape: Shape) -> Term:
    """The product of two lists, or of rows and a list, of which one at least depends on z."""

    def value(z: Tensor, event_dim: int) -> Tensor:
        x, y = left.value(z, event_dim), right.value(z, event_dim)
        assert isinstance(x, Tensor)
        assert isinstance(y, Tensor)
        if left.fixed:
            return torch.nn.functional.linear(y, x if x.dim() == 2 else x[None])
        if right.fixed:
            return torch.nn.functional.linear(x, y.T if y.dim() == 2 else y[None])
        return (x * y).sum(-1, keepdim=True)

    return Term(DOT, (left, right), value, shape=shape, reduces=True, lists=True)
