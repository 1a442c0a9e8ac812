"""Torch's samplers made of noise that is given: what stands for each of them while a loss is measured."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from bench.losses.row_noise import Source

Sampler = Callable[..., Tensor]


class NotServed(Exception):
    """A call of a sampler that is left to torch."""


def _place(dtype: torch.dtype | None, device: Any) -> tuple[torch.dtype, torch.device]:
    dtype = torch.get_default_dtype() if dtype is None else dtype
    if not dtype.is_floating_point:
        raise NotServed
    return dtype, torch.empty(0, device=device).device  # torch.get_default_device takes ten times as long


def _shape(size: tuple[Any, ...]) -> tuple[int, ...]:
    if len(size) == 1 and isinstance(size[0], Sequence):
        size = tuple(size[0])
    return tuple(int(n) for n in size)


def _of_torch_alone(options: dict[str, Any]) -> bool:
    """Whether a call says what given noise cannot do: a generator of its own, a place to write to."""
    return any(options.pop(name, None) is not None for name in ("generator", "out", "names"))


def _made(source: Source, kind: Any, size: tuple[Any, ...], options: dict[str, Any]) -> Tensor:
    if _of_torch_alone(options):
        raise NotServed
    shape = _shape((options.pop("size"),) if not size and "size" in options else size)
    dtype, device = _place(options.pop("dtype", None), options.pop("device", None))
    wants_gradient = bool(options.pop("requires_grad", False))
    made = source(kind, shape, dtype, device)
    return made.requires_grad_() if wants_gradient else made


def _like(source: Source, kind: Any, like: Tensor, options: dict[str, Any]) -> Tensor:
    if _of_torch_alone(options):
        raise NotServed
    dtype, device = options.pop("dtype", None) or like.dtype, options.pop("device", None) or like.device
    return _made(source, kind, (tuple(like.shape),), {**options, "dtype": dtype, "device": device})


def randn(source: Source, *size: Any, **options: Any) -> Tensor:
    """Standard normal numbers."""
    return _made(source, "normal", size, options)


def rand(source: Source, *size: Any, **options: Any) -> Tensor:
    """Uniform numbers in (0, 1)."""
    return _made(source, "uniform", size, options)


def randn_like(source: Source, input: Tensor, **options: Any) -> Tensor:
    """Standard normal numbers in the shape of another tensor."""
    return _like(source, "normal", input, options)


def rand_like(source: Source, input: Tensor, **options: Any) -> Tensor:
    """Uniform numbers in the shape of another tensor."""
    return _like(source, "uniform", input, options)


def normal(source: Source, mean: Any = 0.0, std: Any = 1.0, size: Any = None, **options: Any) -> Tensor:
    """Normal numbers with the means and standard deviations that are given."""
    if _of_torch_alone(options):
        raise NotServed
    tensors = [each for each in (mean, std) if isinstance(each, Tensor)]
    if tensors:
        shape = tuple((tensors[0] + tensors[-1]).shape)
        dtype, device = _place(tensors[0].dtype, tensors[0].device)
    else:
        shape = _shape((size,))
        dtype, device = _place(options.get("dtype"), options.get("device"))
    with torch.no_grad():  # torch's own has no gradient either
        made: Tensor = source("normal", shape, dtype, device) * std + mean
        return made


def bernoulli(source: Source, input: Tensor, p: float | None = None, **options: Any) -> Tensor:
    """Zeros and ones, with the probabilities of ones that are given."""
    if _of_torch_alone(options) or not input.is_floating_point():
        raise NotServed
    with torch.no_grad():
        chance = input if p is None else p
        return (source("unit", input.shape, input.dtype, input.device) <= chance).to(input.dtype)


def multinomial(
    source: Source, input: Tensor, num_samples: int, replacement: bool = False, **options: Any
) -> Tensor:
    """Classes with probabilities in proportion to the weights that are given, `[..., K] -> [..., n]`.

    With replacement the class whose stretch of (0, 1) a uniform number is in; without it those that come
    first in a race of exponential times (Efraimidis & Spirakis, 2006).
    """
    if _of_torch_alone(options) or not input.is_floating_point():
        raise NotServed
    with torch.no_grad():
        if num_samples > 1 and not replacement:
            times = source("exponential", input.shape, input.dtype, input.device) / input
            return times.topk(num_samples, dim=-1, largest=False).indices
        shape = (*input.shape[:-1], num_samples)
        total = input.double().cumsum(-1)  # [..., K]
        u = source("uniform", shape, torch.float64, input.device) * total[..., -1:]  # [..., n]
        # The last class with a weight is the end, whatever rounding does.
        last = (input > 0).to(torch.int64).mul(torch.arange(input.shape[-1], device=input.device)).amax(-1)
        below = (total[..., None, :] <= u[..., None]).sum(-1)  # [..., n]
        return torch.minimum(below, last[..., None])


def randint(source: Source, *bounds: Any, **options: Any) -> Tensor:
    """Whole numbers from a lower bound, which is included, to an upper one, which is not."""
    if _of_torch_alone(options):
        raise NotServed
    *given, size = bounds if "size" not in options else (*bounds, options.pop("size"))
    given += [options.pop(name) for name in ("low", "high") if name in options]
    low, high = (0, *given) if len(given) == 1 else given
    dtype = options.pop("dtype", None) or torch.int64
    device = torch.empty(0, device=options.pop("device", None)).device
    u = source("uniform", _shape((size,)), torch.float64, device)
    return (u * (int(high) - int(low))).floor().add(int(low)).to(dtype)


def randperm(source: Source, n: int, **options: Any) -> Tensor:
    """Whole numbers below n in random order."""
    if _of_torch_alone(options):
        raise NotServed
    device = torch.empty(0, device=options.pop("device", None)).device
    order = source("uniform", (n,), torch.float64, device).argsort()
    return order.to(options.pop("dtype", None) or torch.int64)


def dropout(
    source: Source, input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """The input with numbers set to zero with probability p, the others scaled so that means stay."""
    if not training or p == 0 or inplace or not input.is_floating_point():
        raise NotServed
    with torch.no_grad():
        kept = source("unit", input.shape, input.dtype, input.device) > p
    return torch.where(kept, input / (1 - p) if p < 1 else torch.zeros_like(input), torch.zeros_like(input))


def _normal_values(source: Source, like: Tensor, mean: Any = 0.0, std: Any = 1.0) -> Tensor:
    made: Tensor = source("normal", like.shape, like.dtype, like.device) * std + mean
    return made


def _uniform_values(
    source: Source, like: Tensor, low: float = 0.0, high: float = 1.0, **bounds: Any
) -> Tensor:
    low, high = bounds.get("from", low), bounds.get("to", high)
    return source("uniform", like.shape, like.dtype, like.device) * (high - low) + low


def _exponential_values(source: Source, like: Tensor, lambd: float = 1.0) -> Tensor:
    return source("exponential", like.shape, like.dtype, like.device) / lambd


def _cauchy_values(source: Source, like: Tensor, median: float = 0.0, sigma: float = 1.0) -> Tensor:
    u = source("uniform", like.shape, like.dtype, like.device)
    return ((u - 0.5) * math.pi).tan() * sigma + median


def _log_normal_values(source: Source, like: Tensor, mean: float = 1.0, std: float = 2.0) -> Tensor:
    return _normal_values(source, like, mean, std).exp()


def _geometric_values(source: Source, like: Tensor, p: float) -> Tensor:
    return (source("unit", like.shape, like.dtype, like.device).log() / math.log1p(-p)).ceil().clamp(min=1)


def _bernoulli_values(source: Source, like: Tensor, p: Any = 0.5) -> Tensor:
    made: Tensor = source("unit", like.shape, like.dtype, like.device) <= p
    return made.to(like.dtype)


FUNCTIONS: dict[str, Sampler] = {
    "randn": randn,
    "rand": rand,
    "randn_like": randn_like,
    "rand_like": rand_like,
    "normal": normal,
    "bernoulli": bernoulli,
    "multinomial": multinomial,
    "randint": randint,
    "randperm": randperm,
}
"""Functions of the module torch."""

METHODS: dict[str, Sampler] = {"bernoulli": bernoulli, "multinomial": multinomial}
"""Methods of tensors that give new ones."""

IN_PLACE: dict[str, Sampler] = {
    "normal_": _normal_values,
    "uniform_": _uniform_values,
    "exponential_": _exponential_values,
    "cauchy_": _cauchy_values,
    "log_normal_": _log_normal_values,
    "geometric_": _geometric_values,
    "bernoulli_": _bernoulli_values,
}
"""Methods of tensors that fill them: the values, given the tensor."""
