"""Surrogates of a cost near a sample, made of the costs and slopes of the others of its group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from estimators.gibbs_moves import GibbsMoves


class Functions(NamedTuple):
    r"""Six functions of y, at a sample x_k and at its neighbors: the means of them over the other samples j.

    They are 1, a and a², which are the same at all y, and δ, aδ and δ², where a is :math:`f(x_j)`, and δ
    is :math:`\nabla f(x_j)^T (y - x_j)`, both in units of the cost.

    Attributes:
        moves: of the samples.
        level: the first three, `[3, K, R, (B)]`.
        before: the others at y = x_k, `[3, K, R, (B)]`.
        after: at its neighbors, `[3, K, R, (B,) *shape, C − 1]`.
    """

    moves: GibbsMoves
    level: Tensor
    before: Tensor
    after: Tensor

    def combined(self, level: Sequence[float], change: Sequence[float]) -> tuple[Tensor, Tensor]:
        """A surrogate at the samples and at their neighbors, given its coefficients, three and three."""
        base = torch.tensordot(self.level.new_tensor(level), self.level, 1)  # [K, R, (B)]
        c = self.level.new_tensor(change)
        before, after = (torch.tensordot(c, each, 1) for each in (self.before, self.after))
        return base + before, self.moves.beside(base) + after


def functions(moves: GibbsMoves, cost: Tensor, slope: Tensor, unit: float) -> Functions:
    """Return the functions of each sample of a group.

    Args:
        moves: of its samples.
        cost: `[K, R, (B)]`, from where costs are measured.
        slope: of the cost by class at each sample, `[K, R, (B,) *shape, C]`.
        unit: in which costs are measured; where it is zero, nothing but the first function is not.
    """
    factor, others = (1 / unit if unit > 0 else 0.0), len(cost) - 1
    a, slope = cost * factor, slope * factor
    powers = torch.stack([torch.ones_like(a), a, a.square()])  # [3, K, R, (B)]
    level = (powers.sum(1, keepdim=True) - powers) / others
    start = _along(slope, moves.own, a.dim())  # [K, R, (B)], of a sample's own classes
    before = torch.zeros_like(level)
    after = a.new_zeros(3, *moves.rates.shape)
    for shift in range(1, len(cost)):
        there, at = slope.roll(shift, 0), a.roll(shift, 0)
        δ = _along(there, moves.own, a.dim()) - start.roll(shift, 0)  # [K, R, (B)]
        _add(before, at, δ)
        _add(after, moves.beside(at), moves.beside(δ) + moves.change(there))
    return Functions(moves, level, before.div_(others), after.div_(others))


def _along(slope: Tensor, own: Tensor, batch_dim: int) -> Tensor:
    """The sum over choices of the slopes of their classes, `[K, R, (B)]`."""
    return slope.gather(-1, own).flatten(batch_dim).sum(-1)


def _add(to: Tensor, a: Tensor, δ: Tensor) -> None:
    to[0] += δ
    to[1].addcmul_(a, δ)
    to[2].addcmul_(δ, δ)
