"""The linear normal model on which importance-weighted bounds are studied, near its optimum."""

from __future__ import annotations

import math
from typing import Self

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent

from bench.distributions.normal import Normal
from bench.errors import Fault, Invalid
from bench.problem import VariationalProblem
from bench.problems.batches import redrawn, with_few_items
from bench.problems.seeds import generator_for

_LOG_TWO_PI = math.log(2 * math.pi)
_VARIANCE = 2 / 3  # of q: a variance, where the posterior's is 1/2


class LinearGaussian(VariationalProblem):
    r"""The negative ELBO of a latent vector for each item, with a learned prior mean.

    .. math:: z \sim N(\mu, I), \quad d | z \sim N(z, I), \quad
        q(z | d; \theta) = N(A d + b, \tfrac{2}{3} I)

    The optimum is μ the mean of all items, A = I/2 and b = μ/2; θ = (μ, A, b) is that with a
    little noise on each coordinate. F is the mean over a batch of B items; with m = A d + b,

    .. math:: F(\theta) = \frac{1}{B} \sum_b \tfrac{1}{2} \Big[\|m_b - \mu\|^2 + \|d_b - m_b\|^2
        + D \big(\tfrac{4}{3} + \log(2\pi) - 1 - \log \tfrac{2}{3}\big)\Big].

    Put into `importance_weighted` it is the example of Rainforth et al.

    Args:
        dimensions: D.
        items: how many items are drawn from the model.
        batch_size: B, the first of them.
        perturbation: standard deviation of the noise on θ.
        seed: of the true mean, the items and the noise.

    References:
        Rainforth et al. (2018), Tighter variational bounds are not necessarily better, §4.
    """

    data: Tensor
    pool: Tensor

    def __init__(
        self,
        dimensions: int = 20,
        items: int = 1024,
        batch_size: int = 16,
        perturbation: float = 0.01,
        seed: int = 0,
    ) -> None:
        _check(dimensions, items, batch_size, perturbation)
        D = dimensions
        self.dimensions = D
        self.parameters = {
            "prior_mean": slice(0, D),
            "encoder_weights": slice(D, D + D * D),
            "encoder_offset": slice(D + D * D, 2 * D + D * D),
        }
        self.width = batch_size * D
        generator = generator_for(seed, "model")
        true_mean, latent, noise, added = (
            torch.randn(shape, generator=generator, dtype=torch.float64)
            for shape in [(D,), (items, D), (items, D), (D * D + 2 * D,)]
        )
        self.pool = true_mean + latent + noise  # [n, D]
        self.data = self.pool[:batch_size]  # [B, D]; [R, B, D] once resampled
        mean = self.pool.mean(0)  # [D]
        optimum = torch.cat([mean, 0.5 * torch.eye(D, dtype=torch.float64).flatten(), 0.5 * mean])
        self.theta = optimum + perturbation * added  # [P]

    def reduced(self) -> Self:
        return with_few_items(self)

    def resampled(self, rows: int, copies: int = 1) -> Self:
        """Each batch has B items that are drawn with replacement from all."""
        return redrawn(self, self.pool, rows, copies)

    def distribution(self, theta: Tensor) -> Distribution:
        mean = self._mean(theta)  # [R, B, D]
        scale = mean.new_full((), _VARIANCE**0.5).expand_as(mean)
        return Independent(Normal(mean, scale, validate_args=False), 1, validate_args=False)

    def log_joint(self, x: Tensor, theta: Tensor) -> Tensor:
        prior_mean = theta[:, None, self.parameters["prior_mean"]]  # [R, 1, D]
        squares = (x - prior_mean).square().sum(-1) + (self.data - x).square().sum(-1)  # [N, R, B]
        return -0.5 * squares - self.dimensions * _LOG_TWO_PI

    def expectation(self, theta: Tensor) -> Tensor:
        D, mean = self.dimensions, self._mean(theta)  # [R, B, D]
        prior_mean = theta[:, None, self.parameters["prior_mean"]]  # [R, 1, D]
        squares = (mean - prior_mean).square().sum(-1) + (self.data - mean).square().sum(-1)  # [R, B]
        # Both expected squares have D · 2/3 more; half of log 2π is the entropy's.
        constant = 2 * _VARIANCE + _LOG_TWO_PI - 1 - math.log(_VARIANCE)
        return 0.5 * squares.mean(-1) + 0.5 * D * constant

    def _mean(self, theta: Tensor) -> Tensor:
        """The mean of q, `[R, B, D]`."""
        D = self.dimensions
        _, weights, offset = torch.split(theta, [D, D * D, D], dim=-1)
        return self.data @ weights.reshape(-1, D, D).mT + offset[:, None]


def _check(dimensions: int, items: int, batch_size: int, perturbation: float) -> None:
    checks = [
        (dimensions >= 1, f"dimensions must be at least 1, got {dimensions}", "dimensions"),
        (items >= 1, f"items must be at least 1, got {items}", "items"),
        (
            1 <= batch_size <= max(1, items),
            f"batch_size must be in 1..{items}, got {batch_size}",
            "batch_size",
        ),
        (
            0 <= perturbation < math.inf,
            f"perturbation must be at least 0, got {perturbation}",
            "perturbation",
        ),
    ]
    faults = [Fault(message, (key,)) for fits, message, key in checks if not fits]
    if faults:
        raise Invalid(*faults)
