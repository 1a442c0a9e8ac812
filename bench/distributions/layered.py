"""Layers of binary choices, each of which depends on those before it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Size, Tensor
from torch.distributions import Distribution, constraints
from torch.nn import functional

from bench import noise
from bench.distributions.states import product_of

Logits = Callable[[int, Tensor], Tensor]


class Layered(Distribution):
    r"""The distribution of the units of a belief net.

    .. math:: p(x) = \prod_t \prod_d p(x_{td} \mid x_1, \dots, x_{t-1})

    An x has the layers side by side, `[D]`; a unit is 1 where a uniform number is at most its probability.

    Args:
        sizes: the numbers of units of the layers, in the order in which they are drawn.
        logits: those of layer t given the units before it, `(t, [N, *batch, D_before]) -> [N, *batch, D_t]`.
        batch_shape: `[R]` or `[R, B]`.
        like: a tensor of the type and on the device of the logits.
    """

    arg_constraints: dict[str, Any] = {}  # noqa: RUF012 - as torch has it
    has_rsample = False

    def __init__(self, sizes: Sequence[int], logits: Logits, batch_shape: Size, like: Tensor) -> None:
        self.sizes, self.logits, self.like = tuple(sizes), logits, like
        super().__init__(batch_shape, Size([sum(sizes)]), validate_args=False)

    @property
    def support(self) -> Any:
        return constraints.independent(constraints.boolean, 1)  # type: ignore[no-untyped-call]

    @property
    def layers(self) -> list[slice]:
        """The place of each layer in x."""
        ends = itertools.accumulate(self.sizes, initial=0)
        return [slice(start, stop) for start, stop in itertools.pairwise(ends)]

    def sample(self, sample_shape: Any = Size()) -> Tensor:  # noqa: B008 (as torch has it)
        with torch.no_grad():
            u = noise.unit(self._extended_shape(sample_shape), self.like)  # [N, *batch, D]
            return self.completed(u[..., :0], u)

    def completed(self, before: Tensor, u: Tensor) -> Tensor:
        """Units that are drawn on from those of the first layers.

        Args:
            before: the units of the first layers, `[N, *batch, D_before]`.
            u: uniform numbers of all units, `[N, *batch, D]`; those of the given layers are not used.

        Returns:
            `[N, *batch, D]`.
        """
        x = before
        for t, place in enumerate(self.layers):
            if place.start >= before.shape[-1]:
                probs = self.logits(t, x).detach().sigmoid()
                x = torch.cat([x, (u[..., place] <= probs).to(u.dtype)], -1)
        return x

    def log_prob(self, value: Tensor) -> Tensor:
        terms = []
        for t, place in enumerate(self.layers):
            signs = 2 * value[..., place] - 1
            terms.append(functional.logsigmoid(signs * self.logits(t, value[..., : place.start])).sum(-1))
        return torch.stack(terms).sum(0)

    def states(self, most: int) -> Tensor:
        """All values of the units, `[2^D, D]`, where they are no more than `most`."""
        every = torch.tensor([0.0, 1.0], dtype=self.like.dtype, device=self.like.device)
        return product_of(every, sum(self.sizes), most)
