"""The ELBO of a Poisson rate with a gamma prior and a gamma q: a conjugate pair."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.distributions import Distribution, Gamma

from bench.errors import Fault, Invalid
from bench.problem import VariationalProblem


class GammaPoisson(VariationalProblem):
    r"""The negative ELBO of a Poisson rate z, given counts.

    .. math:: z \sim \text{Gamma}(a_0, b_0), \quad d_i | z \sim \text{Poisson}(z), \quad
        q(z; \theta) = \text{Gamma}(a, b)

    .. math:: F(\theta) = -H(q) - (a_0 - 1 + \textstyle\sum_i d_i)(\psi(a) - \log b)
        + (b_0 + n) \frac{a}{b} - a_0 \log b_0 + \log \Gamma(a_0) + \sum_i \log d_i!

    θ is (a, b), concentration and rate; the posterior has :math:`a_0 + \sum_i d_i` and
    :math:`b_0 + n`: 34 and 11 by default.

    Args:
        concentration: a.
        rate: b.
        prior_concentration: a₀.
        prior_rate: b₀.
        data: the counts d.

    References:
        Gelman et al. (2013), Bayesian data analysis, §2.6.
        Ruiz, Titsias & Blei (2016), The generalized reparameterization gradient, §4, on such a q.
    """

    def __init__(
        self,
        concentration: float = 20.0,
        rate: float = 8.0,
        prior_concentration: float = 1.0,
        prior_rate: float = 1.0,
        data: list[int] = [3, 1, 4, 5, 2, 6, 3, 2, 4, 3],  # noqa: B006 - it is only read
    ) -> None:
        given = {
            "concentration": concentration,
            "rate": rate,
            "prior_concentration": prior_concentration,
            "prior_rate": prior_rate,
        }
        _check(given, data)
        self.theta = torch.tensor([concentration, rate], dtype=torch.float64)  # [2]
        self.parameters = {"concentration": slice(0, 1), "rate": slice(1, 2)}
        # log p(data, z) = shape · log z − rate · z + constant
        self._shape = prior_concentration - 1 + sum(data)
        self._rate = prior_rate + len(data)
        self._constant = prior_concentration * math.log(prior_rate) - math.lgamma(prior_concentration)
        self._constant -= sum(math.lgamma(d + 1) for d in data)

    def distribution(self, theta: Tensor) -> Distribution:
        concentration, rate = theta.unbind(-1)  # [R] each
        return Gamma(concentration, rate, validate_args=False)

    def log_joint(self, x: Tensor, theta: Tensor) -> Tensor:
        return self._shape * x.log() - self._rate * x + self._constant

    def expectation(self, theta: Tensor) -> Tensor:
        concentration, rate = theta.unbind(-1)  # [R] each
        q = Gamma(concentration, rate, validate_args=False)
        expected_log = concentration.digamma() - rate.log()  # [R]
        entropy: Tensor = q.entropy()  # type: ignore[no-untyped-call]
        return self._rate * q.mean - self._shape * expected_log - self._constant - entropy


def _check(given: dict[str, float], data: list[int]) -> None:
    faults = [
        Fault(f"{name} must be positive, got {value}", (name,))
        for name, value in given.items()
        if not 0 < value < math.inf
    ]
    faults += [Fault(f"a count is at least 0, got {d}", ("data", i)) for i, d in enumerate(data) if d < 0]
    if faults:
        raise Invalid(*faults)
