"""The natural extension of a formula of discrete numbers to the points between their values."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from bench.formula import terms
from bench.formula.dependence import NOTHING, SEVERAL, Own, own_coordinates
from bench.formula.terms import COMPARISONS, DOT, REDUCTIONS, SUBSCRIPT, TABLE, Term
from bench.problem import NotApplicable

_AT_VALUES = "it is defined at the values of x only"


def relaxed(term: Term, dimensions: int, classes: int | None) -> Term:
    """The term as a function of points instead of z; at a corner it is the term itself.

    z is Σ_c c x_c, and an entry of a table is the mean over classes, Σ_c x_c f_c for `f[z]`, in each of its
    axes.

    Args:
        term: read with the dimensions of z known.
        dimensions: D; 0 where z is a number, whose points have one coordinate.
        classes: C, where points are `[..., D, C]` and add up to one over the classes; None where they are
            `[..., D]` between 0 and 1.

    Raises:
        NotApplicable: of a comparison, which has no value between those of z, and of an entry of a table at a
            place that depends on several coordinates.
    """
    if term.operation == "z":
        return Term("z", (), lambda x, _: x if classes is None else _mean(x), shape=term.shape)
    if term.fixed:
        return term
    if term.operation in COMPARISONS:
        raise NotApplicable(f"the cost has a comparison ({term.operation}): {_AT_VALUES}")
    if term.operation == TABLE:
        return _entry(term, dimensions, classes)
    inner = tuple(relaxed(each, dimensions, classes) for each in term.operands)
    if term.operation in REDUCTIONS:
        return terms.reduced(term.operation, inner[0])
    if term.operation == SUBSCRIPT:
        assert term.where is not None
        return terms.taken(inner[0], term.where, term.shape)
    if term.operation == DOT:
        return terms.dotted(inner[0], inner[1], term.shape)
    assert term.function is not None
    return terms.applied(term.operation, term.function, inner, term.shape)


def _mean(x: Tensor) -> Tensor:
    """Σ_c c x_c, `[..., C] -> [...]`."""
    return x @ torch.arange(x.shape[-1], dtype=x.dtype, device=x.device)


def _entry(term: Term, dimensions: int, classes: int | None) -> Term:
    """Σ_k w_k f_k over the entries of a table, where the weights of its axes are multiplied."""
    table, count = term.constant, 2 if classes is None else classes
    assert table is not None
    owns = [own_coordinates(place, dimensions) for place in term.operands]
    if any((own == SEVERAL).any() for own in owns):
        raise NotApplicable(f"a place in a table depends on several coordinates: {_AT_VALUES}")
    indicators = [
        _indicators(place, dimensions, count, size)
        for place, size in zip(term.operands, table.shape, strict=True)
    ]

    def value(x: Tensor, _: int) -> Tensor:
        points = torch.stack([1 - x, x], -1) if classes is None else x  # [..., D, C]
        found = table.to(x.device, x.dtype).flatten()  # [K₁ ⋯ K_m], then [..., n, K_i ⋯ K_m]
        for own, each in zip(owns, indicators, strict=True):
            at = _weights(points, own, each.to(x.device, x.dtype))  # [..., n, K_i]
            rows = found.reshape(*found.shape[:-1], at.shape[-1], -1)  # [..., n, K_i, K_{i+1} ⋯ K_m]
            found = (at.unsqueeze(-2) @ rows).squeeze(-2)
        return found.squeeze(-1)

    return Term(TABLE, (), value, shape=term.shape, reduces=True, lists=True)


def _indicators(place: Term, dimensions: int, classes: int, size: int) -> Tensor:
    """1 where a class of the coordinate leads to an entry, `[n, C, size]` in float64."""
    every = torch.arange(classes, dtype=torch.float64)[:, None].expand(-1, max(1, dimensions))  # [C, D]
    at = torch.as_tensor(place.value(every, 1), dtype=torch.float64)  # [C, n], or a number
    which = at.expand(classes, 1) if not at.dim() else at
    entries = torch.arange(size, dtype=torch.float64)
    return (which.T.unsqueeze(-1) == entries).to(torch.float64)


def _weights(points: Tensor, own: Own, indicators: Tensor) -> Tensor:
    """Weights of the entries of one axis, `[..., n, K]`; at a place that does not depend on z, of one."""
    fixed = torch.from_numpy(own == NOTHING).to(points.device)[:, None]  # [n, 1]
    at = points[..., np.maximum(own, 0), :].unsqueeze(-2) @ indicators  # [..., n, 1, K]
    return torch.where(fixed, indicators[:, 0], at.squeeze(-2))
