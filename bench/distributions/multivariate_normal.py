"""The multivariate normal distribution, given by the lower triangle of its factor."""

from __future__ import annotations

import math
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
        return self.loc + _times(self._unbroadcasted_scale_tril, e)

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._validate_sample(value)
        L = self._unbroadcasted_scale_tril
        z = _solved(L, value - self.loc)  # [N, R, D]
        half_log_det = L.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        constant = 0.5 * z.shape[-1] * math.log(2 * math.pi)
        return -0.5 * z.square().sum(-1) - half_log_det - constant


def _times(L: Tensor, e: Tensor) -> Tensor:
    """L e for each of N vectors of each row, `[R, D, D]` and `[N, R, D]`, in one product for each L."""
    if L.dim() != 3 or e.dim() != 3:
        return (L @ e[..., None])[..., 0]
    if L.stride(0) == 0:
        shared: Tensor = _SharedProduct.apply(L, e)  # type: ignore[no-untyped-call]
        return shared
    return (e.transpose(0, 1) @ L.mT).transpose(0, 1)


def _solved(L: Tensor, d: Tensor) -> Tensor:
    """L⁻¹ d, likewise."""
    many = L.dim() == 3 == d.dim()
    vectors = d.permute(1, 2, 0) if many else d[..., None]  # [R, D, N]
    solved: Tensor = torch.linalg.solve_triangular(L, vectors, upper=False)
    return solved.permute(2, 0, 1) if many else solved[..., 0]


class _SharedProduct(torch.autograd.Function):
    """L e where all rows have one L in memory: one product of matrices, and a gradient in L for each row."""

    @staticmethod
    def forward(ctx: Any, L: Tensor, e: Tensor) -> Tensor:
        ctx.save_for_backward(L, e)
        # The rows of a replicate lie together in memory.
        return (
            (e.transpose(0, 1).reshape(-1, e.shape[2]) @ L[0].T)
            .view(e.shape[1], -1, e.shape[2])
            .transpose(0, 1)
        )

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        L, e = ctx.saved_tensors
        of_L = of_e = None
        if ctx.needs_input_grad[0]:
            of_L = gradient.permute(1, 2, 0) @ e.transpose(0, 1)  # [R, D, D]
        if ctx.needs_input_grad[1]:
            of_e = gradient @ L[0] if not torch.is_grad_enabled() else (gradient[..., None, :] @ L)[..., 0, :]
        return of_L, of_e


def mirrored(lower: Tensor) -> Tensor:
    """The symmetric matrix with this lower triangle, `[..., D, D]`."""
    return lower.tril() + lower.tril(-1).mT


def triangle(matrix: Tensor) -> Tensor:
    """The lower triangle row by row, `[..., D, D] -> [..., D (D + 1) / 2]`."""
    rows, columns = torch.tril_indices(*matrix.shape[-2:])
    return matrix[..., rows, columns]


def _lower(lower: Tensor, D: int) -> Tensor:
    """The matrix, `[..., D, D]`; where all rows of the triangle are one in memory, those of it are, too."""
    matrix: Tensor = _Lower.apply(lower, D)  # type: ignore[no-untyped-call]
    return matrix


class _Lower(torch.autograd.Function):
    """A triangle row by row, `[..., D (D + 1) / 2]`, as a matrix with zeros above its diagonal."""

    @staticmethod
    def forward(ctx: Any, lower: Tensor, D: int) -> Tensor:
        ctx.places = rows, columns = torch.tril_indices(D, D, device=lower.device)
        shared = lower.dim() == 2 and lower.stride(0) == 0
        of = lower[:1] if shared else lower
        matrix = lower.new_zeros(*of.shape[:-1], D, D)
        matrix[..., rows, columns] = of
        return matrix.expand(len(lower), -1, -1) if shared else matrix

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        rows, columns = ctx.places
        return gradient[..., rows, columns], None
