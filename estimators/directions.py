"""Random directions in the space of θ, by name, all with a mean square of one in each coordinate."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from bench import noise

Directions = Callable[[int, Tensor], Tensor]


def normal(count: int, theta: Tensor) -> Tensor:
    """Independent standard normal numbers."""
    return noise.normal((count, *theta.shape), theta)


def rademacher(count: int, theta: Tensor) -> Tensor:
    """Each coordinate 1 or −1."""
    return noise.uniform((count, *theta.shape), theta).sub_(0.5).sign_()


def sphere(count: int, theta: Tensor) -> Tensor:
    """Uniform on the sphere of radius √P."""
    e = normal(count, theta)  # [N, R, P]
    return e.mul_(theta.shape[1] ** 0.5 / e.norm(dim=-1, keepdim=True))


def orthogonal(count: int, theta: Tensor) -> Tensor:
    """Uniform on that sphere, and at right angles up to P of them; further ones are in sets of their own."""
    return torch.cat([_orthogonal(size, theta) for size in _sizes(count, theta)])


def coordinates(count: int, theta: Tensor) -> Tensor:
    """√P along one coordinate, forth or back, none twice up to P of them; further ones are likewise."""
    return torch.cat([_coordinates(size, theta) for size in _sizes(count, theta)])


DIRECTIONS: Mapping[str, Directions] = {
    "normal": normal,
    "rademacher": rademacher,
    "sphere": sphere,
    "orthogonal": orthogonal,
    "coordinates": coordinates,
}
"""Name -> N directions for each row of theta, `(N, [R, P]) -> [N, R, P]`."""


def _sizes(count: int, theta: Tensor) -> list[int]:
    """The sizes of sets of at most P that make up the count."""
    P = theta.shape[1]
    return [min(P, count - start) for start in range(0, count, P)]


def _orthogonal(count: int, theta: Tensor) -> Tensor:
    e = normal(count, theta).permute(1, 2, 0)  # [R, P, N]
    # With a positive diagonal of the other factor each column is uniform on the sphere: Mezzadri (2007), How
    # to generate random matrices from the classical compact groups, §5.
    q, r = torch.linalg.qr(e)  # [R, P, N], [R, N, N]
    signs = r.diagonal(dim1=-2, dim2=-1).sign()  # [R, N]
    turned: Tensor = q * signs[:, None] * theta.shape[1] ** 0.5  # [R, P, N]
    return turned.permute(2, 0, 1)


def _coordinates(count: int, theta: Tensor) -> Tensor:
    order = noise.uniform((1, *theta.shape), theta)[0].argsort(-1)[:, :count]  # [R, N]
    signs = noise.uniform((count, len(theta)), theta).sub_(0.5).sign_()  # [N, R]
    e = theta.new_zeros(count, *theta.shape)  # [N, R, P]
    return e.scatter_(-1, order.T[..., None], signs[..., None] * theta.shape[1] ** 0.5)
