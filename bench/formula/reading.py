"""From the text of a formula to its term, by a white list of Python's syntax."""

from __future__ import annotations

import ast
import math
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from bench.errors import Invalid, invalid, shown
from bench.formula import terms
from bench.formula.hints import (
    ALLOWED,
    CALLED,
    FOREIGN,
    LITERALS,
    unknown_function,
    unknown_name,
    unread,
)
from bench.formula.ranges import Range
from bench.formula.shapes import common, of_dot, words
from bench.formula.subscripts import Subscripted
from bench.formula.terms import DOT, FUNCTIONS, NUMBERS, OPERATORS, Function, Shape, Term
from bench.formula.typed import Typed, typed

LONGEST = 1000  # characters
DEEPEST = 50  # operations within one another; each level is a Python call during evaluation


@dataclass(frozen=True)
class Context:
    """The meaning of the names in a formula.

    Attributes:
        constants: those of `let`.
        dimensions: of z, 0 where it is a number; None while they are not known.
        values: those that each number of z can have; None while they are not known.
    """

    constants: Mapping[str, Tensor] = field(default_factory=dict)
    dimensions: int | None = None
    values: Range | None = None

    @property
    def shape(self) -> Shape:
        """That of z."""
        return () if self.dimensions == 0 else (self.dimensions,)


@dataclass(frozen=True)
class _Reader:
    """Turns the syntax tree of one formula into a term.

    Attributes:
        typed: the formula in plain characters, and where each was typed.
        start: the plain characters before it that were not parsed.
        context: what names stand for.
    """

    typed: Typed
    start: int
    context: Context

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
            case ast.Subscript():
                return self.subscript(node, depth)
        raise self.error(node, f"{FOREIGN.get(type(node), 'no part of a formula')}; {ALLOWED}")

    def error(self, node: ast.expr, reason: str) -> Invalid:
        return self.error_at(node.col_offset, node.end_col_offset or 0, reason)

    def error_at(self, start: int, end: int, reason: str) -> Invalid:
        return self.typed.error(self.start + start, self.start + end, reason)

    def source(self, node: ast.expr) -> str:
        """Return what was typed for a part of the formula, if that is short enough to be quoted."""
        place = self.typed.where
        text = self.typed.text[
            place[self.start + node.col_offset] : place[self.start + (node.end_col_offset or 0)]
        ]
        return text if len(text) <= 30 else f"{text[:29]}…"

    def literal(self, node: ast.Constant) -> Term:
        if type(node.value) not in (int, float):
            raise self.error(node, f"{LITERALS.get(type(node.value), 'no part of a formula')}; {ALLOWED}")
        try:
            return self.finite(float(node.value), node)  # type: ignore[arg-type]
        except OverflowError:
            return self.finite(math.inf, node)

    def finite(self, number: float, node: ast.expr) -> Term:
        if not math.isfinite(number):
            raise self.error(node, "it is no finite real number")
        return terms.number(number)

    def constant(self, values: Tensor, node: ast.expr) -> Term:
        if not bool(values.isfinite().all()):
            raise self.error(node, "not all of its numbers are finite and real")
        return terms.constant(values)

    def name(self, node: ast.Name) -> Term:
        if node.id == "z":
            return terms.variable(self.context.shape)
        if node.id in NUMBERS:
            return self.finite(NUMBERS[node.id], node)
        if node.id in self.context.constants:
            return self.constant(self.context.constants[node.id], node)
        if node.id in CALLED:
            raise self.error(node, f"a function without its argument; write {node.id}(z)")
        raise self.error(node, unknown_name(node.id, self.context.constants))

    def operation(self, node: ast.expr, sign: ast.AST, operands: tuple[ast.expr, ...], depth: int) -> Term:
        if type(sign) not in OPERATORS:
            # Before the last operand there is nothing but the operator, blanks and parentheses.
            start = (operands[0].end_col_offset or 0) if len(operands) == 2 else node.col_offset
            plain = self.typed.plain[self.start :]
            source = plain[start : operands[-1].col_offset].strip(" ()")
            begin = plain.index(source, start)
            reason = f"{FOREIGN.get(type(sign), 'no operator of a formula')}; {ALLOWED}"
            raise self.error_at(begin, begin + len(source), reason)
        symbol, function = OPERATORS[type(sign)]
        return self.applied(node, symbol, function, operands, depth)

    def call(self, node: ast.Call, depth: int) -> Term:
        if isinstance(node.func, ast.Attribute):
            return self.term(node.func, depth)
        values = ("z", *NUMBERS, *self.context.constants)
        if not isinstance(node.func, ast.Name) or node.func.id in values:
            raise self.error(node, "a call of what is no function; a product is written with *")
        name = node.func.id
        if name not in CALLED:
            raise self.error(node.func, unknown_function(name))
        wanted = 2 if name == DOT else 1
        if len(node.args) != wanted or node.keywords:
            count = "two arguments, without names" if wanted == 2 else "one argument, without a name"
            raise self.error(node, f"{name} takes {count}")
        if name == DOT:
            return self.dot(node, (node.args[0], node.args[1]), depth)
        if name in FUNCTIONS:
            return self.applied(node, name, FUNCTIONS[name], (node.args[0],), depth)
        inner = self.term(node.args[0], depth + 1)
        # A z that is a number is its own sum.
        if not inner.per_dimension and (inner.fixed or self.context.dimensions != 0):
            raise self.error(node, f"{name} runs over the dimensions of z, and this is a single number")
        if len(inner.shape) > 1:
            raise self.error(node, f"{name} runs over one list, and this is {words(inner.shape)}")
        if inner.constant is not None and inner.fixed:
            return self.constant(terms.REDUCTIONS[name](inner.constant), node)
        return terms.reduced(name, inner)

    def dot(self, node: ast.expr, sides: tuple[ast.expr, ast.expr], depth: int) -> Term:
        left, right = (self.term(side, depth + 1) for side in sides)
        for side, term in zip(sides, (left, right), strict=True):
            if not term.per_dimension:
                reason = (
                    "z is a number here" if not term.fixed and self.context.dimensions == 0 else "a number"
                )
                raise self.error(side, f"{reason}; dot is of lists and rows, and a product is written with *")
        shape = of_dot(left.shape, right.shape)
        if shape is None:
            one, other = (
                f"{self.source(side)} has {words(term.shape)}"
                for side, term in zip(sides, (left, right), strict=True)
            )
            raise self.error(node, f"{one}, and {other}")
        if left.fixed and right.fixed:
            assert left.constant is not None
            assert right.constant is not None
            return self.constant(left.constant @ right.constant, node)
        return terms.dotted(left, right, shape)

    def subscript(self, node: ast.Subscript, depth: int) -> Term:
        axes = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        for each in axes:
            if isinstance(each, ast.Slice) and each.step is not None:
                raise self.error(each.step, "a slice has no step: z[1:3]")
        inner = self.term(node.value, depth + 1)
        places: list[tuple[Term | None, ...]] = [
            (
                None if each.lower is None else self.term(each.lower, depth + 1),
                None if each.upper is None else self.term(each.upper, depth + 1),
            )
            if isinstance(each, ast.Slice)
            else (self.term(each, depth + 1),)
            for each in axes
        ]
        read = Subscripted(
            self.source(node.value),
            inner,
            self.context.values,
            self.context.dimensions,
            lambda i, reason: self.error(axes[i] if i >= 0 else node, reason),
        )
        found = read.term(places)
        return self.constant(found, node) if isinstance(found, Tensor) else found

    def applied(
        self, node: ast.expr, name: str, function: Function, nodes: tuple[ast.expr, ...], depth: int
    ) -> Term:
        operands = tuple(self.term(each, depth + 1) for each in nodes)
        shape = common([term.shape for term in operands])
        rows = next((i for i, term in enumerate(operands) if len(term.shape) > 1), None)
        fixed = all(term.fixed for term in operands)
        if shape is None or (rows is not None and not fixed):
            told = [f"{self.source(n)} has {words(t.shape)}" for n, t in zip(nodes, operands, strict=True)]
            hint = "" if rows is None else "; a product of rows and a list is dot(A, z)"
            raise self.error(node, f"{', and '.join(told)}{hint}")
        if not fixed:
            return terms.applied(name, function, operands, shape)
        # Folded by torch itself: no large integers, no complex powers, and one table of functions.
        exact = [
            torch.tensor(term.number, dtype=torch.float64, device="cpu")
            if term.constant is None
            else term.constant
            for term in operands
        ]
        value = function(*exact)
        return self.constant(value, node) if value.dim() else self.finite(value.item(), node)


def _parsed(formula: Typed, start: int, text: str) -> ast.expr:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python's advice to programmers, such as on `1if z else 2`
            return ast.parse(text, mode="eval").body
    except SyntaxError as error:
        # It is 0 where the text breaks off.
        offset = min(error.offset, len(text)) if error.offset else len(text) + 1
        place, reason = unread(text, offset - 1, error.msg)
        character = formula.where[start + min(place, len(text) - 1)] + 1
        message = f"the formula cannot be read at character {character}: {reason}"
    except (ValueError, MemoryError, RecursionError) as error:
        message = f"the formula cannot be read: {error}"
    raise invalid(f"{message}; {ALLOWED}")


def read(text: object, context: Context) -> Term:
    """The term that a text stands for; superscripts are powers, `z²`, π is pi, and − is a minus.

    Raises:
        Invalid: if it stands for none; the message says at which character.
    """
    if not isinstance(text, str):
        raise invalid(f"a formula is a text such as 'z**2', got {shown(text)}")
    if len(text) > LONGEST:
        raise invalid(f"the formula has {len(text)} characters, and at most {LONGEST} are read")
    # A formula may be folded over lines.
    formula = typed(re.sub(r"[\t\r\n]", " ", text))
    bare = formula.plain.strip(" ")
    if not bare:
        raise invalid(f"the formula is empty: {ALLOWED}")
    start = formula.plain.index(bare)
    return _Reader(formula, start, context).term(_parsed(formula, start, bare))


def names_in(text: str) -> set[str]:
    """All words in a formula that may be names."""
    return set(re.findall(r"[A-Za-z_]\w*", text, re.ASCII))
