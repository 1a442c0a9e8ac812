"""The linear variational autoencoder: probabilistic principal components, whose ELBO is known exactly."""

from __future__ import annotations

import math
from itertools import accumulate, pairwise
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
_ITEMS = 1024  # from which batches are drawn


class LinearVae(VariationalProblem):
    r"""The negative ELBO of a linear autoencoder, averaged over the items of one batch.

    .. math:: z \sim N(0, I), \quad d | z \sim N(W z + b, t^2 I), \quad
        q(z | d; \theta) = N(V d + c, \operatorname{diag}(s)^2)

    The gradient is one of a full ELBO over a batch, in model and q together, and yet known:
    with m = V d + c,

    .. math:: F(\theta) = \frac{1}{B} \sum_b \Big[ \frac{\|d_b - W m_b - b\|^2
        + \sum_j s_j^2 \|W_{\cdot j}\|^2}{2 t^2} + \frac{D}{2} \log(2\pi t^2)
        + \tfrac{1}{2} \sum_j (m_{bj}^2 + s_j^2 - 1 - \log s_j^2) \Big].

    The items are drawn from such a model. θ holds W, b, V, c and log s: the model's with
    noise added, and a q near its posterior.

    Args:
        batch_size: B.
        dimensions: D, of an item.
        latent: dimensions of z.
        noise: t.
        perturbation: standard deviation of what is added to each coordinate of θ.
        seed: of the model, the items and the perturbation.

    References:
        Tipping & Bishop (1999), Probabilistic principal component analysis, §3.
        Lucas et al. (2019), Don't blame the ELBO! A linear VAE perspective on posterior
        collapse, §4.
    """

    data: Tensor
    items: Tensor

    def __init__(
        self,
        batch_size: int = 8,
        dimensions: int = 5,
        latent: int = 2,
        noise: float = 0.5,
        perturbation: float = 0.2,
        seed: int = 0,
    ) -> None:
        _check(batch_size, dimensions, latent, noise, perturbation)
        D, L = dimensions, latent
        self.latent, self.noise = latent, noise
        self._sizes = {
            "weights": D * L,
            "offset": D,
            "encoder_weights": L * D,
            "encoder_offset": L,
            "log_scale": L,
        }
        edges = pairwise(accumulate(self._sizes.values(), initial=0))
        self.parameters = {name: slice(*pair) for name, pair in zip(self._sizes, edges, strict=True)}
        self.width = batch_size * max(D, L)
        generator = generator_for(seed, "model")
        W, b, z, noises, added = (
            torch.randn(shape, generator=generator, dtype=torch.float64)
            for shape in [(D, L), (D,), (_ITEMS, L), (_ITEMS, D), (sum(self._sizes.values()),)]
        )
        self.items = z @ W.T + b + noise * noises  # [n, D]
        self.data = self.items[:batch_size]  # [B, D]; [R, B, D] once resampled
        # The posterior of z has precision I + WᵀW/t² =: M/t² and mean M⁻¹ Wᵀ (d − b).
        M = W.T @ W + noise**2 * torch.eye(L, dtype=torch.float64)  # [L, L]
        V = torch.linalg.solve(M, W.T)  # [L, D]
        log_scale = math.log(noise) - 0.5 * M.diagonal().log()  # [L]
        optimum = torch.cat([W.flatten(), b, V.flatten(), -V @ b, log_scale])  # [P]
        self.theta = optimum + perturbation * added

    def reduced(self) -> Self:
        return with_few_items(self)

    def resampled(self, rows: int, copies: int = 1) -> Self:
        """Each batch has B items that are drawn with replacement from 1024."""
        return redrawn(self, self.items, rows, copies)

    def distribution(self, theta: Tensor) -> Distribution:
        mean, scale = self._posterior(self._split(theta))  # [R, B, L] each
        return Independent(Normal(mean, scale, validate_args=False), 1, validate_args=False)

    def log_joint(self, x: Tensor, theta: Tensor) -> Tensor:
        part = self._split(theta)
        W = part["weights"].reshape(len(theta), -1, self.latent)  # [R, D, L]
        squares = (self.data - x @ W.mT - part["offset"][:, None]).square().sum(-1)  # [N, R, B]
        return -0.5 * (squares / self.noise**2 + x.square().sum(-1) + self._normalizer())

    def expectation(self, theta: Tensor) -> Tensor:
        part = self._split(theta)
        mean, scale = self._posterior(part)  # [R, B, L] each
        W = part["weights"].reshape(len(theta), -1, self.latent)  # [R, D, L]
        squares = (self.data - mean @ W.mT - part["offset"][:, None]).square().sum(-1)  # [R, B]
        spread = (scale.square() * W.square().sum(-2)[:, None]).sum(-1)  # [R, B]
        second = (mean.square() + scale.square()).sum(-1)  # [R, B]: E‖z‖²
        entropy = (scale.log() + 0.5 * (1 + _LOG_TWO_PI)).sum(-1)  # [R, B]
        energy = 0.5 * ((squares + spread) / self.noise**2 + second + self._normalizer())  # [R, B]
        return (energy - entropy).mean(-1)

    def _normalizer(self) -> float:
        D = self.data.shape[-1]
        return (D + self.latent) * _LOG_TWO_PI + 2 * D * math.log(self.noise)

    def _split(self, theta: Tensor) -> dict[str, Tensor]:
        """The blocks of θ by name, `[R, ...]` each."""
        parts = torch.split(theta, list(self._sizes.values()), dim=-1)
        return dict(zip(self._sizes, parts, strict=True))

    def _posterior(self, part: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Mean and scale of q, `[R, B, L]` each."""
        V = part["encoder_weights"].reshape(-1, self.latent, self.data.shape[-1])  # [R, L, D]
        mean = self.data @ V.mT + part["encoder_offset"][:, None]  # [R, B, L]
        return mean, part["log_scale"].exp()[:, None].expand_as(mean)


def _check(batch_size: int, dimensions: int, latent: int, noise: float, perturbation: float) -> None:
    checks = [
        (1 <= batch_size <= _ITEMS, f"batch_size must be in 1..{_ITEMS}, got {batch_size}", "batch_size"),
        (dimensions >= 1, f"dimensions must be at least 1, got {dimensions}", "dimensions"),
        (latent >= 1, f"latent must be at least 1, got {latent}", "latent"),
        (0 < noise < math.inf, f"noise must be positive, got {noise}", "noise"),
        (
            0 <= perturbation < math.inf,
            f"perturbation must be at least 0, got {perturbation}",
            "perturbation",
        ),
    ]
    faults = [Fault(message, (key,)) for fits, message, key in checks if not fits]
    if faults:
        raise Invalid(*faults)
