"""The noise that is drawn here and now: of the stream that is set, or of torch's generators where none is.

Those who ask for noise by a shape `[N, R, ...]` get numbers of which each row's are its own, whatever the
other rows are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from bench.noise.draws import Draws

_current: Draws | None = None


@contextmanager
def drawn_from(draws: Draws | None) -> Iterator[None]:
    """Within it noise is of these draws; None for torch's generators."""
    global _current
    before, _current = _current, draws
    try:
        yield
    finally:
        _current = before


def current_draws() -> Draws | None:
    """The draws that noise is of here and now; None for torch's generators."""
    return _current


def normal(shape: Sequence[int], like: Tensor) -> Tensor:
    """Independent standard normal numbers.

    Args:
        shape: `[N, R, ...]`, with R rows or a multiple of them; of any other shape they are drawn from
            torch's generator.
        like: a tensor of the type and on the device that is wanted.
    """
    if (draws := _draws_for(shape)) is not None:
        return draws.normal(shape, like.dtype, like.device)
    return like.new_empty(shape).normal_()


def shifted_normal(shape: Sequence[int], loc: Tensor, scale: Tensor) -> Tensor:
    """The numbers of `normal` times a scale, plus a location, in fewer passes over memory.

    Args:
        shape: as of `normal`.
        loc: what is added; of the type and on the device that is wanted, to be expanded to the shape.
        scale: by what is multiplied.
    """
    if (draws := _draws_for(shape)) is not None:
        return draws.shifted_normal(shape, loc, scale)
    return normal(shape, loc).mul_(scale).add_(loc)


def uniform(shape: Sequence[int], like: Tensor) -> Tensor:
    """Independent uniform numbers in the open interval (0, 1); arguments as of `normal`."""
    if (draws := _draws_for(shape)) is not None:
        return draws.uniform(shape, like.dtype, like.device)
    half = torch.finfo(like.dtype).eps / 4
    return like.new_empty(shape).uniform_().clamp_(half, 1 - 2 * half)


def unit(shape: Sequence[int], like: Tensor) -> Tensor:
    """Independent uniform numbers in (0, 1] with digits near zero: `unit(…) <= p` has probability p."""
    if (draws := _draws_for(shape)) is not None:
        return draws.unit(shape, like.dtype, like.device)
    return (1 - like.new_empty(shape, dtype=torch.float64).uniform_()).to(like.dtype)


def exponential(shape: Sequence[int], like: Tensor) -> Tensor:
    """Independent exponential numbers with mean 1, all positive; arguments as of `normal`."""
    if (draws := _draws_for(shape)) is not None:
        return draws.exponential(shape, like.dtype, like.device)
    return unit(shape, like).log_().neg_().clamp_(min=torch.finfo(like.dtype).tiny)


def gumbel(shape: Sequence[int], like: Tensor) -> Tensor:
    """Independent standard Gumbel numbers, −log of exponential ones."""
    return exponential(shape, like).log_().neg_()


def logistic(shape: Sequence[int], like: Tensor) -> Tensor:
    """Independent standard logistic numbers, log u − log(1 − u)."""
    return torch.logit(uniform(shape, like))


@contextmanager
def common(device: torch.device) -> Iterator[None]:
    """Make what follows draw once more what is drawn within: two sides then share their random numbers.

    Numbers of torch's generators are drawn again, too, by samplers that use these.
    """
    others = [] if device.type == "cpu" else [device]
    with torch.random.fork_rng(others, device_type=device.type):
        calls = 0 if _current is None else _current.calls
        yield
        if _current is not None:
            _current.calls = calls


def _draws_for(shape: Sequence[int]) -> Draws | None:
    return _current if _current is not None and _current.fits(shape) else None
