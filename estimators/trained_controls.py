"""Control variates that are differentiated themselves, and networks that are trained to be such."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from bench.estimator import Claim, Estimator, gradient_of
from bench.problem import NotApplicable, Problem

TRAINING_ROWS = 512
"""Estimates from one sample each, on whose squares a step of training is made."""

# The shares of what averages of gradients, and of their squares, keep in a step: for few steps on many
# estimates each, where thousands of noisy steps are usual.
_KEPT, _KEPT_OF_SQUARES = 0.8, 0.9
_LEAST = 1e-8  # of the root mean square of a gradient
# Numbers in the estimates of a step, of which a graph is kept.
_NUMBERS = 1 << 22


class Terms(NamedTuple):
    """The terms of an estimate: the score, its weights, and what is differentiated as it is."""

    log_prob: Tensor  # [N, R, (B)]
    weights: Tensor  # [N, R, (B)]
    cost: Tensor  # [N, R, (B)]
    control: Tensor  # [N, R, (B)]
    analytic: Tensor | None  # [R, (B)]


class Controlled(Estimator):
    """An estimator that weighs the score by f less a control, and differentiates the control itself."""

    bias: ClassVar[Claim] = "unbiased"

    @abstractmethod
    def terms(self, problem: Problem, theta: Tensor, sample_size: int) -> Terms:
        """The terms of the estimates, differentiable in the weights of the control."""

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        log_prob, weights, *rest = self.terms(problem, theta, sample_size)
        return gradient_of(theta, (log_prob, weights.detach()), *rest)

    def trained(
        self, control: nn.Module, problem: Problem, theta: Tensor, steps: int, learning_rate: float
    ) -> Estimator:
        """This estimator, whose control is the given one, once that is trained."""

        def estimates(rows: Tensor) -> Tensor:
            log_prob, weights, *rest = self.terms(problem, rows, 1)
            return gradient_of(rows, (log_prob, weights), *rest, create_graph=True)

        train(control, estimates, theta, steps, learning_rate)
        return self


def check_training(hidden: int, steps: int, learning_rate: float) -> None:
    """Refuse options of a training that are out of range.

    Raises:
        ValueError: with the name of the option.
    """
    for name, value in (("hidden", hidden), ("steps", steps)):
        if value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
    if not 0 < learning_rate < float("inf"):
        raise ValueError(f"learning_rate must be positive, got {learning_rate}")


class ControlNetwork(nn.Module):
    """A number for each vector of inputs, `[..., D] -> [...]`: one hidden layer with tanh.

    Before it is trained it is the mean cost, which makes of it a baseline.

    Args:
        inputs: some of them, by which they are standardized, `[..., D]`.
        hidden: width of the hidden layer.
        costs: some costs, whose mean is added to the output, and whose spread is its unit.
    """

    def __init__(self, inputs: Tensor, hidden: int, costs: Tensor) -> None:
        super().__init__()
        several = inputs.reshape(-1, inputs.shape[-1])  # [M, D]
        self.center, self.width = several.mean(0), _spread(several)  # [D] each
        self.mean, self.unit = costs.mean(), _spread(costs.reshape(-1, 1))[0]
        last = nn.Linear(hidden, 1)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.layers = nn.Sequential(nn.Linear(inputs.shape[-1], hidden), nn.Tanh(), last).to(inputs)

    def forward(self, inputs: Tensor) -> Tensor:
        found: Tensor = self.layers((inputs - self.center) / self.width)
        return self.mean + self.unit * found.squeeze(-1)


def _spread(values: Tensor) -> Tensor:
    """The standard deviation of each column, `[M, D] -> [D]`; 1 where nothing varies."""
    spread = values.std(0, correction=0)
    return torch.where(spread > 0, spread, 1.0)


def vectors(values: Tensor, axes: int) -> Tensor:
    """The last axes as one, `[..., D]`."""
    return values.flatten(-axes) if axes else values.unsqueeze(-1)


@torch.enable_grad()
def train(
    control: nn.Module,
    estimates: Callable[[Tensor], Tensor],
    theta: Tensor,
    steps: int,
    learning_rate: float,
) -> None:
    """Minimize the mean square of estimates, whose mean does not depend on the control, by Adam.

    The rate falls to zero. The weights are fixed afterwards.

    Args:
        control: the part of the estimator that is trained.
        estimates: from rows of theta, `[M, P] -> [M, P]`, differentiable in the weights of the control.
        theta: at least one row, `[R, P]`.
        steps: of training, on fresh samples each.
        learning_rate: at the first step.

    Raises:
        NotApplicable: if the derivative of the estimates in the weights is not known.
    """
    rows = max(1, min(TRAINING_ROWS, _NUMBERS // theta.shape[1]))
    theta = theta[:rows].detach().requires_grad_()  # [M, P]
    weights = list(control.parameters())
    optimizer = _Adam(weights)
    unit = 1.0
    for step in range(steps):
        loss = estimates(theta).square().sum(1).mean()
        if not loss.requires_grad:  # no estimate depends on the control
            break
        if step == 0:
            _check_differentiable(loss)
            unit = float(loss.detach()) or 1.0  # Adam does not see gradients below 1e-8
        slopes = torch.autograd.grad(loss / unit, weights, materialize_grads=True)
        optimizer.step(slopes, learning_rate * (1 - step / steps))
    control.requires_grad_(False)


class _Adam:
    """Steps of Adam (Kingma & Ba, 2015, algorithm 1); torch's own loads its compiler, which takes long."""

    def __init__(self, weights: Sequence[Tensor]) -> None:
        self.weights = weights
        self.mean = torch.cat([each.detach().flatten() for each in weights]).zero_()
        self.square = self.mean.clone()
        self.steps = 0

    @torch.no_grad()
    def step(self, slopes: Sequence[Tensor], learning_rate: float) -> None:
        """Move the weights against the slopes of a loss in them."""
        slope = torch.cat([each.flatten() for each in slopes])
        self.steps += 1
        self.mean.lerp_(slope, 1 - _KEPT)
        self.square.lerp_(slope.square(), 1 - _KEPT_OF_SQUARES)
        size = (self.square / (1 - _KEPT_OF_SQUARES**self.steps)).sqrt_().add_(_LEAST)
        moves = self.mean / size * (-learning_rate / (1 - _KEPT**self.steps))
        parts = torch.split(moves, [each.numel() for each in self.weights])
        for weight, part in zip(self.weights, parts, strict=True):
            weight += part.view_as(weight)


def _check_differentiable(loss: Tensor) -> None:
    """Refuse estimates with a part of which torch leaves the second derivative out without a word."""
    seen: set[Any] = set()
    left: list[Any] = [loss.grad_fn]
    while left:
        node = left.pop()
        if node is None or node in seen:
            continue
        if node.name() == "torch::autograd::Error":  # where a function is marked as once differentiable
            raise NotApplicable("the path of x can be differentiated only once, and the control not trained")
        seen.add(node)
        left += [before for before, _ in node.next_functions]
