"""The ELBO of a normal model with a normal q: the smallest problem of variational inference."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution

from bench.distributions.normal import Normal
from bench.errors import Fault, Invalid
from bench.problem import Points, VariationalProblem

_LOG_TWO_PI = math.log(2 * math.pi)


class GaussianElbo(VariationalProblem):
    r"""The negative ELBO of a normal mean z with a normal prior, given normal observations, if any.

    .. math:: z \sim N(m_0, s_0^2), \quad d_i \mid z \sim N(z, t^2), \quad q(z; \theta) = N(\mu, \sigma^2)

    .. math:: F(\theta) = E_q[\log q(z) - \log p(z) - \sum_i \log p(d_i | z)]
        = -\tfrac{1}{2} \log(2\pi e \sigma^2) + \tfrac{1}{2} \log(2\pi s_0^2)
        + \frac{(\mu - m_0)^2 + \sigma^2}{2 s_0^2}
        + \sum_i \Big[\tfrac{1}{2} \log(2\pi t^2) + \frac{(\mu - d_i)^2 + \sigma^2}{2 t^2}\Big]

    Without observations it is the divergence KL(q ‖ p) from the prior. θ is (μ, σ).

    Args:
        loc: μ.
        scale: σ.
        prior_loc: m₀.
        prior_scale: s₀.
        data: the observations d.
        noise: t.

    References:
        Roeder, Wu & Duvenaud (2017), Sticking the landing, §3.
        Murphy (2012), Machine learning: a probabilistic perspective, §4.6.1, for the posterior.
    """

    def __init__(
        self,
        loc: float = 0.5,
        scale: float = 0.8,
        prior_loc: float = 0.0,
        prior_scale: float = 1.0,
        data: list[float] = [],  # noqa: B006 - it is only read
        noise: float = 1.0,
    ) -> None:
        _check(scale=scale, prior_scale=prior_scale, noise=noise)
        self.theta = torch.tensor([loc, scale], dtype=torch.float64)  # [2]
        self.parameters = {"loc": slice(0, 1), "scale": slice(1, 2)}
        self.prior_loc, self.prior_scale, self.noise = prior_loc, prior_scale, noise
        self.data = torch.tensor(data, dtype=torch.float64)  # [n]

    def distribution(self, theta: Tensor) -> Distribution:
        loc, scale = theta.unbind(-1)  # [R] each
        return Normal(loc, scale, validate_args=False)

    def log_joint(self, x: Tensor, theta: Tensor) -> Tensor:
        return -self._energy(x, torch.zeros_like(x))

    def expectation(self, theta: Tensor) -> Tensor:
        loc, scale = theta.unbind(-1)  # [R] each
        return self._energy(loc, scale.square()) - self.distribution(theta).entropy()

    def points(self, check: bool = False) -> Points:
        """Nodes of Gauss–Hermite quadrature: exact for polynomials of z, of which all costs here are made."""
        nodes, weights = np.polynomial.hermite_e.hermegauss(24 if check else 32)  # [S] each
        loc, scale = self.theta.to("cpu", torch.float64)
        x = loc + scale * torch.from_numpy(nodes)  # [S]
        return Points(x[:, None], torch.from_numpy(weights / weights.sum()), 4)

    def posterior(self) -> tuple[float, float]:
        """Mean and standard deviation of z given the data: the θ at which q is exact."""
        precision = self.prior_scale**-2 + len(self.data) * self.noise**-2
        weighed = self.prior_loc * self.prior_scale**-2 + float(self.data.sum()) * self.noise**-2
        return weighed / precision, precision**-0.5

    def _energy(self, mean: Tensor, variance: Tensor) -> Tensor:
        """−E[log p(data, z)] for a z of this mean and variance, of any one shape."""
        n, total, squares = len(self.data), self.data.sum(), self.data.square().sum()
        prior = ((mean - self.prior_loc).square() + variance) / self.prior_scale**2
        # Σ (mean − d)², without an axis for the observations
        residual = n * (mean.square() + variance) - 2 * total * mean + squares
        normalizer = (1 + n) * _LOG_TWO_PI + 2 * (math.log(self.prior_scale) + n * math.log(self.noise))
        return 0.5 * (prior + residual / self.noise**2 + normalizer)


def _check(**scales: float) -> None:
    faults = [
        Fault(f"{name} must be positive, got {value}", (name,))
        for name, value in scales.items()
        if not 0 < value < math.inf
    ]
    if faults:
        raise Invalid(*faults)
