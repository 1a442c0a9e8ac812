"""The shared part of the estimators that use the slope of a relaxed cost."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.problem import Problem


def cost_and_slope(problem: Problem, points: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
    """The relaxed cost at points that are held fixed, `[N, R, (B)]`, and its slope there, in their shape.

    The cost is differentiable in θ where that requires gradients; at corners it is f.
    """
    points = points.detach().requires_grad_()
    with torch.enable_grad():
        cost = problem.relaxed_cost(points, theta)  # [N, R, (B)]
    if not cost.requires_grad:  # f is constant
        return cost, torch.zeros_like(points)
    (slope,) = torch.autograd.grad(
        cost.sum(), points, retain_graph=theta.requires_grad, materialize_grads=True
    )
    return cost, slope
