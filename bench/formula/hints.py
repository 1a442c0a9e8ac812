"""Hints on how a formula is written, for what is written otherwise elsewhere."""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Collection

from bench.errors import did_you_mean
from bench.formula.terms import DOT, FUNCTIONS, NUMBERS, REDUCTIONS

CALLED = (*FUNCTIONS, *REDUCTIONS, DOT)
"""The names of functions."""

ALLOWED = (
    "a formula is made of numbers, z, pi, e, + - * / **, < <= > >= == !=, parentheses, "
    f"{', '.join(CALLED)}, z[0], z[1:3] and names of `let`"
)

FOREIGN: dict[type[ast.AST], str] = {
    ast.Attribute: "an attribute",
    ast.Slice: "a slice",
    ast.IfExp: "if ... else; multiply by a comparison instead",
    ast.BoolOp: "and / or; multiply comparisons instead",
    ast.MatMult: "a product of rows and a list is written dot(A, z)",
    ast.BitXor: "a power is written **",
    ast.BitOr: "an absolute value is written abs(z)",
    ast.NamedExpr: "an assignment",
    ast.JoinedStr: "a text",
    ast.Starred: "a star without a number before it",
    ast.List: "a list",
    ast.Tuple: "several values with a comma",
    ast.Set: "braces",
    ast.Dict: "braces",
    ast.Lambda: "a function of one's own",
    ast.ListComp: "a loop",
    ast.SetComp: "a loop",
    ast.DictComp: "a loop",
    ast.GeneratorExp: "a loop",
}
"""Syntax of Python that this language does not have -> its description."""

LITERALS: dict[type, str] = {
    complex: "an imaginary number",
    bool: "a truth value; write 1 or 0",
    str: "a text",
    bytes: "a text",
}

_WRITTEN = {
    "ln": "log(z)",
    "relu": "(z > 0)*z",
    "max": "(z > 0)*z for the larger of z and 0",
    "min": "(z < 0)*z for the smaller of z and 0",
    "tan": "sin(z)/cos(z)",
    "sign": "(z > 0) - (z < 0)",
    "pow": "z**2",
    "square": "z**2",
    "softplus": "log(1 + exp(z))",
    "logistic": "sigmoid(z)",
    "expit": "sigmoid(z)",
    "norm": "sqrt(sum(z**2))",
    "matmul": "dot(A, z)",
    "inner": "dot(w, z)",
}
"""Function that there is not -> how it is written."""


def unknown_function(name: str) -> str:
    """Return what to write in place of a function that there is not."""
    known = f"known functions: {', '.join(CALLED)}"
    if name in _WRITTEN:
        return f"unknown function; write {_WRITTEN[name]}; {known}"
    near = did_you_mean(name, CALLED)
    return f"unknown function; {near} ({known})" if near.startswith("did") else f"unknown function; {known}"


def unknown_name(name: str, constants: Collection[str] = ()) -> str:
    """Return what to write in place of a name that there is not, where these constants have names."""
    if name in _WRITTEN:
        return f"unknown name; write {_WRITTEN[name]}"
    near = did_you_mean(name, ["z", *NUMBERS, *CALLED, *constants])
    if len(name) == 1 and not near.startswith("did"):
        given = f"`let` has {', '.join(sorted(constants))}" if constants else "constants get names by `let`"
        return f"unknown name; the variable is z, and {given}"
    return f"unknown name; {near}"


_NUMBER = r"(?<![\w.])(?>(?:\d[\d_]*\.?\d*|\.\d+)(?:e[-+]?\d+)?)"
_FUNCTION = "|".join([*CALLED, *_WRITTEN])
_OPERAND = rf"(?:{_NUMBER}|(?<!\w)(?:z|{'|'.join(NUMBERS)})\b)"
_HINTS = (
    (r"\|([^|]+)\|", "an absolute value is written abs({0})"),
    (rf"\b({_FUNCTION}) +(\w[\w.]*)", "write {0}({1})"),
    (rf"({_NUMBER}) *([A-Za-z]\w*)", "a product is written with *: {0}*{1}"),
    (rf"({_OPERAND}) +(\w[\w.]*)", "a product is written with *: {0}*{1}"),
    (r"(\)) *(\w[\w.]*)", "a product is written with *"),
)
"""Pattern of what cannot be read -> how it is written."""

_PLAIN_WORDS = ("never closed", "unmatched", "does not match", "too many nested", "unterminated")


def unread(plain: str, offset: int, message: str) -> tuple[int, str]:
    """Return from which character on a formula cannot be read, and why or how it is written.

    Args:
        plain: the formula.
        offset: where Python's parser stopped.
        message: of the parser.
    """
    if any(words in message for words in _PLAIN_WORDS):
        return offset, message.split(" (detected")[0]
    for pattern, hint in _HINTS:
        found = re.search(pattern, plain, re.ASCII)
        if found is None or keyword.iskeyword(found[found.re.groups]):
            continue
        if found[1] in _WRITTEN:
            return found.start(), f"write {_WRITTEN[found[1]]}"
        return found.start(), hint.format(*found.groups())
    return offset, f"{plain[offset]!r} cannot stand here" if offset < len(plain) else "it breaks off"
