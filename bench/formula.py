"""The small language in which a scenario writes a cost: a formula of z, read without Python's eval."""

from __future__ import annotations

import ast
import functools
import itertools
import math
import operator
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import torch
from torch import Tensor

from bench.errors import Invalid, did_you_mean, invalid, shown

LONGEST = 1000  # characters
DEEPEST = 50  # operations within one another; each level is a Python call during evaluation

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
    ast.Pow: ("**", torch.pow),
    ast.UAdd: ("+", operator.pos),
    ast.USub: ("-", operator.neg),
    ast.Lt: ("<", functools.partial(_comparison, operator.lt)),
    ast.LtE: ("<=", functools.partial(_comparison, operator.le)),
    ast.Gt: (">", functools.partial(_comparison, operator.gt)),
    ast.GtE: (">=", functools.partial(_comparison, operator.ge)),
    ast.Eq: ("==", functools.partial(_comparison, operator.eq)),
    ast.NotEq: ("!=", functools.partial(_comparison, operator.ne)),
}
ALLOWED = "a formula is made of numbers, z, pi, e, + - * / **, < <= > >= == !=, parentheses and " + ", ".join(
    [*FUNCTIONS, *REDUCTIONS]
)

# In words, what Python's parser understands and this language does not; the rest goes by Python's name.
FOREIGN: dict[type[ast.AST], str] = {
    ast.Attribute: "an attribute",
    ast.Subscript: "a subscript",
    ast.IfExp: "if ... else; multiply by a comparison instead",
    ast.BoolOp: "and / or; multiply comparisons instead",
    ast.BitXor: "a power is written **",
    ast.NamedExpr: "an assignment",
    ast.JoinedStr: "an f-string",
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


Pieces = list[tuple[float, Term | None]]  # weights and what they weigh; None is 1


def _applied(operation: str, function: Function, operands: tuple[Term, ...]) -> Term:
    """A function of one or two terms, element by element."""
    values = [term.value for term in operands]
    return Term(
        operation,
        operands,
        lambda z, event_dim: function(*[value(z, event_dim) for value in values]),
        per_dimension=any(term.per_dimension for term in operands),
        reduces=any(term.reduces for term in operands),
    )


def _reduced(name: str, inner: Term) -> Term:
    """The sum or the mean of a term over D; the term itself where the event is a number."""
    reduce = REDUCTIONS[name]

    def value(z: Tensor, event_dim: int) -> Tensor | float:
        x = inner.value(z, event_dim)  # [..., D]
        return reduce(x, -1, keepdim=True) if event_dim else x

    return Term(name, (inner,), value, reduces=True)


@dataclass(frozen=True)
class _Reader:
    """Turns the syntax tree of one formula into a term.

    Attributes:
        text: the formula as it was parsed, on one line.
        start: the characters before it that were not parsed.
    """

    text: str
    start: int

    def term(self, node: ast.expr, depth: int = 1) -> Term:
        if depth > DEEPEST:
            raise self.error(node, f"there are more than {DEEPEST} operations within one another")
        match node:
            case ast.Constant():
                return self.literal(node)
            case ast.Name():
                return self.name(node)
            case ast.UnaryOp():
                return self.operation(node, node.op, (node.operand,), depth)
            case ast.BinOp():
                return self.operation(node, node.op, (node.left, node.right), depth)
            case ast.Compare(ops=[only], comparators=[right]):
                return self.operation(node, only, (node.left, right), depth)
            case ast.Compare():
                raise self.error(node, "a chained comparison; multiply two: (0 < z) * (z < 1)")
            case ast.Call():
                return self.call(node, depth)
        raise self.error(node, f"{FOREIGN.get(type(node), type(node).__name__)}; {ALLOWED}")

    def error(self, node: ast.expr, reason: str) -> Invalid:
        return self.error_at(node.col_offset, self.text[node.col_offset : node.end_col_offset], reason)

    def error_at(self, offset: int, source: str, reason: str) -> Invalid:
        place = self.start + offset + 1
        return invalid(f"the formula cannot have {shown(source)} at character {place}: {reason}")

    def literal(self, node: ast.Constant) -> Term:
        if type(node.value) not in (int, float):
            raise self.error(node, f"{type(node.value).__name__}; {ALLOWED}")
        try:
            return self.finite(float(node.value), node)  # type: ignore[arg-type]
        except OverflowError:
            return self.finite(math.inf, node)

    def finite(self, number: float, node: ast.expr) -> Term:
        if not math.isfinite(number):
            raise self.error(node, "it is no finite real number")
        return Term("number", (), lambda _z, _event_dim: number, number=number)

    def name(self, node: ast.Name) -> Term:
        if node.id == "z":
            return Term("z", (), lambda z, _event_dim: z, per_dimension=True)
        if node.id in NUMBERS:
            return self.finite(NUMBERS[node.id], node)
        if node.id in (*FUNCTIONS, *REDUCTIONS):
            raise self.error(node, f"a function without its argument; write {node.id}(z)")
        known = ["z", *NUMBERS, *FUNCTIONS, *REDUCTIONS]
        raise self.error(node, f"unknown name; {did_you_mean(node.id, known)}")

    def operation(self, node: ast.expr, sign: ast.AST, operands: tuple[ast.expr, ...], depth: int) -> Term:
        if type(sign) not in OPERATORS:
            # Before the last operand there is nothing but the operator, blanks and parentheses.
            start = operands[0].end_col_offset if len(operands) == 2 else node.col_offset
            source = self.text[start : operands[-1].col_offset].strip(" ()")
            reason = f"{FOREIGN.get(type(sign), 'no operator of a formula')}; {ALLOWED}"
            raise self.error_at(self.text.index(source, start), source, reason)
        symbol, function = OPERATORS[type(sign)]
        return self.applied(node, symbol, function, tuple(self.term(each, depth + 1) for each in operands))

    def call(self, node: ast.Call, depth: int) -> Term:
        if isinstance(node.func, ast.Attribute):
            return self.term(node.func, depth)
        if not isinstance(node.func, ast.Name) or node.func.id in ("z", *NUMBERS):
            raise self.error(node, "a call of what is no function; a product is written with *")
        name, known = node.func.id, [*FUNCTIONS, *REDUCTIONS]
        if name not in known:
            raise self.error(node.func, f"unknown function; {did_you_mean(name, known)}")
        if len(node.args) != 1 or node.keywords:
            raise self.error(node, f"{name} takes one argument, without a name")
        inner = self.term(node.args[0], depth + 1)
        if name in FUNCTIONS:
            return self.applied(node, name, FUNCTIONS[name], (inner,))
        if not inner.per_dimension:
            raise self.error(node, f"{name} runs over the dimensions of z, and this is a single number")
        return _reduced(name, inner)

    def applied(self, node: ast.expr, name: str, function: Function, operands: tuple[Term, ...]) -> Term:
        numbers = [term.number for term in operands if term.number is not None]
        if len(numbers) < len(operands):
            return _applied(name, function, operands)
        # Folded by torch itself: no large integers, no complex powers, and one table of functions.
        exact = [torch.tensor(number, dtype=torch.float64, device="cpu") for number in numbers]
        return self.finite(function(*exact).item(), node)


def _parsed(text: str, start: int) -> ast.expr:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python's advice to programmers, such as on `1if z else 2`
            return ast.parse(text, mode="eval").body
    except SyntaxError as error:
        offset = min(error.offset or len(text), len(text))  # 0 where the text breaks off
        reason = error.msg.split(". ")[0]
        message = f"the formula cannot be read at character {start + offset}: {reason}"
    except (ValueError, MemoryError, RecursionError) as error:
        message = f"the formula cannot be read: {error}"
    raise invalid(f"{message}; {ALLOWED}")


def _read(text: object) -> Term:
    if not isinstance(text, str):
        raise invalid(f"a formula is a text such as 'z**2', got {shown(text)}")
    if len(text) > LONGEST:
        raise invalid(f"the formula has {len(text)} characters, and at most {LONGEST} are read")
    line = re.sub(r"[\t\r\n]", " ", text)  # a formula may be folded over lines
    odd = re.search(r"[^ -~]|[#\\]", line)
    if odd:
        raise invalid(f"the formula cannot have {shown(odd[0])} at character {odd.start() + 1}: {ALLOWED}")
    bare = line.strip(" ")
    if not bare:
        raise invalid(f"the formula is empty: {ALLOWED}")
    start = line.index(bare)
    return _Reader(bare, start).term(_parsed(bare, start))


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

    Attributes:
        text: the formula as the user wrote it.

    Raises:
        Invalid: if the text is no formula; the message says at which character.
    """

    text: str
    _term: Term = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_term", _read(self.text))

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
        pieces = _affine(self._term, dimensions)
        if pieces is None:
            return None
        constant = sum((weight for weight, term in pieces if term is None), 0.0)
        finite = all(math.isfinite(weight) for weight, _ in [*pieces, (constant, None)])
        return (constant, functools.partial(_summand, pieces)) if finite else None


def parse(text: str) -> Formula:
    """The formula that a text stands for; raises `Invalid` if it stands for none."""
    return Formula(text)
