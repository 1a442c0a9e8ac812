"""Torch's samplers replaced for a while: what a loss draws comes from the noise that it is given."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from bench.losses.row_noise import Source
from bench.losses.scalar_loss import WrongLoss
from bench.losses.served_samplers import FUNCTIONS, IN_PLACE, METHODS, NotServed, Sampler, dropout

Fill = Callable[[Tensor, Tensor], Tensor]
"""Puts values into a tensor, and returns what stands for it from then on."""


def copied(target: Tensor, values: Tensor) -> Tensor:
    """Write values into a tensor."""
    with torch.no_grad():
        return target.copy_(values)


@contextmanager
def served(source: Source, fill: Fill = copied) -> Iterator[None]:
    """Within it torch's samplers draw from a source; those that cannot, draw from torch's generators.

    A function that somebody took from torch before (`from torch import randn`) is not replaced.

    Args:
        source: of noise.
        fill: how a tensor is filled with what was drawn for it.
    """
    replaced = [
        *_replaced(torch, FUNCTIONS, source),
        *_replaced(functional, {"dropout": dropout}, source),
        *_replaced(torch.Tensor, METHODS, source),
        *_replaced(torch.Tensor, IN_PLACE, source, fill),
        (torch, "manual_seed", torch.manual_seed, _refuse_to_seed),
    ]
    for place, name, _, new in replaced:
        setattr(place, name, new)
    try:
        yield
    finally:
        for place, name, old, _ in replaced:
            if old is None:
                delattr(place, name)
            else:
                setattr(place, name, old)


def _refuse_to_seed(seed: Any) -> Any:  # noqa: ARG001 - it may be given by name
    raise WrongLoss("it seeds torch's generator, so that it draws the same again and again; take that out")


def _replaced(
    place: Any, samplers: dict[str, Sampler], source: Source, fill: Fill | None = None
) -> Iterator[tuple[Any, str, Any, Any]]:
    """Yield where each sampler is, its name, what is there (None where it is inherited), the new one."""
    for name, sampler in samplers.items():
        own = vars(place).get(name)
        new = _served(getattr(place, name), sampler, source, fill)
        yield place, name, own, new


def _served(original: Any, sampler: Sampler, source: Source, fill: Fill | None) -> Any:
    def draw(*args: Any, **kwargs: Any) -> Any:
        try:
            if fill is None:
                return sampler(source, *args, **kwargs)
            return _filled(source, sampler, fill, *args, **kwargs)
        except NotServed:
            return original(*args, **kwargs)

    return draw


def _filled(
    source: Source,
    sampler: Sampler,
    fill: Fill,
    target: Tensor,
    *args: Any,
    generator: Any = None,
    **kwargs: Any,
) -> Tensor:
    if generator is not None or not target.is_floating_point():
        raise NotServed
    with torch.no_grad():
        values = sampler(source, target, *args, **kwargs)
    return fill(target, values)
