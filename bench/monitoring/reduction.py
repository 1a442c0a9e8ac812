"""Reductions: the gradient of a batch is the mean of those of its parts, their sum, or neither."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

from torch import Tensor

Reduction = Literal["mean", "sum", "neither"]

# Standard deviations of the square of a difference beyond what noise makes of it: twelvefold in a single
# coordinate, which chance exceeds in 1 of 2000 looks. Rounding is a part of the gradient.
_NOISE, _ROUNDED = 7.8, 1e-3


class _Hypothesis(NamedTuple):
    """A reduction, with the factors by which it changes the mean gradient and the variance."""

    reduction: Reduction
    factor: float
    variance: float


def reduction_of(products: Tensor, parts: int) -> Reduction:
    """Whether a loss is a mean over its examples, a sum, or neither, as one that compares examples.

    A sum has the m-fold gradient of its parts and the m-fold variance, a mean the same gradient and an mth of
    the variance: what is more likely by both, for normal noise, is taken, unless the gradient of the batch is
    farther from it than noise allows.

    Args:
        products: inner products of n estimates of each of the m parts of a batch, then of n of the batch,
            `[m n + n, m n + n]`.
        parts: m.
    """
    each = len(products) // (parts + 1)
    cut = parts * each
    of_parts, of_whole = products[:cut, :cut], products[cut:, cut:]
    own, both, other = float(of_parts.mean()), float(products[:cut, cut:].mean()), float(of_whole.mean())
    noise, own_noise = _within(of_parts, parts), _within(of_whole, 1)
    freedom = _dimensions(of_parts, parts)

    def apart(one: _Hypothesis) -> float:
        return max(0.0, other - 2 * one.factor * both + one.factor**2 * own)

    def expected(one: _Hypothesis) -> float:
        rounded = _ROUNDED**2 * max(other, one.factor**2 * own)
        return (one.variance * noise + one.factor**2 * noise / parts) / each + rounded

    def surprise(one: _Hypothesis) -> float:
        variance = one.variance * noise or math.ulp(0.0)
        of_noise = (each - 1) * freedom * (math.log(variance) + own_noise / variance) if noise > 0 else 0.0
        return of_noise + freedom * (
            math.log(expected(one) or math.ulp(0.0)) + apart(one) / (expected(one) or 1.0)
        )

    likely = min(
        (_Hypothesis("mean", 1.0, 1 / parts), _Hypothesis("sum", float(parts), float(parts))), key=surprise
    )
    most = (1 + _NOISE * math.sqrt(2 / freedom)) * expected(likely)
    return likely.reduction if apart(likely) <= most else "neither"


def _within(products: Tensor, groups: int) -> float:
    """The variance within groups of estimates, on average."""
    n = len(products) // groups
    means = products.view(groups, n, groups, n).mean((1, 3)).diagonal()
    return max(0.0, float(products.diagonal().sum() - n * means.sum()) / (groups * (n - 1)))


def _dimensions(products: Tensor, groups: int) -> float:
    """tr(S)²/tr(S²) of the noise within groups: the coordinates among which it is spread, at least one."""
    n = len(products) // groups
    grid = products.view(groups, n, groups, n)
    centered = grid - grid.mean(1, keepdim=True)
    centered = (centered - centered.mean(3, keepdim=True)).reshape(groups * n, groups * n)
    freedom, trace = groups * (n - 1), float(centered.trace())
    square = float(centered.square().sum()) - trace**2 / freedom
    return max(1.0, min(float(freedom), trace**2 / square if square > 0 else float(freedom)))
