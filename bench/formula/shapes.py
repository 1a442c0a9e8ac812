"""Shapes of the parts of a formula, and how they go together."""

from __future__ import annotations

from collections.abc import Sequence

from bench.formula.terms import Shape


def words(shape: Shape) -> str:
    """A shape as a reader says it: `a number`, `3 numbers`, `2 rows of 3 numbers`."""
    sizes = ["a number for each dimension" if size is None else _numbers(size) for size in shape]
    if not sizes:
        return "a number"
    return sizes[0] if len(sizes) == 1 else f"{shape[0]} row{'' if shape[0] == 1 else 's'} of {sizes[1]}"


def _numbers(count: int) -> str:
    return "1 number" if count == 1 else f"{count} numbers"


def common(shapes: Sequence[Shape]) -> Shape | None:
    """The shape of what is done element by element, a number going with every other; None if they differ."""
    found: Shape = ()
    for shape in shapes:
        if not shape or shape == found:
            continue
        if not found or (len(found) == len(shape) == 1 and found[0] is None):
            found = shape
        elif not (len(found) == len(shape) == 1 and shape[0] is None):
            return None
    return found


def of_dot(left: Shape, right: Shape) -> Shape | None:
    """The shape of a dot product, the last axis of one side is the first of the other; None if it is not."""
    if not left or not right or not _same(left[-1], right[0]):
        return None
    return (*left[:-1], *right[1:])


def _same(one: int | None, other: int | None) -> bool:
    return one == other or one is None or other is None
