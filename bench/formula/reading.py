"""From the text of a formula to its term, by a white list of Python's syntax."""

from __future__ import annotations

import ast
import math
import re
import warnings
from dataclasses import dataclass

import torch

from bench.errors import Invalid, did_you_mean, invalid, shown
from bench.formula.terms import FUNCTIONS, NUMBERS, OPERATORS, REDUCTIONS, Function, Term, applied, reduced

LONGEST = 1000  # characters
DEEPEST = 50  # operations within one another; each level is a Python call during evaluation

ALLOWED = "a formula is made of numbers, z, pi, e, + - * / **, < <= > >= == !=, parentheses and " + ", ".join(
    [*FUNCTIONS, *REDUCTIONS]
)

# Names for what Python's parser understands and this language does not; the rest goes by Python's name.
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
        return reduced(name, inner)

    def applied(self, node: ast.expr, name: str, function: Function, operands: tuple[Term, ...]) -> Term:
        numbers = [term.number for term in operands if term.number is not None]
        if len(numbers) < len(operands):
            return applied(name, function, operands)
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


SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹⁻"
_PLAIN = str.maketrans(SUPERSCRIPTS, "0123456789-")


def read(text: object) -> Term:
    """The term that a text stands for; superscripts are powers, `z²`.

    Raises:
        Invalid: if it stands for none; the message says at which character.
    """
    if not isinstance(text, str):
        raise invalid(f"a formula is a text such as 'z**2', got {shown(text)}")
    if len(text) > LONGEST:
        raise invalid(f"the formula has {len(text)} characters, and at most {LONGEST} are read")
    line = re.sub(r"[\t\r\n]", " ", text)  # a formula may be folded over lines
    line = re.sub(f"[{SUPERSCRIPTS}]+", lambda found: "**" + found[0].translate(_PLAIN), line)
    odd = re.search(r"[^ -~]|[#\\]", line)
    if odd:
        raise invalid(f"the formula cannot have {shown(odd[0])} at character {odd.start() + 1}: {ALLOWED}")
    bare = line.strip(" ")
    if not bare:
        raise invalid(f"the formula is empty: {ALLOWED}")
    start = line.index(bare)
    return _Reader(bare, start).term(_parsed(bare, start))
