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
        L, loc = self._unbroadcasted_scale_tril, self.loc
        if value.dim() == 3 == L.dim() and loc.dim() == 2:
            density: Tensor = _LogDensity.apply(value, loc, L)  # type: ignore[no-untyped-call]
            return density
        return _log_density(value, loc, L)


def _log_density(x: Tensor, loc: Tensor, L: Tensor) -> Tensor:
    z = torch.linalg.solve_triangular(L, (x - loc)[..., None], upper=False)[..., 0]
    return _of_standard(z, L)


def _of_standard(z: Tensor, L: Tensor) -> Tensor:
    """The log density of μ + L z."""
    constant = 0.5 * z.shape[-1] * math.log(2 * math.pi)
    return -0.5 * z.square().sum(-1) - L.diagonal(dim1=-2, dim2=-1).log().sum(-1) - constant


class _LogDensity(torch.autograd.Function):
    r"""The log density of N samples of each row, `[N, R, D]`, with μ `[R, D]` and L `[R, D, D]`.

    With z = L⁻¹ (x − μ) the slopes are L⁻ᵀ z in μ and the lower part of L⁻ᵀ z zᵀ − diag(1/L) in L: what is
    summed over the samples is solved for once.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, loc: Tensor, L: Tensor) -> Tensor:
        z = _solved(L, x - loc)
        ctx.save_for_backward(x, loc, L, z)
        return _of_standard(z, L)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, loc, L, z = ctx.saved_tensors
        wanted = ctx.needs_input_grad
        if torch.is_grad_enabled():  # the gradient is to be differentiated again, for each row
            L = L.contiguous()
            z = _solved(L, x - loc)
        rows = z.transpose(0, 1)  # [R, N, D], as noise lies in memory
        weighed = gradient.T[..., None] * rows
        if wanted[0] or rows.shape[1] <= rows.shape[2]:  # each sample, or what they add up to
            slopes = _solved_back(L, weighed)  # [R, N, D]
            of_loc, of_L = slopes.sum(1), slopes.mT @ rows  # [R, D], [R, D, D]
            of_x = -slopes.transpose(0, 1)
        else:
            of_loc = _solved_back(L, weighed.sum(1, keepdim=True))[:, 0]
            of_L, of_x = _solved_back(L, rows.mT @ weighed).mT, None
        scale = gradient.sum(0)[:, None] / L.diagonal(dim1=1, dim2=2)  # [R, D]
        return of_x, of_loc, of_L.tril() - torch.diag_embed(scale)


def _solved_back(L: Tensor, v: Tensor) -> Tensor:
    """L⁻ᵀ v for each of K vectors of each row, `[R, K, D]`."""
    if L.stride(0) == 0:
        solved: Tensor = torch.linalg.solve_triangular(L[0], v.flatten(0, 1), upper=False, left=False)
    else:
        solved = torch.linalg.solve_triangular(L, v, upper=False, left=False)
    return solved.view(v.shape)


def _times(L: Tensor, e: Tensor) -> Tensor:
    """L e for each of N vectors of each row, `[R, D, D]` and `[N, R, D]`, in one product for each L."""
    if L.dim() != 3 or e.dim() != 3:
        return (L @ e[..., None])[..., 0]
    if L.stride(0) == 0 or len(L) == 1:
        shared: Tensor = _SharedProduct.apply(L, e)  # type: ignore[no-untyped-call]
        return shared
    return (e.transpose(0, 1) @ L.mT).transpose(0, 1)


def _solved(L: Tensor, d: Tensor) -> Tensor:
    """L⁻¹ d for each of N vectors of each row."""
    if L.stride(0) == 0:
        N, R, D = d.shape
        rows = d.transpose(0, 1).reshape(-1, D)  # [R N, D], as noise lies in memory
        solved: Tensor = torch.linalg.solve_triangular(L[0].T, rows, upper=True, left=False)
        return solved.view(R, N, D).transpose(0, 1)
    solved = torch.linalg.solve_triangular(L, d.permute(1, 2, 0), upper=False)
    return solved.permute(2, 0, 1)


class _SharedProduct(torch.autograd.Function):
    """L e where all rows have one L in memory: one product of matrices, and a gradient in L for each row."""

    @staticmethod
    def forward(ctx: Any, L: Tensor, e: Tensor) -> Tensor:
        ctx.save_for_backward(L, e)
        rows = e.transpose(0, 1).reshape(-1, e.shape[2])  # those of a replicate lie together in memory
        product = (rows if len(rows) >= _ENOUGH else _enough(rows)) @ L[0].T
        return product[: len(rows)].view(e.shape[1], -1, e.shape[2]).transpose(0, 1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        L, e = ctx.saved_tensors
        of_L = of_e = None
        if ctx.needs_input_grad[0]:
            of_L = gradient.permute(1, 2, 0) @ e.transpose(0, 1)  # [R, D, D]
        if ctx.needs_input_grad[1]:
            of_e = gradient @ L[0] if not torch.is_grad_enabled() else (gradient[..., None, :] @ L)[..., 0, :]
        return of_L, of_e


# Fewer rows are multiplied, and rounded, in another way: what a row gives would depend on the others.
_ENOUGH = 16


def _enough(rows: Tensor) -> Tensor:
    return torch.cat([rows, rows.new_zeros((_ENOUGH - len(rows), rows.shape[1]))])


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
