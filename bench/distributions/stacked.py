"""Distributions of single rows, taken apart into tensors and put together as one with a row axis."""

from __future__ import annotations

import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Size, Tensor, distributions, nn
from torch.distributions import Distribution, Transform, constraints
from torch.distributions.transforms import _InverseTransform

from bench.distributions import by_counter, von_mises
from bench.distributions.mixture import NormalMixture
from bench.distributions.multivariate_normal import MultivariateNormal
from bench.distributions.normal import Normal
from bench.problem import NotApplicable

Visit = Callable[[Tensor, int], Tensor]
"""Takes a tensor and the axes it has at its full size; gives what stands in its place."""

# Samples of these are made of noise by counter. They hold the same attributes as torch's.
_BY_COUNTER: dict[type, type] = {
    distributions.Bernoulli: by_counter.Bernoulli,
    distributions.Categorical: by_counter.Categorical,
    distributions.Exponential: by_counter.Exponential,
    distributions.Geometric: by_counter.Geometric,
    distributions.HalfNormal: by_counter.HalfNormal,
    distributions.Laplace: by_counter.Laplace,
    distributions.LogNormal: by_counter.LogNormal,
    distributions.MultivariateNormal: MultivariateNormal,
    distributions.Normal: Normal,
    distributions.VonMises: von_mises.VonMises,
    distributions.Weibull: by_counter.Weibull,
}

# Axes of an event in tensors that are no parameters by name, or whose constraint tells others.
_OWN_AXES = {
    "_unbroadcasted_scale_tril": 2,
    "_unbroadcasted_cov_factor": 2,
    "_unbroadcasted_cov_diag": 1,
    "_capacitance_tril": 2,
}
_ATOMS = (type, types.FunctionType, types.BuiltinFunctionType, types.MethodType, types.ModuleType)


@dataclass(frozen=True)
class Parts:
    """A distribution taken apart.

    Attributes:
        whole: the distribution; its tensors are replaced when it is put together.
        tensors: all that it holds, in the order in which they are met.
        axes: how many axes each has at its full size; one with fewer is broadcast.
    """

    whole: Distribution
    tensors: tuple[Tensor, ...]
    axes: tuple[int, ...]

    def row(self, tensors: Sequence[Tensor]) -> Distribution:
        """The distribution with other tensors of the same shapes, of torch's own classes."""
        left = iter(tensors)
        return _Walk(lambda _, __: next(left)).distribution(self.whole)

    def stacked(self, tensors: Sequence[Tensor], depends: Sequence[bool], rows: int) -> Distribution:
        """The distribution with batch shape `[R, *batch]`; samples are noise by counter, where that is known.

        Args:
            tensors: those of all rows, `[R, *shape]` for each of `tensors`.
            depends: whether each differs by rows. One that does not, and is broadcast, stays as it is.
            rows: R.
        """
        left = iter(zip(tensors, depends, strict=True))

        def visit(own: Tensor, axes: int) -> Tensor:
            stack, varies = next(left)
            missing = axes - own.dim()
            if missing <= 0:
                return stack
            if not varies:
                return stack[0]
            return stack.reshape(len(stack), *[1] * missing, *own.shape)  # [R, 1, ..., *shape]

        return _Walk(visit, rows).distribution(self.whole)


def taken_apart(p: Distribution) -> Parts:
    """The tensors that a distribution holds, in itself and in all of which it is made.

    Raises:
        NotApplicable: if it holds a module, whose parameters are nobody's rows.
    """
    tensors: list[Tensor] = []
    axes: list[int] = []

    def visit(own: Tensor, full: int) -> Tensor:
        tensors.append(own)
        axes.append(full)
        return own

    _Walk(visit).distribution(p)
    return Parts(p, tuple(tensors), tuple(axes))


def mapped(p: Distribution, change: Callable[[Tensor], Tensor]) -> Distribution:
    """A copy of a distribution whose tensors are changed, such as moved to another device."""
    return _Walk(lambda own, _: change(own)).distribution(p)


class _Walk:
    """One walk through all that a distribution holds, always in the same order.

    Args:
        visit: gives what stands in place of each tensor.
        rows: R, of a distribution that gets a row axis; None for one that stays as it is.
    """

    def __init__(self, visit: Visit, rows: int | None = None) -> None:
        self.visit, self.rows = visit, rows
        self._made: dict[int, Any] = {}

    def distribution(self, p: Distribution) -> Distribution:
        """A copy of the distribution; with rows, of the class whose samples are noise by counter."""
        cls = type(p)
        made: Distribution = object.__new__(cls if self.rows is None else self._class(p))
        self._made[id(p)] = made
        batch, event = len(p.batch_shape), len(p.event_shape)
        for name, value in vars(p).items():
            vars(made)[name] = self._part(value, batch + _event_axes(p, name, event))
        if self.rows is not None:
            made._batch_shape = Size([self.rows, *p.batch_shape])
            made._validate_args = False
        return made

    def _class(self, p: Distribution) -> type:
        if (
            type(p) is distributions.MixtureSameFamily
            and type(p.component_distribution) is distributions.Normal
        ):
            return NormalMixture
        return _BY_COUNTER.get(type(p), type(p))

    def _part(self, value: Any, axes: int) -> Any:
        if isinstance(value, Tensor):
            return self.visit(value, axes)
        if id(value) in self._made:
            return self._made[id(value)]
        if isinstance(value, nn.Module):
            raise NotApplicable(f"the distribution holds the module {type(value).__name__}")
        if isinstance(value, Distribution):
            return self.distribution(value)
        if isinstance(value, dict):
            return {key: self._part(each, axes) for key, each in value.items()}
        if isinstance(value, Size):
            return value
        if isinstance(value, list | tuple):
            parts = [self._part(each, axes) for each in value]
            make: Any = getattr(type(value), "_make", type(value))
            return make(parts)
        if not hasattr(value, "__dict__") or isinstance(value, _ATOMS):
            return value
        return self._object(value, axes)

    def _object(self, value: Any, axes: int) -> Any:
        made = object.__new__(type(value))
        self._made[id(value)] = made
        for name, part in vars(value).items():
            vars(made)[name] = self._part(part, axes)
        if isinstance(value, Transform):
            # What it remembers is of single rows: the last value, and its inverse.
            made._cached_x_y = None, None
            if not isinstance(value, _InverseTransform):
                made._inv = None
        return made


def _event_axes(p: Distribution, name: str, event: int) -> int:
    """The axes of a tensor of a distribution behind those of its batch."""
    if name in _OWN_AXES:
        return _OWN_AXES[name]
    if name == "temperature" and type(p).__name__ == "ExpRelaxedCategorical":
        return 1  # it divides the logits
    constraint = p.arg_constraints.get(name)
    if constraint is None or constraint is constraints.dependent:
        return event
    return int(constraint.event_dim)
