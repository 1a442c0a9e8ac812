"""Constants that a scenario gives names to, for its formula: numbers, lists, and rows of equal length."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from bench.errors import collected, invalid, shown
from bench.formula.hints import CALLED
from bench.formula.shapes import words
from bench.formula.terms import NUMBERS

MOST = 1 << 20
"""The most numbers of one constant."""


def read_constants(let: object) -> dict[str, Tensor]:
    """Numbers, lists and matrices by name, in float64.

    Raises:
        Invalid: with the path of each name or number that is none.
    """
    if let is None:
        return {}
    if not isinstance(let, Mapping):
        raise invalid(f"wanted constants as {{name: number, list or rows}}, got {shown(let)}")
    found: dict[str, Tensor] = {}
    with collected() as wrong:
        for name, value in let.items():
            with wrong.under(str(name)):
                _check_name(name)
                found[name] = _tensor(value)
    return found


def _check_name(name: object) -> None:
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
        raise invalid(f"wanted a name of letters, digits and _, such as w, got {shown(name)}")
    taken = {"z": "the variable", **dict.fromkeys(NUMBERS, "a number"), **dict.fromkeys(CALLED, "a function")}
    if name in taken:
        raise invalid(f"{name} is {taken[name]} of every formula; choose another name")


def _tensor(value: object) -> Tensor:
    """A number `[]`, a list `[n]` or rows `[m, n]`."""
    if not isinstance(value, list):
        return torch.tensor(_number(value), dtype=torch.float64)
    if not value:
        raise invalid("the list is empty")
    rows = [isinstance(row, list) for row in value]
    if not any(rows):
        return _one_tensor([_number(each, i) for i, each in enumerate(value)])
    if not all(rows):
        raise invalid(
            "numbers and lists stand side by side; wanted numbers, or rows of numbers", rows.index(False)
        )
    matrix = []
    for i, row in enumerate(value):
        if not row:
            raise invalid(f"row {i} is empty; wanted a list of numbers", i)
        if len(row) != len(value[0]):
            raise invalid(f"row {i} has {words((len(row),))}, and row 0 has {words((len(value[0]),))}", i)
        matrix.append([_number(each, i, j) for j, each in enumerate(row)])
    return _one_tensor(matrix)


def _one_tensor(values: list[Any]) -> Tensor:
    found = torch.tensor(values, dtype=torch.float64, device="cpu")
    if found.numel() > MOST:
        raise invalid(f"it has {found.numel()} numbers, and at most {MOST} are read")
    return found


def _number(value: object, *path: int) -> float:
    if isinstance(value, list):
        raise invalid("wanted a number; lists are nested twice at most", *path)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise invalid(f"wanted a number, got {shown(value)}", *path)
    try:
        found = float(value)
    except OverflowError:
        found = math.inf
    if not math.isfinite(found):
        raise invalid(f"wanted a finite number, got {shown(value)}", *path)
    return found
