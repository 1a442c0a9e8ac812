"""The normal distribution in fewer passes over memory than torch's own."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import torch
from torch import Size, Tensor

from bench import noise
from bench.noise.draws import as_arrays

_MINUS_HALF_LOG_TWO_PI = -0.5 * math.log(2 * math.pi)
# For no more samples than this, as in the trial of a plan, compiled code gains nothing: to load it takes a
# second.
_FEW = 64


class Normal(torch.distributions.Normal):
    r"""The normal distribution, as `torch.distributions.Normal`, but leaner.

    .. math:: \log p(x; \mu, \sigma) = -\frac{z^2}{2} - \log\sigma - \frac{\log 2\pi}{2},
        \quad z = \frac{x - \mu}{\sigma}

    `sample` returns the very numbers that `rsample` would for the same random state.
    What is differentiable here may be differentiated twice, but not by the transforms of `torch.func`.
    """

    def __init__(self, loc: Tensor | float, scale: Tensor | float, validate_args: bool | None = None) -> None:
        """As torch's, which takes its time to broadcast what needs none of it."""
        if isinstance(loc, Tensor) and isinstance(scale, Tensor) and loc.shape and not scale.dim():
            scale = scale.expand_as(loc)
        if isinstance(loc, Tensor) and isinstance(scale, Tensor) and loc.shape == scale.shape:
            self.loc, self.scale = loc, scale
            torch.distributions.Distribution.__init__(self, loc.shape, validate_args=validate_args)
        else:
            super().__init__(loc, scale, validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Normal:
        return Normal(self.loc.expand(batch_shape), self.scale.expand(batch_shape), validate_args=False)

    def rsample(self, sample_shape: Any = Size()) -> Tensor:  # noqa: B008 (as torch has it)
        shape = self._extended_shape(sample_shape)
        if not self.scale.requires_grad and self.loc.dtype == self.scale.dtype:
            shifted: Tensor = _Shifted.apply(self.loc, self.scale, shape)  # type: ignore[no-untyped-call]
            return shifted
        # Two passes, the second in place, are faster than addcmul for few locations,
        # about as fast for many, and round as `sample` does.
        scaled = noise.normal(shape, self.loc) * self.scale
        return scaled.add_(self.loc) if self.loc.dtype == self.scale.dtype else scaled + self.loc

    def sample(self, sample_shape: Any = Size()) -> Tensor:  # noqa: B008
        with torch.no_grad():
            return noise.shifted_normal(self._extended_shape(sample_shape), self.loc, self.scale)

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        plain = self._is_plain(value) and _compiled() is not None
        function = _CompiledLogDensity if plain else _LogDensity
        density: Tensor = function.apply(value, self.loc, self.scale)  # type: ignore[no-untyped-call]
        return density

    def _is_plain(self, x: Tensor) -> bool:
        """Whether x are many fixed samples of numbers on the processor, `[N, M]` from M distributions."""
        return (
            x.dim() == 2
            and x.numel() > _FEW
            and x.shape[1:] == self.loc.shape
            and x.device.type == "cpu"
            and x.dtype == self.loc.dtype == self.scale.dtype
            and not x.requires_grad
        )


class _Shifted(torch.autograd.Function):
    """Samples of normal distributions as a function of μ, whose slope is 1."""

    @staticmethod
    def forward(ctx: Any, loc: Tensor, scale: Tensor, shape: Size) -> Tensor:
        ctx.shape = loc.shape
        return noise.shifted_normal(shape, loc, scale)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        return gradient.sum_to_size(ctx.shape), None, None


class _LogDensity(torch.autograd.Function):
    r"""log p(x; μ, σ), broadcast.

    .. math:: \partial_x = -z/\sigma, \quad \partial_\mu = z/\sigma, \quad \partial_\sigma = (z^2 - 1)/\sigma

    μ and σ are divided by after the sums over the axes along which they were repeated.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, loc: Tensor, scale: Tensor) -> Tensor:
        z = (x - loc).div_(scale)
        ctx.save_for_backward(x, loc, scale, z)
        normalizer = _MINUS_HALF_LOG_TWO_PI - scale.log()
        return torch.addcmul(normalizer, z, z, value=-0.5)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, loc, scale, z = ctx.saved_tensors
        if torch.is_grad_enabled():  # the gradient is to be differentiated again
            z = (x - loc) / scale
        return _derivatives(gradient, x, loc, scale, z, ctx.needs_input_grad)


class _CompiledLogDensity(torch.autograd.Function):
    """The log density, `[N, M]`, in one pass over memory forth and one back: a third faster where it fits."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, loc: Tensor, scale: Tensor) -> Tensor:
        ctx.save_for_backward(x, loc, scale)
        # Arrays are handed over as they lie in memory, and what is the same for all once: the
        # code is then compiled for one kind of array.
        ctx.across = across = x.stride(0) != 1
        ctx.tables = samples, means, scales = (_table(x, across), *as_arrays(loc, scale))
        answer = torch.empty(samples.shape, dtype=x.dtype)
        _compiled().log_density(samples, means, scales, across, answer.numpy())
        return answer if across else answer.T

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        if torch.is_grad_enabled():
            x, loc, scale = ctx.saved_tensors
            return _derivatives(gradient, x, loc, scale, (x - loc) / scale, ctx.needs_input_grad)
        across, weights = ctx.across, _table(gradient, ctx.across)

        def slope(of_scale: bool) -> Tensor | None:
            if not ctx.needs_input_grad[2 if of_scale else 1]:
                return None
            answer = torch.empty(gradient.shape[1], dtype=gradient.dtype)
            samples, means, scales = ctx.tables
            _compiled().slopes(weights, samples, means, scales, across, of_scale, answer.numpy())
            return answer

        return None, slope(False), slope(True)


@functools.cache
def _compiled() -> Any:
    """The compiled part, which is loaded late, see `_FEW`; None where there is no numba."""
    try:
        from bench.distributions import compiled
    except ImportError:
        return None
    return compiled


def _table(x: Tensor, across: bool) -> np.ndarray:
    """`[N, M]` across, else `[M, N]`; contiguous, and without a copy where it lies so."""
    return np.ascontiguousarray(x.numpy() if across else x.numpy().T)


def _derivatives(
    gradient: Tensor, x: Tensor, loc: Tensor, scale: Tensor, z: Tensor, wanted: tuple[bool, ...]
) -> tuple[Tensor | None, ...]:
    weighed = gradient * z
    of_x = of_loc = of_scale = None
    if wanted[0]:
        of_x = (weighed / -scale).sum_to_size(x.shape)
    if wanted[1]:
        of_loc = weighed.sum_to_size(loc.shape) / scale
    if wanted[2]:
        of_scale = torch.addcmul(gradient, weighed, z, value=-1).sum_to_size(scale.shape) / -scale
    return of_x, of_loc, of_scale
