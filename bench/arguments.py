"""Arguments from Python, checked: what was given, what was wanted, and for which argument."""

from __future__ import annotations

import operator
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bench.errors import Invalid, invalid, shown


def refused(name: str, wanted: str, value: object) -> Invalid:
    """Return the error for an argument of the wrong kind."""
    plain = isinstance(value, str | int | float | list | dict | None)
    given = shown(value) if plain else f"a {type(value).__name__}"
    return invalid(f"{name}: wanted {wanted}, got {given}")


def whole_number(name: str, value: Any, least: int, most: int | None = None) -> int:
    """Return a whole number, also of NumPy.

    Raises:
        Invalid: if it is none, or out of its range.
    """
    limits = f"of at least {least}" if most is None else f"from {least} to {most}"
    try:
        number = operator.index(value)
    except TypeError:
        raise refused(name, f"a whole number {limits}", value) from None
    if isinstance(value, bool) or number < least or (most is not None and number > most):
        raise refused(name, f"a whole number {limits}", value)
    return number


def texts(name: str, value: Any, wanted: str = "a list of names") -> list[str]:
    """Return a list of texts, given one, or a text with commas.

    Raises:
        Invalid: if it is neither, or empty.
    """
    items = value.split(",") if isinstance(value, str) else value
    plain = isinstance(items, Iterable) and not isinstance(items, bytes | Mapping)
    found = list(items) if plain else []
    if not found or not all(isinstance(item, str) for item in found):
        raise refused(name, wanted, value)
    return [item.strip() for item in found]


def settings(name: str, value: Any) -> list[str]:
    """Return overrides, given one or several; none, if there are none.

    Raises:
        Invalid: if they are no texts.
    """
    items = [value] if isinstance(value, str) else plain_data(value)
    empty = isinstance(items, Sequence) and not len(items)
    return [] if empty else texts(name, items, "a list of key=value")


def truth(name: str, value: Any) -> bool:
    """Return a truth value.

    Raises:
        Invalid: if it is none.
    """
    if not isinstance(value, bool):
        raise refused(name, "True or False", value)
    return value


def probability(name: str, value: Any, most: float) -> float:
    """Return a probability above 0.

    Raises:
        Invalid: if it is none, or above `most`.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= most:
        raise refused(name, f"a probability above 0, of at most {most:g}", value)
    return float(value)


def share(name: str, value: Any) -> float:
    """Return a share above 0.

    Raises:
        Invalid: if it is none, or above 1.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
        raise refused(name, "a share above 0, of at most 1", value)
    return float(value)


def plain_data(value: Any) -> Any:
    """Return numbers and arrays of NumPy, pandas and torch as Python has them; everything else as it is."""
    if isinstance(value, list | tuple | range):
        return [plain_data(item) for item in value]
    return value.tolist() if hasattr(value, "tolist") else value


def plain_mapping(name: str, value: Any) -> Any:
    """Return a mapping of plain data, whatever its numbers and lists were.

    Raises:
        Invalid: with the key at which something else stands.
    """
    value = plain_data(value)
    if isinstance(value, Mapping):
        return {key: plain_mapping(f"{name}.{key}", inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain_mapping(f"{name}.{i}", inner) for i, inner in enumerate(value)]
    if value is not None and not isinstance(value, str | int | float):
        raise refused(name, "a mapping, a list, a text or a number", value)
    return str(value) if isinstance(value, str) else value


def place(name: str, value: Any, wanted: str = "the path of a file or folder") -> str:
    """Return a path as text.

    Raises:
        Invalid: if it is none.
    """
    found = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    if not isinstance(found, str) or not found or "\0" in found:
        raise refused(name, wanted, value)
    return found


def places(name: str, value: Any, wanted: str) -> list[str]:
    """Return paths as texts, given one or several.

    Raises:
        Invalid: if it is neither, or empty.
    """
    if isinstance(value, str | os.PathLike):
        return [place(name, value, wanted)]
    if not isinstance(value, Sequence) or not value:
        raise refused(name, wanted, value)
    return [place(name, each, wanted) for each in value]
