"""Multilayer perceptrons that take one copy of their weights per row of theta."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

Layer = tuple[Tensor, Tensor]
"""Weight `[R, in, out]` and bias `[R, out]`."""


def perceptron(x: Tensor, layers: Sequence[Layer]) -> Tensor:
    """Affine maps with tanh between them, `[R, M, in] -> [R, M, out]`; row r uses the weights of row r."""
    for i, (weight, bias) in enumerate(layers):
        x = _layer(x, weight, bias, bounded=i < len(layers) - 1)
    return x


def _layer(x: Tensor, weight: Tensor, bias: Tensor, bounded: bool) -> Tensor:
    """x W + b, or its tanh if bounded, with a W and b for each row, `[R, M, in] -> [R, M, out]`."""
    if weight.stride(0) == 0 == bias.stride(0) and len(x) > 1:
        shared: Tensor = _Shared.apply(x, weight, bias, bounded)  # type: ignore[no-untyped-call]
        return shared
    answer = torch.baddbmm(bias[:, None], x, weight)
    return answer.tanh_() if bounded else answer


class _Shared(torch.autograd.Function):
    """A layer where all rows have one W and b in memory: one matrix product, and a gradient for each row.

    Where they have one x in memory, too, what comes of it is computed once.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, bounded: bool) -> Tensor:
        R, M, inputs = x.shape
        of = x[:1] if x.stride(0) == 0 else x
        answer = x.new_empty(len(of), M, weight.shape[2])
        torch.addmm(bias[0], of.reshape(-1, inputs), weight[0], out=answer.view(-1, weight.shape[2]))
        answer = (answer.tanh_() if bounded else answer).expand(R, -1, -1)
        ctx.bounded = bounded
        ctx.save_for_backward(x, weight, answer)
        return answer

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, answer = ctx.saved_tensors
        of_x = of_weight = of_bias = None
        again = torch.is_grad_enabled()  # the gradient is to be differentiated again, for each row
        if ctx.bounded:
            gradient = gradient * (1 - answer.square()) if again else _of_tanh(gradient, answer)
        if ctx.needs_input_grad[0] and again:
            of_x = gradient @ weight.mT
        elif ctx.needs_input_grad[0]:
            of_x = (gradient.reshape(-1, gradient.shape[2]) @ weight[0].T).view(x.shape)
        if ctx.needs_input_grad[1]:
            of_weight = x.mT @ gradient  # [R, in, out]
        if ctx.needs_input_grad[2]:
            of_bias = gradient.sum(1)
        return of_x, of_weight, of_bias, None


_of_tanh = torch.ops.aten.tanh_backward


class Weights:
    """The places in theta of the weights of several perceptrons: one network after another, layer by layer.

    A layer's weight comes first, row by row `[in, out]`, then its bias. With the inputs
    first, the gradient of a weight leaves the matrix product in the order in which theta
    wants it; with the outputs first it would be transposed, at 1.3 to 1.8 times the time
    of a whole estimate.

    Attributes:
        blocks: the slice of theta of each network, and of each of its layers, by name.
        count: P, the length of theta.
    """

    def __init__(self, networks: Mapping[str, Sequence[int]]) -> None:
        """The layout of networks that are given by the widths of their layers, input first."""
        self._shapes = {name: list(pairwise(widths)) for name, widths in networks.items()}
        self._pieces = [size for shapes in self._shapes.values() for i, o in shapes for size in (i * o, o)]
        self.count = sum(self._pieces)
        self.blocks = self._blocks()
        self._last: tuple[Tensor, Any, dict[str, list[Layer]]] | None = None

    def of(self, theta: Tensor) -> dict[str, list[Layer]]:
        """The layers of each network, views of theta, `[R, P]`.

        Those of the last theta are remembered: two cuts of one theta would each hand back
        a gradient of its full size, filled up with zeros, to be added (1.1 to 1.5 times
        the time of a whole estimate).
        """
        state = theta.requires_grad and torch.is_grad_enabled(), theta.is_inference() or theta._version
        last = self._last
        if last is None or last[0] is not theta or last[1] != state:
            self._last = last = theta, state, self._cut(theta)
        return last[2]

    def initial(self, generator: torch.Generator) -> Tensor:
        """Uniform between ±1/√in, `[P]`: the default of torch's linear layers.

        LeCun et al. (1998), Efficient backprop, §4.6, up to a factor.
        """
        theta = 2 * torch.rand(self.count, generator=generator, dtype=torch.float64) - 1  # [P]
        inputs = [i for shapes in self._shapes.values() for i, _ in shapes for _ in range(2)]
        scales = torch.tensor(inputs, dtype=theta.dtype).rsqrt()  # [pieces]
        return theta * scales.repeat_interleave(torch.tensor(self._pieces))

    def _blocks(self) -> dict[str, slice]:
        blocks: dict[str, slice] = {}
        start = 0
        for name, shapes in self._shapes.items():
            ends = [start]
            for i, o in shapes:
                ends.append(ends[-1] + (i + 1) * o)
            blocks[name] = slice(start, ends[-1])
            blocks |= {f"{name}.{k}": slice(*pair) for k, pair in enumerate(pairwise(ends))}
            start = ends[-1]
        return blocks

    def _cut(self, theta: Tensor) -> dict[str, list[Layer]]:
        pieces = iter(torch.split(theta, self._pieces, dim=1))
        return {
            name: [(next(pieces).view(-1, *shape), next(pieces)) for shape in shapes]
            for name, shapes in self._shapes.items()
        }

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_last": None}  # what is remembered cannot be pickled
