"""One look at the gradients of a loss: estimates of several batches at frozen weights, and what they tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from bench.engine.streams import Address, stream
from bench.losses.in_rows import Rows
from bench.losses.problem import Loss
from bench.losses.state import State
from bench.losses.weights import Model, Weights, weights_of
from bench.statistics.evidence import blocks_reported, segments_of
from bench.statistics.noise_scale import GradientNoise, gradient_noise


@dataclass(frozen=True)
class Look:
    """Estimates at one step, by their inner products.

    Attributes:
        products: inner products of n estimates of each of m batches, `[m, n, m, n]` in float64, by block.
        dims: the number of coordinates of each block.
        beside: inner products of all estimates, of which the last n are of a batch that consists of the
            others, `[m n + n, m n + n]`; None where there is none.
    """

    products: Mapping[str, Tensor]
    dims: Mapping[str, int]
    beside: Tensor | None = None

    @property
    def is_finite(self) -> bool:
        """Whether all estimates are."""
        known = self.products["all"] if self.beside is None else self.beside
        return bool(known.isfinite().all())

    @property
    def is_nothing(self) -> bool:
        """Whether all estimates are zero."""
        return bool(self.products["all"].eq(0).all())

    def noise(self) -> Iterator[tuple[str, GradientNoise]]:
        """The noise of the gradient of one of the batches, by block, "all" first."""
        for name, products in self.products.items():
            yield name, gradient_noise(products, self.dims[name])


def look(
    loss: Loss, model: Model, batches: Sequence[Any], each: int, address: Address, whole: Any = None
) -> Look:
    """Look at a loss: weights, gradients, buffers and generators are as before afterwards.

    Args:
        loss: of a batch.
        model: its model, at the weights of now.
        batches: m of them.
        each: n, estimates of each.
        address: of the random numbers.
        whole: a batch that consists of the batches, to be looked at beside them; None for none.

    Raises:
        WrongLoss: if the loss is none.
    """
    weights = weights_of(model)
    calls = [(partial(loss, batch), range(i * each, (i + 1) * each)) for i, batch in enumerate(batches)]
    m = len(calls)
    if whole is not None:
        calls.append((partial(loss, whole), range(m * each, (m + 1) * each)))
    # So few rows of a batch are not worth being computed together.
    rows = Rows(weights, State({"model": model, "loss": loss, "batch": [*batches, whole]}), "never")
    with (
        torch.inference_mode(False),
        torch.enable_grad(),
        stream(address, weights.tensors[0].device) as draws,
    ):
        draws.begin(0, each * len(calls))
        found = rows.gradients(calls, draws)
    return _seen(found, weights, m, each)


def _seen(rows: Tensor, weights: Weights, m: int, each: int) -> Look:
    blocks, dim = weights.blocks, rows.shape[1]
    segments = segments_of(blocks, dim)
    products = torch.stack([_products(rows[:, segment]) for segment in segments])  # [segments, R, R]
    R = m * each
    by_block, dims = {}, {}
    for name, block in blocks_reported(blocks, dim).items():
        inside = [i for i, s in enumerate(segments) if block.start <= s.start and s.stop <= block.stop]
        by_block[name] = products[inside, :R, :R].sum(0).view(m, each, m, each)
        dims[name] = block.stop - block.start
    return Look(by_block, dims, products.sum(0) if len(rows) > R else None)


def _products(rows: Tensor) -> Tensor:
    if rows.device.type == "mps":  # it has no float64
        rows = rows.cpu()
    rows = rows.double()
    return (rows @ rows.T).cpu()
