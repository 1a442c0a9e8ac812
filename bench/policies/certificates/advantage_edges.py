"""Edges of an advantage function: equal rewards, one answer, other prompts, another order."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from bench.policies.certificates.foreign_calls import Faulty, advantages
from bench.policies.certificates.undefined import word_of

LEAK = "The advantages of a prompt depend on the rewards of other prompts."
PLACE = "The advantage of an answer depends on its place in the group."
# The last ones have means that rounding moves.
_EQUAL, _EQUAL_BINARY = (0.0, 1.0, -1.0, 0.1, 0.7), (0.0, 1.0)
# Rewards of two prompts, and others of the second one; all groups have a spread.
_ROWS = ([0.0, 1.0, 0.25, 0.5], [1.0, 0.5, 0.0, 0.75], [0.0, 0.25, 1.0, 0.0])
_ROWS_BINARY = ([0.0, 1.0, 1.0, 0.0], [1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 1.0, 1.0])


def edges_of(fn: Callable[[Tensor], Tensor], group_size: int | None, binary: bool = False) -> tuple[str, ...]:
    """Return what is to be said of each edge.

    Args:
        fn: the function.
        group_size: the only G; None for several.
        binary: whether its rewards are 0 and 1 only.
    """
    return tuple(_edges(fn, group_size, binary))


def _edges(fn: Callable[[Tensor], Tensor], group_size: int | None, binary: bool) -> Iterator[str]:
    sizes = (2, 3, 4, 8) if group_size is None else (group_size,)
    values = _EQUAL_BINARY if binary else _EQUAL
    equal = [torch.full((2, G), value, dtype=torch.float64) for G in sizes for value in values]
    yield f"Where all rewards of a group are equal: {_said(fn, equal)}."
    if group_size is None:
        single = [torch.tensor(rows, dtype=torch.float64) for rows in ([[0.0]], [[1.0]], [[1.0], [0.0]])]
        yield f"At G = 1: {_said(fn, single)}."
    G = group_size or 4
    first, second, other = (_row(numbers, G) for numbers in (_ROWS_BINARY if binary else _ROWS))
    try:
        both = advantages(fn, torch.stack([first, second]))
        moved = advantages(fn, torch.stack([first, other]))
        turned = advantages(fn, torch.stack([first.flip(0), second.flip(0)]))
    except Faulty as fault:
        yield f"With two prompts {fault}."
        return
    if not _same(both[0], moved[0]):
        yield LEAK
    if not _same(both, turned.flip(1)):
        yield PLACE


def _said(fn: Callable[[Tensor], Tensor], cases: list[Tensor]) -> str:
    found = []
    for rewards in cases:
        try:
            found.append(advantages(fn, rewards).flatten())
        except Faulty as fault:
            return str(fault)
    return word_of(torch.cat(found))


def _row(numbers: list[float], size: int) -> Tensor:
    """As many of the numbers as there are answers, over again where these are more."""
    row = torch.tensor(numbers, dtype=torch.float64)
    return row.repeat(-(-size // len(row)))[:size]


def _same(one: Tensor, other: Tensor) -> bool:
    return torch.allclose(one, other, rtol=1e-9, atol=1e-12, equal_nan=True)
