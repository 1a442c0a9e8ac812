"""Values that an option takes in turn: a list, or a range."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from bench.errors import invalid, shown

MOST_VALUES = 1000
_WANTED = "wanted a list of values, {log: [from, to, count]} or {linear: [from, to, count]}"
_RANGE = {
    "type": "array",
    "items": {"type": "number"},
    "minItems": 3,
    "maxItems": 3,
}
_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"type": "array", "minItems": 1, "maxItems": MOST_VALUES, "uniqueItems": True},
        *(
            {
                "type": "object",
                "properties": {name: _RANGE},
                "required": [name],
                "additionalProperties": False,
            }
            for name in ("log", "linear")
        ),
    ],
    "examples": [[0.5, 1, 2], {"log": [0.1, 10, 9]}],
}


def _values(given: object) -> list[Any]:
    if isinstance(given, list):
        return _checked(given)
    if not isinstance(given, Mapping) or len(given) != 1 or next(iter(given)) not in ("log", "linear"):
        raise invalid(f"{_WANTED}, got {shown(given)}")
    ((kind, ends),) = given.items()
    if not isinstance(ends, list) or len(ends) != 3 or not all(_is_number(end) for end in ends):
        raise invalid(f"wanted [from, to, count], got {shown(ends)}", kind)
    low, high, count = ends
    if type(count) is not int or not 2 <= count <= MOST_VALUES:
        raise invalid(f"wanted a count from 2 to {MOST_VALUES}, got {shown(count)}", kind, 2)
    if kind == "log" and not (low > 0 and high > 0):
        raise invalid(f"wanted positive ends, got {shown(ends[:2])}", kind)
    shares = [i / (count - 1) for i in range(count)]
    numbers = [low * (high / low) ** s if kind == "log" else low + (high - low) * s for s in shares]
    # Twelve digits are what a reader would write; the last ones depend on how a range is formed.
    return _checked([float(f"{number:.12g}") for number in numbers])


def _checked(values: list[Any]) -> list[Any]:
    if not 1 <= len(values) <= MOST_VALUES:
        raise invalid(f"wanted 1 to {MOST_VALUES} values, got {len(values)}")
    for i, value in enumerate(values):
        if any(type(value) is type(other) and value == other for other in values[:i]):
            raise invalid(f"{shown(value)} is given twice", i)
    return values


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


Values = Annotated[list[Any], BeforeValidator(_values), WithJsonSchema(_SCHEMA)]
"""The values of an option, written out."""
