"""Plain scalars of YAML as values: null, a truth value, a number or text."""

from __future__ import annotations

import math
import re

from bench.errors import invalid, shown

Scalar = None | bool | int | float | str

# The YAML 1.2 core schema, https://yaml.org/spec/1.2.2/#103-core-schema. YAML 1.1, which
# PyYAML follows, reads `no` as false, `010` as 8, `12:30` as 750 and `1e-3` as text.
_CONSTANTS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_DECIMAL = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")

# Shorter ones fit a float, and Python can print them: it refuses integers of 4300 digits.
_LONGEST_NUMBER = 200


def meaning(word: str) -> Scalar:
    """The value of a plain (unquoted) scalar.

    Raises:
        Invalid: if it is a number that is not finite, or too long.
    """
    if word in _CONSTANTS:
        return _CONSTANTS[word]
    if _NOT_FINITE.fullmatch(word):
        raise invalid(f"numbers must be finite, got {word}")
    if _FLOAT.fullmatch(word) or _OCTAL.fullmatch(word) or _HEXADECIMAL.fullmatch(word):
        return _number(word)
    return word


def _number(word: str) -> int | float:
    if len(word) > _LONGEST_NUMBER:
        raise invalid(f"numbers may have up to {_LONGEST_NUMBER} characters, got {shown(word)}")
    if _DECIMAL.fullmatch(word):
        return int(word, 10)
    if word.startswith(("0o", "0x")):
        return int(word, 0)
    value = float(word)
    if not math.isfinite(value):
        raise invalid(f"numbers must be finite, and {shown(word)} is too large")
    return value
