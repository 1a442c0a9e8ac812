"""The pathwise estimator (reparameterization trick)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from bench.estimator import Claim, Estimator, gradient_of
from bench.problem import Problem
from estimators.samplers import Iid, Sampler


@dataclass(frozen=True)
class Reparameterization(Estimator):
    r"""Differentiates through the sample.

    With x = g(ε; θ), where ε does not depend on θ,

    .. math:: \nabla_\theta E[f(x, \theta)] = E[\nabla_\theta f(g(\epsilon; \theta), \theta)].

    Needs a reparameterized sampler, and a cost that is differentiable in x: where f
    jumps, the estimate is wrong and cannot know it. Samplers by rejection (gamma, beta,
    Dirichlet, Student's t, von Mises) and mixtures are followed by implicit
    differentiation of their distribution function. Each estimate evaluates f and its
    gradient N times.

    Attributes:
        sampler: `iid`, `antithetic` or `rqmc`, see `estimators.samplers`. The samples of
            one estimate then depend on one another; estimates never do.

    References:
        Kingma & Welling (2014), Auto-encoding variational Bayes, §2.4.
        Figurnov, Mohamed & Mnih (2018), Implicit reparameterization gradients.
        Mohamed et al. (2020), Monte Carlo gradient estimation in machine learning, §5.
    """

    bias: ClassVar[Claim] = "unbiased"
    needs_continuity = True
    sampler: Sampler = Iid()  # noqa: RUF009 - it is frozen

    @property
    def minimum_sample_size(self) -> int:  # type: ignore[override]
        return self.sampler.minimum_sample_size

    @property
    def averages(self) -> bool:  # type: ignore[override]
        return isinstance(self.sampler, Iid)

    def evaluations(self, problem: Problem, sample_size: int) -> int:
        return sample_size

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        p = problem.distribution(theta)
        x = self.sampler.samples(p, sample_size)  # [N, R, (B,) *event], a function of θ
        cost = problem.cost(x, theta)  # [N, R, (B)]
        return gradient_of(theta, cost, problem.analytic_term(theta, p))
