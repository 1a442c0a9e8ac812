"""From the text of a formula to its term, by a white list of Python's syntax."""

from __future__ import annotations

import ast
import math
import re
import warnings
from dataclasses import dataclass

import torch

from bench.errors import Invalid, invalid, shown
from bench.formula.hints import (
    ALLOWED,
    CALLED,
    FOREIGN,
    LITERALS,
    unknown_function,
    unknown_name,
    unread,
)
from bench.formula.terms import FUNCTIONS, NUMBERS, OPERATORS, Function, Term, applied, reduced
from bench.formula.typed import Typed, typed

LONGEST = 1000  # characters
DEEPEST = 50  # operations within one another; each level is a Python call during evaluation


@dataclass(frozen=True)
class _Reader:
    """Turns the syntax tree of one formula into a term.

    Attributes:
        typed: the formula in plain characters, and where each was typed.
        start: the plain characters before it that were not parsed.
    """

    typed: Typed
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
        raise self.error(node, f"{FOREIGN.get(type(node), 'no part of a formula')}; {ALLOWED}")

    def error(self, node: ast.expr, reason: str) -> Invalid:
        return self.error_at(node.col_offset, node.end_col_offset or 0, reason)

    def error_at(self, start: int, end: int, reason: str) -> Invalid:
        return self.typed.error(self.start + start, self.start + end, reason)

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
        return Term("number", (), lambda _z, _event_dim: number, number=number)

    def name(self, node: ast.Name) -> Term:
        if node.id == "z":
            return Term("z", (), lambda z, _event_dim: z, per_dimension=True)
        if node.id in NUMBERS:
            return self.finite(NUMBERS[node.id], node)
        if node.id in CALLED:
            raise self.error(node, f"a function without its argument; write {node.id}(z)")
        raise self.error(node, unknown_name(node.id))

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
        return self.applied(node, symbol, function, tuple(self.term(each, depth + 1) for each in operands))

    def call(self, node: ast.Call, depth: int) -> Term:
        if isinstance(node.func, ast.Attribute):
            return self.term(node.func, depth)
        if not isinstance(node.func, ast.Name) or node.func.id in ("z", *NUMBERS):
            raise self.error(node, "a call of what is no function; a product is written with *")
        name = node.func.id
        if name not in CALLED:
            raise self.error(node.func, unknown_function(name))
        if len(node.args) != 1 or node.keywords:
            raise self.error(node, f"{name} takes one argument, without a name")
        inner = self.term(node.args[0], depth + 1)
        if name in FUNCTIONS:
            return self.applied(node, name, FUNCTIONS[name], (inner,))
        if not inner.per_dimension:
            raise self.error(node, f"{name} runs over the dimensions of z, and this is a single number")
        return reduced(name, inner)

    def applied(self, node: ast.expr, name: str, function: Function, operands: tuple[Term, ...]) -> Term:
        numbers = [term.number for term in operands if term.number is not None]
        if len(numbers) < len(operands):
            return applied(name, function, operands)
        # Folded by torch itself: no large integers, no complex powers, and one table of functions.
        exact = [torch.tensor(number, dtype=torch.float64, device="cpu") for number in numbers]
        return self.finite(function(*exact).item(), node)


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


def read(text: object) -> Term:
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
    return _Reader(formula, start).term(_parsed(formula, start, bare))
