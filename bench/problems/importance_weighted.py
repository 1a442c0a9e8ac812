"""Bounds on log evidence that average K importance weights: of any problem that has weights."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution, biject_to

from bench.distributions.repeated import Repeated
from bench.errors import Invalid, invalid, shown
from bench.problem import (
    MultiSampleProblem,
    NotApplicable,
    Points,
    Problem,
    TruthKind,
    VariationalProblem,
)
from bench.problems.enumeration import mean_over_multisets, points_of

# In standard deviations of q: the prior may be so much wider.
_REACH = 60.0
# In log t: e^−40 is beneath the rounding; up to e^60 Laplace transforms have long vanished.
_LOW, _HIGH = -40.0, 60.0
_NODES, _NODES_AGAIN = (1001, 1601), (1301, 2001)
_LARGEST = 40.0  # exp(−e^40) is zero, and so are its derivatives
_STATES = 1 << 16  # of K samples together
_FEW = 2  # samples of a trial: an estimator that wants another than the first has one
_BELOW_ONE = 1 - 2.0**-53


class ImportanceWeighted(MultiSampleProblem):
    r"""The importance-weighted bound of another problem, with K samples in place of one.

    .. math:: F(\theta) = -E_{x_1, \dots, x_K \sim q}\Big[\log \frac{1}{K} \sum_k
        \frac{p(\text{data}, x_k; \theta)}{q(x_k; \theta)}\Big],

    averaged over the items of a batch where there is one. For K = 1 it is the other problem.

    Where x is one number the gradient is exact for every K. With S the sum of the weights,

    .. math:: E[\log S] = \int_0^\infty \frac{e^{-t} - E[e^{-t S}]}{t} dt, \quad
        E[e^{-t S}] = E[e^{-t w}]^K,

    which are two integrals over the line, of log t and of x, by the trapezoidal rule. Where x has finitely
    many values it is exact by enumeration of the multisets of K of them, up to 2¹⁶.

    Args:
        samples: K.
        problem: the other, as a scenario writes it: `{name: ..., option: ...}`. Its cost must
            be its whole negative log weight (`bound: sampled` of `vae`).

    References:
        Burda, Grosse & Salakhutdinov (2016), Importance weighted autoencoders, §3.
        Rainforth et al. (2018), Tighter variational bounds are not necessarily better, §3.
    """

    def __init__(self, samples: int, problem: dict[str, Any]) -> None:
        if samples < 1:
            raise invalid(f"samples must be at least 1, got {samples}", "samples")
        self._average(samples, _built(problem))

    @classmethod
    def of(cls, single: VariationalProblem, samples: int) -> Self:
        """The bound of K samples of a problem that is there; its cost is its whole negative log weight."""
        bound = cls.__new__(cls)
        bound._average(samples, single)
        return bound

    def _average(self, samples: int, single: VariationalProblem) -> None:
        self.samples, self.single = samples, single
        self.theta, self.parameters = single.theta, single.parameters
        self.width = samples * single.width

    @property
    def truth_kind(self) -> TruthKind:  # type: ignore[override]
        q: Any = self.single.distribution(self.theta[None])
        return "enumeration" if q.support.is_discrete else "quadrature"

    @property
    def fingerprint(self) -> str:  # type: ignore[override]
        return self.single.fingerprint

    def prepared(self) -> Self:
        single = self.single.prepared()
        return self if single is self.single else self._averaging(self.samples, single)

    def reduced(self) -> Self:
        return self._averaging(min(_FEW, self.samples), self.single.reduced())

    def distribution(self, theta: Tensor) -> Repeated:
        return Repeated(self.single.distribution(theta), self.samples)

    def log_joint(self, x: Tensor, theta: Tensor) -> Tensor:
        return self._each(x, theta, Repeated(self.single.distribution(theta), self.samples))

    def log_weights(self, x: Tensor, theta: Tensor) -> Tensor:
        p = self.distribution(theta)
        return self._each(x, theta, p) - p.log_probs(x)

    def log_probs(self, x: Tensor, p: Distribution) -> Tensor:
        assert isinstance(p, Repeated)
        return p.log_probs(x)

    def expectation(self, theta: Tensor) -> Tensor:
        if self.truth_kind == "enumeration":
            return mean_over_multisets(self, self.single, theta, _STATES)
        return self._expectation(theta, *_NODES)

    def expectation_check(self, theta: Tensor) -> Tensor:
        if self.truth_kind == "enumeration":
            return self.expectation(theta)
        return self._expectation(theta, *_NODES_AGAIN)

    def points(self, check: bool = False) -> Points:
        return points_of(self, _STATES)

    def item(self, index: int) -> Self:
        return self._averaging(self.samples, self.single.item(index))

    def resampled(self, rows: int, copies: int = 1) -> Self:
        return self._with(self.single.resampled(rows, copies))

    def pictures(self) -> Mapping[str, np.ndarray]:
        return self.single.pictures()

    def to(self, device: torch.device | str, dtype: torch.dtype) -> Self:
        return super().to(device, dtype)._with(self.single.to(device, dtype))

    def _averaging(self, samples: int, single: Problem) -> Self:
        assert isinstance(single, VariationalProblem)
        other = copy.copy(self)
        other._average(samples, single)
        return other

    def _with(self, single: VariationalProblem) -> Self:
        other = copy.copy(self)
        other.single, other.data_per_row = single, single.data_per_row
        return other

    def _each(self, x: Tensor, theta: Tensor, p: Repeated) -> Tensor:
        """log p(data, x_k; θ), `[N, R, (B), K]`."""
        return p.apart(self.single.log_joint(p.unfolded(x), theta))

    def _expectation(self, theta: Tensor, nodes: int, times: int) -> Tensor:
        q = self.single.distribution(theta)
        if q.event_shape or len(q.batch_shape) > 1 or not q.has_rsample:
            raise NotApplicable("the bound is known without sampling only where x is one real number")
        z, log_step = self._line(theta, nodes)  # [M] each
        log_q = q.log_prob(z[:, None])  # [M, R]
        log_w = self.single.log_joint(z[:, None].expand_as(log_q), theta) - log_q  # [M, R]
        mass = (log_q + log_step[:, None]).exp()  # [M, R]
        center = (mass * log_w).sum(0).detach()  # [R], E log w: so that t of order one matters
        u = torch.linspace(_LOW, _HIGH, times, dtype=theta.dtype, device=theta.device)  # [T]
        exponents = (u[:, None, None] + (log_w - center)).clamp(max=_LARGEST)  # [T, M, R]
        # As differences from 1, lest K times the rounding of what is nearly 1 be left.
        beneath = -(mass * (-exponents.exp()).expm1()).sum(1)  # [T, R], 1 − E[e^{−tw}]
        powers = self.samples * (-beneath.clamp(max=_BELOW_ONE)).log1p()  # [T, R]
        differences = (-u.exp()).expm1()[:, None] - powers.expm1()  # [T, R], e^{−t} − E[e^{−tS}]
        log_sum = (u[1] - u[0]) * differences.sum(0) + center  # [R], E[log S]
        return math.log(self.samples) - log_sum

    def _line(self, theta: Tensor, nodes: int) -> tuple[Tensor, Tensor]:
        """Nodes in x and the logarithms of their weights, `[M]` each, fixed as θ moves a little."""
        with torch.no_grad():
            q = self.single.distribution(self.theta[None].to(theta))
            to_support = biject_to(q.support)
            center = to_support.inv(q.mean)  # [1]
            width = q.stddev / to_support.log_abs_det_jacobian(center, q.mean).exp()  # [1]
            # Close together within a few deviations, and further apart far out.
            v = torch.linspace(-1, 1, nodes, dtype=theta.dtype, device=theta.device) * math.asinh(_REACH / 3)
            line = center + 3 * width * v.sinh()  # [M]
            z = to_support(line)  # [M]
            slope = to_support.log_abs_det_jacobian(line, z) + (3 * width * v.cosh() * (v[1] - v[0])).log()
            return z, slope


def _built(given: Mapping[str, Any]) -> VariationalProblem:
    from bench import catalogue  # here, as the catalogue knows this module

    options = dict(given)
    name = options.pop("name", None)
    if not isinstance(name, str):
        raise invalid(f"wanted {{name: NAME, option: value}}, got {shown(dict(given))}", "problem")
    try:
        problem = catalogue.build("problems", name, options)
    except Invalid as error:
        raise error.under("problem") from error
    if not isinstance(problem, VariationalProblem) or isinstance(problem, MultiSampleProblem):
        raise invalid(f"{name} has no single latent sample whose weight could be averaged", "problem", "name")
    theta = problem.theta[None]
    if problem.analytic_term(theta, problem.distribution(theta)) is not None:
        raise invalid("its cost must be the whole negative log weight: it takes a part out", "problem")
    return problem
