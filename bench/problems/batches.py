"""Batches of data that are drawn afresh."""

from __future__ import annotations

import copy
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map

from bench import noise
from bench.problem import Problem

AnyProblem = TypeVar("AnyProblem", bound=Problem)
Items = Any
"""Items along the first axis of a tensor, `[n, ...]`, or of several in a tuple or a dict."""

_FEW = 2  # so that an axis of items is still there to be confused with others


def count(items: Items) -> int:
    """The number of items."""
    return len(tree_leaves(items)[0])


def taken(items: Items, index: Tensor | slice) -> Items:
    """Some of the items, by a slice or by an index of any shape, `[*index, ...]`."""
    return tree_map(lambda t: t[index if isinstance(index, slice) else index.to(t.device)], items)


def with_few_items(problem: AnyProblem) -> AnyProblem:
    """A copy whose attribute `data` is the first two items of the batch, and whose width is theirs."""
    data = vars(problem)["data"]  # [B, D]
    few = copy.copy(problem)
    vars(few)["data"] = taken(data, slice(_FEW))  # [2, D]
    few.width = problem.width * min(_FEW, count(data)) // count(data)
    return few


def redrawn(problem: AnyProblem, items: Items, rows: int, copies: int) -> AnyProblem:
    """A copy whose attribute `data`, `[R, B, D]`, holds batches drawn with replacement.

    Args:
        problem: it has one batch as its attribute `data`, `[B, D]`.
        items: all that may be drawn, `[n, D]`.
        rows: R, of all theta that the copy is given.
        copies: how many consecutive rows share a batch.
    """
    data = tree_leaves(vars(problem)["data"])[0]
    batches = (rows // copies, data.shape[1 if problem.data_per_row else 0])
    # Drawn on the CPU, so that every device has the same batches.
    u = noise.uniform((1, *batches), torch.empty(0, dtype=torch.float64))[0]  # [R / copies, B]
    index = (u * count(items)).long().repeat_interleave(copies, 0)  # [R, B]
    drawn = copy.copy(problem)
    vars(drawn)["data"] = taken(items, index)  # [R, B, D]
    drawn.data_per_row = True
    return drawn
