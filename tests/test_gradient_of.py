"""The one backward pass of estimators gives what autograd gives, and sees weights that do not fit."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from bench.estimator import gradient_of

R, P, N = 5, 3, 7


@pytest.fixture
def theta() -> Tensor:
    return torch.linspace(0.1, 1.0, P, dtype=torch.float64).expand(R, -1).requires_grad_()


def test_it_is_the_sum_of_the_weighted_means(theta: Tensor) -> None:
    y = theta.sin().sum(-1) * torch.arange(1.0, N + 1)[:, None]  # [N, R]
    w = torch.linspace(-1.0, 2.0, N * R, dtype=torch.float64).reshape(N, R)
    z = theta.square().sum(-1)  # [R]
    wanted = [
        *torch.autograd.grad((y * w).sum() / N, theta, retain_graph=True),
        *torch.autograd.grad(z.sum(), theta, retain_graph=True),
    ]
    torch.testing.assert_close(gradient_of(theta, (y, w), None, z, keep_graph=True), wanted[0] + wanted[1])
    torch.testing.assert_close(gradient_of(theta, (y, w)), wanted[0])


def test_it_is_zero_where_nothing_depends_on_theta(theta: Tensor) -> None:
    other = torch.ones(N, R, requires_grad=True)
    assert torch.equal(gradient_of(theta, None, torch.ones(R)), torch.zeros_like(theta))
    assert torch.equal(gradient_of(theta, other * 2), torch.zeros_like(theta))


def test_weights_of_another_shape_are_seen(theta: Tensor) -> None:
    with pytest.raises(ValueError, match=r"weights have the shape \[7, 5\], what they weigh \[5\]"):
        gradient_of(theta, (theta.sum(-1), torch.ones(N, R)))


def test_the_gradient_is_differentiated_in_outputs_and_weights(theta: Tensor) -> None:
    a, b = (torch.tensor(each, dtype=torch.float64, requires_grad=True) for each in (0.7, -0.4))

    def loss() -> Tensor:
        y, z = theta.sin().sum(-1).expand(N, R), (a * theta.square()).sum(-1)
        return gradient_of(theta, (y, b * y.detach()), z, create_graph=True).square().sum()

    found = torch.autograd.grad(loss(), (a, b))
    for value, slope in zip((a, b), found, strict=True):
        ends = []
        for step in (1e-6, -2e-6):
            with torch.no_grad():
                value += step
            ends.append(float(loss().detach()))
        with torch.no_grad():
            value += 1e-6
        assert float(slope) == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-6)
        assert abs(float(slope)) > 0.1
