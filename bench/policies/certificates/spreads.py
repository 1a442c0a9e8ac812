"""Numbers that an advantage function adds to what it divides by, found by one call."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from bench.policies.certificates.foreign_calls import Faulty, advantages

# Smaller numbers make no difference of 1e-6, and larger ones are not added to avoid a division by 0.
_SMALLEST, _LARGEST = 1e-9, 0.5


class Epsilons(NamedTuple):
    """Numbers that may be added, none or one in each place.

    Attributes:
        std: to the standard deviation with ddof 0, and with ddof 1.
        mean: to the mean.
    """

    std: tuple[tuple[float, ...], tuple[float, ...]] = ((), ())
    mean: tuple[float, ...] = ()


def epsilons_of(fn: Callable[[Tensor], Tensor], group_size: int) -> Epsilons:
    """Return what a function adds, if it divides the distance from the mean of the group.

    Args:
        fn: the function.
        group_size: G.
    """
    rewards = torch.zeros(1, group_size, dtype=torch.float64)
    rewards[0, -1] = 1
    try:
        advantage = float(advantages(fn, rewards)[0, -1])
    except Faulty:
        return Epsilons()
    if group_size < 2 or not advantage > 0:
        return Epsilons()
    divided_by = (1 - 1 / group_size) / advantage
    first, second = (_added(divided_by - float(rewards.std(correction=ddof))) for ddof in (0, 1))
    return Epsilons((first, second), _added(divided_by - float(rewards.mean())))


def _added(number: float) -> tuple[float, ...]:
    return (float(f"{number:.6g}"),) if _SMALLEST < number < _LARGEST else ()
