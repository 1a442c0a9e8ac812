"""The multivariate normal distribution, given by the lower triangle of its factor."""

from __future__ import annotations

from typing import Any

import torch
from torch import Size, Tensor

from bench import noise


class MultivariateNormal(torch.distributions.MultivariateNormal):
    """The multivariate normal distribution, z = μ + L ε, by L, by the covariance L Lᵀ, or by its inverse.

    Args:
        loc: μ, `[..., D]`.
        scale_tril: the lower triangle of L row by row, `[..., D (D + 1) / 2]`; its diagonal
            is positive.
        covariance_matrix: in place of L the lower triangle of the covariance, whose upper one is the same.
        precision_matrix: the same of the inverse of the covariance.
    """

    def __init__(
        self,
        loc: Tensor,
        scale_tril: Tensor | None = None,
        covariance_matrix: Tensor | None = None,
        precision_matrix: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        D = loc.shape[-1]
        super().__init__(
            loc,
            scale_tril=None if scale_tril is None else _lower(scale_tril, D),
            covariance_matrix=None if covariance_matrix is None else mirrored(_lower(covariance_matrix, D)),
            precision_matrix=None if precision_matrix is None else mirrored(_lower(precision_matrix, D)),
            validate_args=validate_args,
        )

    def rsample(self, sample_shape: Any = Size()) -> Tensor:  # noqa: B008 (as torch has it)
        e = noise.normal(self._extended_shape(sample_shape), self.loc)  # [N, R, D]
        return self.loc + (self._unbroadcasted_scale_tril @ e[..., None])[..., 0]


def mirrored(lower: Tensor) -> Tensor:
    """The symmetric matrix with this lower triangle, `[..., D, D]`."""
    return lower.tril() + lower.tril(-1).mT


def triangle(matrix: Tensor) -> Tensor:
    """The lower triangle row by row, `[..., D, D] -> [..., D (D + 1) / 2]`."""
    rows, columns = torch.tril_indices(*matrix.shape[-2:])
    return matrix[..., rows, columns]


def _lower(lower: Tensor, D: int) -> Tensor:
    rows, columns = torch.tril_indices(D, D, device=lower.device)
    matrix = lower.new_zeros(*lower.shape[:-1], D, D)
    matrix[..., rows, columns] = lower
    return matrix
