"""The score-function estimator (REINFORCE, likelihood-ratio method)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from torch import Tensor

from bench.estimator import Claim, Estimator, NotApplicable, gradient_of
from bench.exact import ExactMoments, SingleDraws
from bench.problem import Problem
from estimators.baseline_contract import Baseline
from estimators.baselines import NoBaseline
from estimators.samplers import Iid, Sampler


@dataclass(frozen=True)
class Reinforce(Estimator):
    r"""Weighs the score of each sample by its cost.

    For any baseline b that is independent of x,

    .. math:: \nabla_\theta E[f(x, \theta)]
        = E[(f(x, \theta) - b)\, \nabla_\theta \log p(x; \theta) + \nabla_\theta f(x, \theta)],

    since the score has mean zero.

    Needs a log p that is differentiable in θ; f may be discontinuous in x, and x may be
    discrete. Each estimate evaluates f N times, twice as often with the baseline
    `independent`, and the gradient of f only where f depends on θ itself.

    Attributes:
        baseline: what is subtracted from the cost; see `estimators.baselines`.
        sampler: `iid`, `antithetic` or `rqmc`, see `estimators.samplers`. The latter two need
            a path as well, and no baseline that is made of the other samples: x and its mirror
            image are not independent. Each sample still has the distribution p, which is all that the
            identity asks. Of cost times score a pair cancels what is odd in the noise, and says
            twice what is even: for the scale of a normal distribution it may do harm.

    References:
        Williams (1992), Simple statistical gradient-following algorithms for
        connectionist reinforcement learning.
        Mohamed et al. (2020), Monte Carlo gradient estimation in machine learning, §4.
    """

    bias: ClassVar[Claim] = "unbiased"
    baseline: Baseline = NoBaseline()  # noqa: RUF009 - it is frozen
    sampler: Sampler = Iid()  # noqa: RUF009 - it is frozen

    @property
    def minimum_sample_size(self) -> int:  # type: ignore[override]
        return max(self.baseline.minimum_sample_size, self.sampler.minimum_sample_size)

    def evaluations(self, problem: Problem, sample_size: int) -> int:
        return self.baseline.evaluations(sample_size)

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        if self.baseline.of_other_samples and not isinstance(self.sampler, Iid):
            raise NotApplicable("the baseline is made of other samples, of which a sample is not independent")
        p = problem.distribution(theta)
        x = self.sampler.fixed(p, sample_size)  # [N, R, (B,) *event]
        cost = problem.cost(x, theta)  # [N, R, (B)]
        log_prob = p.log_prob(x)  # [N, R, (B)]
        baseline = self.baseline.prepared(problem, theta, p, sample_size)
        weights = baseline.subtracted(cost.detach())  # [N, R, (B)]
        correction = baseline.correction(theta, log_prob)  # [R, P]
        total = gradient_of(theta, (log_prob, weights), cost, problem.analytic_term(theta, p))  # [R, P]
        return total if correction is None else total - correction

    def exact_moments(self, draws: SingleDraws, sample_size: int) -> ExactMoments:
        if not isinstance(self.sampler, Iid):
            raise NotApplicable("its samples depend on one another")
        baseline, noise = self.baseline.as_constant(draws, sample_size)
        moments = draws.of_mean(replace(self, baseline=baseline), sample_size)
        return moments if noise is None else moments.with_noise(noise)

    def fitted(self, problem: Problem, theta: Tensor, sample_size: int) -> Reinforce:
        return replace(self, baseline=self.baseline.fitted(problem, theta, sample_size))
