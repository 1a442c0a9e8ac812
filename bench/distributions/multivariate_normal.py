"""The multivariate normal distribution, given by the lower triangle of its factor."""

from __future__ import annotations

import torch
from torch import Tensor


class MultivariateNormal(torch.distributions.MultivariateNormal):
    """The normal law of a vector, z = μ + L ε.

    Args:
        loc: μ, `[..., D]`.
        scale_tril: the lower triangle of L row by row, `[..., D (D + 1) / 2]`; its diagonal
            is positive.
    """

    def __init__(self, loc: Tensor, scale_tril: Tensor, validate_args: bool | None = None) -> None:
        super().__init__(loc, scale_tril=_matrix(scale_tril, loc.shape[-1]), validate_args=validate_args)


def triangle(matrix: Tensor) -> Tensor:
    """The lower triangle row by row, `[..., D, D] -> [..., D (D + 1) / 2]`."""
    rows, columns = torch.tril_indices(*matrix.shape[-2:])
    return matrix[..., rows, columns]


def _matrix(lower: Tensor, D: int) -> Tensor:
    rows, columns = torch.tril_indices(D, D, device=lower.device)
    matrix = lower.new_zeros(*lower.shape[:-1], D, D)
    matrix[..., rows, columns] = lower
    return matrix
