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
    δ = _differences(slope, moves.own, a.dim()).reshape(
        len(a), *a.shape
    )  # [K, K, R, (B)], of k and j; zero if equal
    before = torch.stack([δ.sum(1), (δ * a).sum(1), δ.square().sum(1)])  # [3, K, R, (B)]
    weighed = moves.beside(a) * slope  # [K, R, (B,) *shape, C]
    along = _flat(slope, a.dim())  # [K, M, E]
    crossed = torch.einsum("kjm,jme->kme", δ.flatten(2), along).reshape(slope.shape)
    changes = (
        moves.change(_of_others(slope)),
        moves.change(_of_others(weighed)),
        2 * moves.change(crossed) + _squares(moves, slope),
    )
    after = torch.stack([moves.beside(at) + change for at, change in zip(before, changes, strict=True)])
    return Functions(moves, _of_others(powers, 1) / others, before / others, after / others)


def _of_others(values: Tensor, axis: int = 0) -> Tensor:
    """The sum over the other samples."""
    return values.sum(axis, keepdim=True) - values


def _flat(values: Tensor, batch_dim: int) -> Tensor:
    """One axis for rows and items, and one for choices and classes, `[K, M, E]`."""
    return values.flatten(batch_dim).flatten(1, -2)


def _differences(slope: Tensor, own: Tensor, batch_dim: int) -> Tensor:
    """The slope of f at x_j times x_k less x_j, `[K, K, M]`."""
    classes = torch.zeros_like(slope).scatter_(-1, own, 1.0)
    along = torch.einsum("kme,jme->kjm", _flat(classes, batch_dim), _flat(slope, batch_dim))
    return along - along.diagonal().T


def _squares(moves: GibbsMoves, slope: Tensor) -> Tensor:
    """Σ over the others of the square of how a move changes their slopes, `[K, R, (B,) *shape, C − 1]`."""
    square = slope.square().sum(0)  # [R, (B,) *shape, C]
    product = torch.einsum("j...c,j...d->...cd", slope, slope)  # [R, (B,) *shape, C, C]
    from_each = square.unsqueeze(-1) + square.unsqueeze(-2) - 2 * product
    rows = moves.own.unsqueeze(-1).expand(*moves.own.shape, slope.shape[-1])  # [K, R, (B,) *shape, 1, C]
    all_of_them = from_each.expand(len(slope), *from_each.shape).gather(-2, rows).squeeze(-2)
    return all_of_them.gather(-1, moves.others) - moves.change(slope).square()
