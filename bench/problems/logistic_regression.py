"""Bayesian logistic regression with a normal q, whose ELBO is a sum of one-dimensional integrals."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent
from torch.nn import functional

from bench.distributions.normal import Normal
from bench.errors import Fault, Invalid
from bench.problem import TruthKind, VariationalProblem
from bench.problems.training import one_thread

_LOG_TWO_PI = math.log(2 * math.pi)
_REACH = 9.0  # standard deviations; beyond them the normal distribution has less than 1e-18
_FITTING_NODES, _NODES, _NODES_AGAIN = 61, 601, 901
_INITIAL_LOG_SCALE = -1.0


class LogisticRegression(VariationalProblem):
    r"""The negative ELBO of the weights of a logistic regression on the breast cancer data.

    .. math:: z \sim N(0, s_0^2 I), \quad P(y_i = \pm 1 | z) = \sigma(y_i\, a_i^\top z), \quad
        q(z; \theta) = N(\mu, \operatorname{diag}(e^{\rho})^2)

    With 569 items of 30 standardized features and a constant, θ = (μ, ρ) has 62
    coordinates. Each item's predictor :math:`y_i a_i^\top z` is normal under q, with mean
    :math:`y_i a_i^\top \mu` and variance :math:`\sum_j a_{ij}^2 e^{2\rho_j}`, so that

    .. math:: F(\theta) = \sum_i E_{u \sim N(0, 1)}[\log(1 + e^{-(m_i + s_i u)})] + KL(q \| p)

    is known to the rounding: by the trapezoidal rule, which converges exponentially for
    functions analytic in a strip. All items share z; they are no axis of a batch.

    Args:
        prior_scale: s₀.
        steps: of deterministic gradient descent (Adam) on F itself, from μ = 0 and ρ = −1,
            that lead to θ.
        learning_rate: of these steps.

    References:
        Jaakkola & Jordan (2000), Bayesian parameter estimation via variational methods, §2.
        Street, Wolberg & Mangasarian (1993), Nuclear feature extraction for breast tumor
        diagnosis, for the data, as scikit-learn ships them.
        Trefethen & Weideman (2014), The exponentially convergent trapezoidal rule, §5.
    """

    truth_kind: TruthKind = "quadrature"
    signed: Tensor

    def __init__(self, prior_scale: float = 1.0, steps: int = 100, learning_rate: float = 0.05) -> None:
        _check(prior_scale, steps, learning_rate)
        self.prior_scale = prior_scale
        self.signed = _signed_features()  # [n, D], yᵢ aᵢ
        n, D = self.signed.shape
        self.parameters = {"loc": slice(0, D), "log_scale": slice(D, 2 * D)}
        self.width = n
        start = torch.zeros(2 * D, dtype=torch.float64)
        start[D:] = _INITIAL_LOG_SCALE
        self.theta = self._descended(start, steps, learning_rate)  # [P]

    def distribution(self, theta: Tensor) -> Distribution:
        loc, log_scale = theta.chunk(2, -1)  # [R, D] each
        return Independent(Normal(loc, log_scale.exp(), validate_args=False), 1, validate_args=False)

    def log_joint(self, x: Tensor, theta: Tensor) -> Tensor:
        log_likelihood = functional.logsigmoid(x @ self.signed.T).sum(-1)  # [N, R]
        D, variance = x.shape[-1], self.prior_scale**2
        log_prior = -0.5 * (x.square().sum(-1) / variance + D * (_LOG_TWO_PI + math.log(variance)))  # [N, R]
        return log_likelihood + log_prior

    def expectation(self, theta: Tensor) -> Tensor:
        return self._expectation(theta, _NODES)

    def expectation_check(self, theta: Tensor) -> Tensor:
        return self._expectation(theta, _NODES_AGAIN)

    def _expectation(self, theta: Tensor, count: int) -> Tensor:
        loc, log_scale = theta.chunk(2, -1)  # [R, D] each
        means = loc @ self.signed.T  # [R, n]
        scales = ((2 * log_scale).exp() @ self.signed.square().T).sqrt()  # [R, n]
        nodes = torch.linspace(-_REACH, _REACH, count, dtype=theta.dtype, device=theta.device)  # [K]
        weights = torch.softmax(-0.5 * nodes.square(), 0)  # [K]
        losses = functional.softplus(-(means[..., None] + scales[..., None] * nodes))  # [R, n, K]
        ratio = 2 * (log_scale - math.log(self.prior_scale))  # [R, D], log of a ratio of variances
        divergence = 0.5 * (ratio.exp() + (loc / self.prior_scale).square() - 1 - ratio).sum(-1)  # [R]
        return (losses @ weights).sum(-1) + divergence

    def _descended(self, start: Tensor, steps: int, learning_rate: float) -> Tensor:
        theta = start[None].clone().requires_grad_()  # [1, P]
        optimizer = torch.optim.Adam([theta], lr=learning_rate)
        with one_thread():
            for _ in range(steps):
                value = self._expectation(theta, _FITTING_NODES)
                (theta.grad,) = torch.autograd.grad(value.sum(), theta)
                optimizer.step()
        return theta.detach()[0]


def _signed_features() -> Tensor:
    """yᵢ aᵢ of each item, `[569, 31]`: 30 features of mean 0 and variance 1, and the constant 1."""
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer()
    features = torch.from_numpy(data.data)  # [n, 30]
    features = (features - features.mean(0)) / features.std(0, correction=0)
    features = torch.cat([features, features.new_ones(len(features), 1)], 1)
    return features * (2.0 * torch.from_numpy(data.target)[:, None] - 1)


def _check(prior_scale: float, steps: int, learning_rate: float) -> None:
    checks = [
        (0 < prior_scale < math.inf, f"prior_scale must be positive, got {prior_scale}", "prior_scale"),
        (steps >= 0, f"steps must be at least 0, got {steps}", "steps"),
        (
            0 < learning_rate < math.inf,
            f"learning_rate must be positive, got {learning_rate}",
            "learning_rate",
        ),
    ]
    faults = [Fault(message, (key,)) for fits, message, key in checks if not fits]
    if faults:
        raise Invalid(*faults)
