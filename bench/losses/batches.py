"""Batches of somebody's loader: drawn once, with the loader left as it was."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import torch

from bench.errors import invalid, shown
from bench.losses.generators import put_back
from bench.losses.state import State

BATCHES = 32
"""Batches that are drawn of a loader."""

# Of the order in which a loader shuffles: the batches are the same whatever is measured with them.
_SEED = 0


def batches_of(data: Iterable[Any], most: int) -> list[Any]:
    """The first batches of a loader, always in the same order; they are kept in memory.

    Its generators, and torch's, NumPy's and Python's, are as before afterwards.

    Args:
        data: a loader, a list, or anything else that can be gone through again.
        most: how many are taken, if there are as many.

    Raises:
        Invalid: if it can be gone through only once, or there is nothing in it.
    """
    if not isinstance(data, Iterable) or isinstance(data, str | bytes | dict):
        raise invalid(f"data: wanted a loader or a list of batches, got {shown(data)}")
    if isinstance(data, torch.Tensor):
        raise invalid(
            "data: wanted a loader or a list of batches, got a tensor; data=[batch] takes it as one batch"
        )
    if isinstance(data, Iterator):
        raise invalid("data: an iterator would be used up; wanted a loader or a list of batches")
    state = State({"data": data})
    with put_back():
        try:
            _seed(data)
            found = list(itertools.islice(iter(data), most))
        finally:
            state.put_back()
    if not found:
        raise invalid("data: there is no batch in it")
    return found


def _seed(data: Any) -> None:
    """Seed what a loader shuffles by: torch's generator, and its own."""
    torch.default_generator.manual_seed(_SEED)
    parts = (data, getattr(data, "sampler", None), getattr(data, "batch_sampler", None))
    for generator in {getattr(part, "generator", None) for part in parts}:
        if isinstance(generator, torch.Generator):
            generator.manual_seed(_SEED)
