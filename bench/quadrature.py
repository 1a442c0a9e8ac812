"""One-dimensional integrals against a density, by adaptive panels and a rule that autograd can follow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from scipy import integrate
from torch import Tensor

from bench.problem import NotApplicable

_NEGLIGIBLE = 1e-22
_LOST = 1e-7
# Of each integral, as a part of ∫ |h|: an odd h has integral zero.
_ERROR = 1e-13
_SUBDIVISIONS = 2000
_NOT_FINITE = "the cost is not finite where it has probability"


@dataclass(frozen=True)
class Rule:
    """Nodes and weights: ∫ h(u) du ≈ Σ weights · h(nodes). Both `[K]`, float64."""

    nodes: Tensor
    weights: Tensor


def rules(integrand: Callable[[Tensor], Tensor], center: float, scale: float) -> tuple[Rule, Rule]:
    """Two rules that fit the integrands, the second finer and of another order: a check of the first.

    Panels are made by adaptive Gauss–Kronrod quadrature (scipy's `cubature`) of all the
    integrands together, so that a jump is inside a panel that is too small to matter.

    Args:
        integrand: `[K] -> [K, M]`, M functions on the real line; they vanish far out.
        center: near which they are largest.
        scale: the width over which they change there.

    Raises:
        NotApplicable: if the integrals do not converge, or a value is not a number.
    """
    low, high, masses = _bracket(integrand, center, scale)

    def normalized(u: np.ndarray) -> np.ndarray:
        values = integrand(torch.from_numpy(u[:, 0])) / masses  # [K, M]
        if not bool(values.isfinite().all()):
            raise NotApplicable(_NOT_FINITE)
        return values.numpy()

    result = integrate.cubature(
        normalized,
        [low],
        [high],
        rtol=_ERROR,
        atol=_ERROR,
        max_subdivisions=_SUBDIVISIONS,
    )
    edges = sorted((float(r.a[0]), float(r.b[0])) for r in result.regions)
    halves = [half for a, b in edges for half in ((a, (a + b) / 2), ((a + b) / 2, b))]
    return _composite(edges, 16), _composite(halves, 11)


def _bracket(
    integrand: Callable[[Tensor], Tensor], center: float, scale: float
) -> tuple[float, float, Tensor]:
    """An interval outside which all integrands are negligible, and roughly their ∫ |h|, `[M]`."""
    grid = center + scale * torch.linspace(-16, 16, 4001, dtype=torch.float64).sinh()  # [K]
    values = integrand(grid).abs()  # [K, M]
    if not bool(values.isfinite().all()):
        raise NotApplicable(_NOT_FINITE)
    masses = torch.trapezoid(values, grid, dim=0)  # [M]
    masses = torch.where(masses > 0, masses, 1.0)
    relative = (values / values.max(0).values).nan_to_num().amax(1)  # [K]
    matters = (relative > _NEGLIGIBLE).nonzero().flatten()
    if len(matters) == 0:
        return center - scale, center + scale, masses
    first, last = int(matters[0]) - 1, int(matters[-1]) + 1
    if first < 0 or last >= len(grid):
        raise NotApplicable("the expectation of the cost does not converge")
    # Numbers near the edge of a support, such as 1 of a beta, end before the density does.
    if float(relative[matters[[0, -1]]].max()) > _LOST:
        raise NotApplicable("at the edge of the support too much probability is lost to rounding")
    return float(grid[first]), float(grid[last]), masses


def _composite(edges: list[tuple[float, float]], order: int) -> Rule:
    """Gauss–Legendre on each panel."""
    x, w = np.polynomial.legendre.leggauss(order)
    a, b = np.array(edges).T[:, :, None]  # [panels, 1] each
    nodes = (a + b) / 2 + (b - a) / 2 * x
    weights = (b - a) / 2 * w
    return Rule(torch.from_numpy(nodes.ravel()), torch.from_numpy(weights.ravel()))
