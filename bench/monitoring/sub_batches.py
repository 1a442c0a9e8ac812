"""Batches taken apart along their examples."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

import numpy as np
from torch import Tensor

from bench.errors import invalid, shown


def examples_of(batch: Any) -> int | None:
    """The number of examples in a batch: the length that most arrays in it have; None if it has none."""
    lengths = Counter(_lengths(batch))
    return lengths.most_common(1)[0][0] if lengths else None


def sub_batches(batch: Any, count: int, order: Tensor) -> list[Any]:
    """Parts of a batch with equally many examples, which lie along the first axis of its arrays.

    What has another length, or none, is the same in each part. Examples that are left over are left out.

    Args:
        batch: an array, or what holds some: tuples, lists and mappings of them.
        count: how many parts.
        order: of the examples, `[B]`; a random one, since batches may be sorted.

    Raises:
        Invalid: if there are no examples that could be told apart, or fewer than parts.
    """
    examples = examples_of(batch)
    if examples is None:
        raise invalid(
            f"batch: wanted tensors with the examples along the first axis, or tuples, lists or mappings of "
            f"them, got {shown(batch)}; data=[batches] takes batches of any kind"
        )
    if examples < count:
        raise invalid(f"batch: wanted at least {count} examples, one for each part, got {examples}")
    each = examples // count
    return [_cut(batch, order[i * each : (i + 1) * each], examples) for i in range(count)]


def without_rest(batch: Any, count: int, order: Tensor) -> Any:
    """The batch of those examples that `count` parts hold, in an order."""
    examples = examples_of(batch) or 0
    return _cut(batch, order[: examples // count * count], examples)


def _lengths(value: Any) -> Iterator[int]:
    if isinstance(value, Tensor | np.ndarray):
        if value.ndim:
            yield len(value)
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _lengths(each)
    elif isinstance(value, tuple | list):
        for each in value:
            yield from _lengths(each)


def _holds(value: Any) -> bool:
    return isinstance(value, Tensor | np.ndarray | Mapping | tuple | list)


def _cut(value: Any, part: Tensor, examples: int) -> Any:
    if isinstance(value, Tensor | np.ndarray):
        if not value.ndim or len(value) != examples:
            return value
        return value[part.to(value.device)] if isinstance(value, Tensor) else value[part.numpy()]
    if isinstance(value, MutableMapping):
        copied = copy.copy(value)
        copied.update({name: _cut(each, part, examples) for name, each in value.items()})
        return copied
    if isinstance(value, list) and len(value) == examples and not any(map(_holds, value)):
        return [value[i] for i in part.tolist()]
    if isinstance(value, tuple | list):
        found = [_cut(each, part, examples) for each in value]
        return type(value)(*found) if hasattr(value, "_fields") else type(value)(found)
    return value
