"""Reductions: the gradient of a batch is the mean of those of its parts, their sum, or neither."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

Reduction = Literal["mean", "sum", "neither"]

# Of the square of a difference, in multiples of what noise makes of it: beyond that it is no chance in 1 of
# 2000 looks at a single coordinate. Rounding is a part of the gradient.
_NOISE, _ROUNDED = 12.0, 1e-3


def reduction_of(products: Tensor, parts: int) -> Reduction:
    """Whether a loss is a mean over its examples, a sum, or neither, as one that compares examples.

    Where noise lets it be both, it is taken for a mean.

    Args:
        products: inner products of n estimates of each of the m parts of a batch, then of n of the batch,
            `[m n + n, m n + n]`.
        parts: m.
    """
    each = len(products) // (parts + 1)
    cut = parts * each
    of_parts, of_whole = products[:cut, :cut], products[cut:, cut:]
    own, both, other = float(of_parts.mean()), float(products[:cut, cut:].mean()), float(of_whole.mean())
    of_noise = _within(of_parts, parts) / each / parts  # of the mean of all estimates of parts
    for reduction, factor in (("mean", 1.0), ("sum", float(parts))):
        apart = other - 2 * factor * both + factor**2 * own
        noise = 2 * factor**2 * of_noise  # of both sides
        if apart <= _NOISE * noise + _ROUNDED**2 * max(other, factor**2 * own):
            return "mean" if reduction == "mean" else "sum"
    return "neither"


def _within(products: Tensor, groups: int) -> float:
    """The variance within groups of estimates, on average."""
    n = len(products) // groups
    means = products.view(groups, n, groups, n).mean((1, 3)).diagonal()
    return max(0.0, float(products.diagonal().sum() - n * means.sum()) / (groups * (n - 1)))
