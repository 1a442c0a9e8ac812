"""The ELBO of the probabilities of categories with a Dirichlet prior and a Dirichlet q: a conjugate pair."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.distributions import Dirichlet, Distribution

from bench.errors import Fault, Invalid
from bench.problem import VariationalProblem
from bench.problems.seeds import generator_for


class DirichletMultinomial(VariationalProblem):
    r"""The negative ELBO of the probabilities z of C categories, given how often each occurred.

    .. math:: z \sim \text{Dirichlet}(\alpha_0, \dots, \alpha_0), \quad
        d | z \sim \text{Multinomial}(n, z), \quad q(z; \theta) = \text{Dirichlet}(\alpha)

    .. math:: F(\theta) = -H(q) - \sum_c (\alpha_0 - 1 + d_c) (\psi(\alpha_c) - \psi(\textstyle\sum \alpha))
        - \log \frac{n!}{\prod_c d_c!} - \log \frac{\Gamma(C \alpha_0)}{\Gamma(\alpha_0)^C}

    θ is α. The posterior has α₀ + d; θ lies between it and a flat distribution.

    Args:
        categories: C.
        trials: n.
        prior: α₀.
        weight: of the posterior's concentrations in θ, from 0 to 1: the rest is 1 each.
        seed: of the counts.

    References:
        Gelman et al. (2013), Bayesian data analysis, §3.4.
        Figurnov, Mohamed & Mnih (2018), Implicit reparameterization gradients, §5, on such a q.
    """

    counts: Tensor

    def __init__(
        self,
        categories: int = 100,
        trials: int = 100,
        prior: float = 1.0,
        weight: float = 0.7,
        seed: int = 0,
    ) -> None:
        _check(categories, trials, prior, weight)
        C = categories
        generator = generator_for(seed, "counts")
        # Exponential draws have the proportions of a flat Dirichlet.
        proportions = -torch.rand(C, generator=generator, dtype=torch.float64).clamp(min=1e-300).log()
        drawn = torch.multinomial(proportions, max(trials, 1), replacement=True, generator=generator)
        self.counts = torch.bincount(drawn[:trials], minlength=C).double()  # [C]
        self.prior, self.trials = prior, trials
        self.theta = weight * (prior + self.counts) + (1 - weight)  # [C]
        self.parameters = {"concentration": slice(0, C)}
        self.width = C

    def distribution(self, theta: Tensor) -> Distribution:
        return Dirichlet(theta, validate_args=False)

    def log_joint(self, x: Tensor, theta: Tensor) -> Tensor:
        return self._of_logarithms(x.log())

    def expectation(self, theta: Tensor) -> Tensor:
        expected_log = theta.digamma() - theta.sum(-1, keepdim=True).digamma()  # [R, C]
        q = Dirichlet(theta, validate_args=False)
        entropy: Tensor = q.entropy()  # type: ignore[no-untyped-call]
        return -self._of_logarithms(expected_log) - entropy

    def _of_logarithms(self, logs: Tensor) -> Tensor:
        """log p(data, z) of log z, in which it is linear: `[..., C] -> [...]`."""
        C = len(self.counts)
        ways = math.lgamma(self.trials + 1) - (self.counts + 1).lgamma().sum()
        normalizer = math.lgamma(C * self.prior) - C * math.lgamma(self.prior)
        return logs @ (self.counts + self.prior - 1) + ways + normalizer


def _check(categories: int, trials: int, prior: float, weight: float) -> None:
    checks = [
        (categories >= 2, f"categories must be at least 2, got {categories}", "categories"),
        (trials >= 0, f"trials must be at least 0, got {trials}", "trials"),
        (0 < prior < math.inf, f"prior must be positive, got {prior}", "prior"),
        (0 <= weight <= 1, f"weight must be in 0..1, got {weight}", "weight"),
    ]
    faults = [Fault(message, (key,)) for fits, message, key in checks if not fits]
    if faults:
        raise Invalid(*faults)
