"""The ELBO of the probability of success with a beta prior and a beta q: a conjugate pair."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.distributions import Beta, Distribution

from bench.errors import Fault, Invalid
from bench.problem import VariationalProblem


class BetaBernoulli(VariationalProblem):
    r"""The negative ELBO of the probability z of success, given how many of n trials had it.

    .. math:: z \sim \text{Beta}(a_0, b_0), \quad d_i | z \sim \text{Bernoulli}(z), \quad
        q(z; \theta) = \text{Beta}(a, b)

    .. math:: F(\theta) = -H(q) - (a_0 - 1 + s)(\psi(a) - \psi(a + b))
        - (b_0 - 1 + n - s)(\psi(b) - \psi(a + b)) + \log B(a_0, b_0), \quad s = \textstyle\sum_i d_i

    θ is (a, b), concentration1 and concentration0; the posterior has :math:`a_0 + s` and
    :math:`b_0 + n - s`: 9 and 5 by default.

    Args:
        concentration1: a.
        concentration0: b.
        prior_concentration1: a₀.
        prior_concentration0: b₀.
        successes: s.
        trials: n.

    References:
        Gelman et al. (2013), Bayesian data analysis, §2.4.
        Figurnov, Mohamed & Mnih (2018), Implicit reparameterization gradients, on paths of such a q.
    """

    def __init__(
        self,
        concentration1: float = 5.0,
        concentration0: float = 3.5,
        prior_concentration1: float = 2.0,
        prior_concentration0: float = 2.0,
        successes: int = 7,
        trials: int = 10,
    ) -> None:
        given = {
            "concentration1": concentration1,
            "concentration0": concentration0,
            "prior_concentration1": prior_concentration1,
            "prior_concentration0": prior_concentration0,
        }
        _check(given, successes, trials)
        self.theta = torch.tensor([concentration1, concentration0], dtype=torch.float64)  # [2]
        self.parameters = {"concentration1": slice(0, 1), "concentration0": slice(1, 2)}
        # log p(data, z) = powers · (log z, log(1 − z)) + constant
        self._powers = prior_concentration1 - 1 + successes, prior_concentration0 - 1 + trials - successes
        self._constant = math.lgamma(prior_concentration1 + prior_concentration0)
        self._constant -= math.lgamma(prior_concentration1) + math.lgamma(prior_concentration0)

    def distribution(self, theta: Tensor) -> Distribution:
        concentration1, concentration0 = theta.unbind(-1)  # [R] each
        return Beta(concentration1, concentration0, validate_args=False)

    def log_joint(self, x: Tensor, theta: Tensor) -> Tensor:
        return self._of_logarithms(x.log(), (-x).log1p())

    def expectation(self, theta: Tensor) -> Tensor:
        concentration1, concentration0 = theta.unbind(-1)  # [R] each
        q = Beta(concentration1, concentration0, validate_args=False)
        both = (concentration1 + concentration0).digamma()  # [R]
        success, failure = concentration1.digamma() - both, concentration0.digamma() - both  # [R] each
        entropy: Tensor = q.entropy()  # type: ignore[no-untyped-call]
        return -self._of_logarithms(success, failure) - entropy

    def _of_logarithms(self, success: Tensor, failure: Tensor) -> Tensor:
        """log p(data, z) of log z and log(1 − z), in which it is linear."""
        return self._powers[0] * success + self._powers[1] * failure + self._constant


def _check(given: dict[str, float], successes: int, trials: int) -> None:
    faults = [
        Fault(f"{name} must be positive, got {value}", (name,))
        for name, value in given.items()
        if not 0 < value < math.inf
    ]
    if trials < 0:
        faults.append(Fault(f"trials must be at least 0, got {trials}", ("trials",)))
    elif not 0 <= successes <= trials:
        faults.append(Fault(f"successes must be in 0..{trials}, the trials, got {successes}", ("successes",)))
    if faults:
        raise Invalid(*faults)
