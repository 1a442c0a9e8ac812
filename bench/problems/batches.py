"""Batches of data that are drawn afresh."""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
from torch import Tensor

from bench import noise
from bench.problem import Problem

AnyProblem = TypeVar("AnyProblem", bound=Problem)

_FEW = 2  # so that an axis of items is still there to be confused with others


def with_few_items(problem: AnyProblem) -> AnyProblem:
    """A copy whose attribute `data` is the first two items of the batch, and whose width is theirs."""
    data = vars(problem)["data"]  # [B, D]
    few = copy.copy(problem)
    vars(few)["data"] = data[:_FEW]  # [2, D]
    few.width = problem.width * len(data[:_FEW]) // len(data)
    return few


def redrawn(problem: AnyProblem, items: Tensor, rows: int, copies: int) -> AnyProblem:
    """A copy whose attribute `data`, `[R, B, D]`, holds batches drawn with replacement.

    Args:
        problem: it has one batch as its attribute `data`, `[B, D]`.
        items: all that may be drawn, `[n, D]`.
        rows: R, of all theta that the copy is given.
        copies: how many consecutive rows share a batch.
    """
    batches = (rows // copies, vars(problem)["data"].shape[-2])
    # Drawn on the CPU, so that every device has the same batches.
    u = noise.uniform((1, *batches), torch.empty(0, dtype=torch.float64))[0]  # [R / copies, B]
    index = (u * len(items)).long().repeat_interleave(copies, 0)  # [R, B]
    drawn = copy.copy(problem)
    vars(drawn)["data"] = items[index.to(items.device)]  # [R, B, D]
    drawn.data_per_row = True
    return drawn
