"""Estimates come from the stream that is handed over, and what comes from elsewhere is seen."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from bench.engine.guard import Misbehaved
from bench.engine.origin import Origin
from bench.engine.streams import Address, stream

CPU = torch.device("cpu")


CPU = torch.device("cpu")


def followed(*calls: Callable[[], Tensor]) -> None:
    with stream(Address(0, "test", 1, "estimates"), CPU) as draws:
        origin = Origin(draws, CPU)
        for call in calls:
            origin.after(call(), data_per_row=False)


def normals() -> Tensor:
    return torch.randn(50, 2)


def test_numbers_that_were_drawn_before_are_seen() -> None:
    states: list[Tensor] = []

    def keeps() -> Tensor:
        states.append(torch.get_rng_state())
        return normals()

    def goes_back() -> Tensor:
        torch.set_rng_state(states[0])
        return normals()

    with pytest.raises(Misbehaved, match="had been drawn before"):
        followed(keeps, normals, goes_back)
    followed(keeps, normals, normals)


def test_rounding_and_few_values_are_no_noise() -> None:
    exact = 1 + 1e-7 * torch.arange(50.0)[:, None] % 5e-7
    followed(lambda: exact, lambda: exact.flip(0))
    few = torch.tensor([0.0, 1e-9, -1e-9])[torch.arange(50) % 3][:, None]
    followed(lambda: few, lambda: few)
    with pytest.raises(Misbehaved, match="come from elsewhere"):
        followed(lambda: torch.arange(50.0)[:, None])


def test_equal_estimates_are_seen_where_chance_cannot_make_them() -> None:
    def drawing(estimates: Tensor) -> Callable[[], Tensor]:
        return lambda: estimates + 0 * normals()[: len(estimates), :1]

    rare = torch.zeros(50, 1)
    rare[3] = 1
    same = drawing(rare)
    followed(same, same)
    constant = drawing(torch.ones(50, 1))
    followed(constant, constant)
    rounded = drawing(1 + torch.finfo(torch.float32).eps * (torch.arange(50.0)[:, None] % 7))
    followed(rounded, rounded)
    fixed = drawing(torch.arange(50.0)[:, None])
    with pytest.raises(Misbehaved, match="the same whatever is drawn"):
        followed(fixed, fixed)
