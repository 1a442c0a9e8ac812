"""The measure-valued estimator (weak derivatives)."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Independent

from bench.distributions.families import component
from bench.estimator import Claim, Estimator, gradient_of
from bench.exact import ExactMoments, SingleDraws
from bench.problem import NotApplicable, Problem
from estimators.decompositions import Decomposition, Drawn, Integrated, arguments_of


@dataclass(frozen=True)
class MeasureValued(Estimator):
    r"""Takes the difference of the costs under two distributions, into which the derivative of p splits.

    The derivative in an argument ω of the distribution of one draw (a mean, a scale, a rate)
    is a constant times the difference of two densities, so that

    .. math:: \partial_\omega E_p[f] = c_\omega \left(E_{p_+}[f] - E_{p_-}[f]\right),
        \quad \partial_\omega p = c_\omega (p_+ - p_-);

    autograd leads from ω to θ, and E[∇_θ f(x, θ)] is added where f depends on θ itself.
    x may be a vector of independent draws, each with arguments of its own: coordinate by
    coordinate is then drawn from the halves, with the others as they are in a sample of p.

    =========== ===== ============= ========================== =====================
    distribution         ω     c             p₊                         p₋
    =========== ===== ============= ========================== =====================
    normal      loc   1/(σ √(2π))   μ + σ Weibull(√2, 2)       μ − σ Weibull(√2, 2)
    normal      scale 1/σ           μ + σ · double Maxwell     p
    laplace     loc   1/(2b)        μ + b Exp(1)               μ − b Exp(1)
    laplace     scale 1/b           μ ± b Gamma(2, 1)          p
    gamma       rate  α/β           p                          Gamma(α + 1, β)
    exponential rate  1/λ           p                          Gamma(2, λ)
    poisson     rate  1             Poisson(λ) + 1             p
    bernoulli   probs 1             1                          0
    =========== ===== ============= ========================== =====================

    The lognormal's are those of the normal, exponentiated; the α of a gamma has none that
    is known. The probabilities of a categorical add up to one: each but the first is an argument, and what
    it gains the first class loses, so that a single categorical leaves no variance.

    Needs x normal, lognormal, Laplace, gamma, exponential, Poisson, Bernoulli or categorical, or a vector
    of independent draws of such a distribution; f may be discontinuous, and is not differentiated in
    x. Each estimate evaluates f 2N times for each argument and coordinate; where a half is p
    itself, its cost is that of the sample, so that these arguments take N for each
    coordinate, and N for all of them.

    Attributes:
        coupled: whether the halves share their random numbers: the same Weibull or
            exponential variable; the normal as a uniform part of the Maxwell; the gamma or
            Poisson as a part of the larger one. Otherwise the coordinate is drawn
            independently in the two.

    References:
        Pflug (1989), Sampling derivatives of probabilities.
        Heidergott, Vázquez-Abad & Volk-Makarewicz (2008), Sensitivity estimation for
        Gaussian systems: the coupling of Maxwell and normal.
        Rosca, Figurnov, Mohamed & Mnih (2019), Measure-valued derivatives for approximate
        Bayesian inference.
        Mohamed et al. (2020), Monte Carlo gradient estimation in machine learning, §6.
    """

    bias: ClassVar[Claim] = "unbiased"
    coupled: bool = True

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        p = problem.distribution(theta)
        if (p.base_dist if isinstance(p, Independent) else p).event_shape:
            raise NotApplicable("the coordinates of x are not independent")
        law = component(p)
        x = p.sample((sample_size,))  # [N, R, (B,) *event]
        arguments = arguments_of(law)
        with torch.no_grad():
            drawn = Drawn(self.coupled)
            split = [(ω, halves(law, x, drawn)) for ω, halves in arguments]
        # A half that is p itself has the cost of the sample.
        shared = any(halves.plus is None or halves.minus is None for _, halves in split)
        cost = problem.cost(x, theta) if shared else theta.new_zeros(())  # [N, R, (B)]
        surrogate = theta.new_zeros(p.batch_shape)  # [R, (B)]
        depends = not split  # whether f depends on θ itself
        for ω, halves in split:
            derivative = torch.empty_like(halves.constant)  # [R, (B,) *event]
            # One coordinate at a time: the engine sized the rows for one set of samples.
            for index in itertools.product(*map(range, p.event_shape)):
                at: Any = (..., *index)
                up, down = (
                    cost if samples is None else problem.cost(_moved(x, samples, at), theta)
                    for samples in (halves.plus, halves.minus)
                )  # [N, R, (B)] each
                depends = depends or up.requires_grad or down.requires_grad
                derivative[at] = (up.detach() - down.detach()).mean(0)
            surrogate = surrogate + (ω * halves.constant * derivative).reshape(*p.batch_shape, -1).sum(-1)
        if depends and not shared:
            cost = problem.cost(x, theta)
        return gradient_of(theta, surrogate, cost, problem.analytic_term(theta, p))

    def exact_moments(self, draws: SingleDraws, sample_size: int) -> ExactMoments:
        """Given x the differences of costs are independent: their means and variances are averaged over x."""
        theta = draws.problem.theta[None].requires_grad_()  # [1, P]
        p = draws.problem.distribution(theta)
        if (p.base_dist if isinstance(p, Independent) else p).event_shape:
            raise NotApplicable("the coordinates of x are not independent")
        law = component(p)
        mean = draws.cost_gradient.clone()  # [S, P], of the estimate from x
        spread = torch.zeros_like(theta[0])  # [P], the mean of its variance
        for ω, halves in arguments_of(law):
            for index in itertools.product(*map(range, p.event_shape)):
                at: Any = (..., *index)
                difference = _difference(draws, law, halves, self.coupled, at)
                (slope,) = torch.autograd.grad(ω[at].sum(), theta, retain_graph=True)  # [1, P]
                slope = slope * difference.constant
                mean += difference.mean[:, None] * slope
                spread += draws.expectation(difference.variance) * slope[0].square()
        center = draws.expectation(mean)  # [P]
        variance = draws.expectation((mean - center).square()) + spread  # [P]
        term = gradient_of(theta, draws.problem.analytic_term(theta, p))[0]  # [P]
        unknown = torch.full_like(center, torch.nan)
        kurtosis = dict.fromkeys(draws.blocks, math.nan)
        return ExactMoments(center + term, variance / sample_size, unknown, kurtosis)


class Difference(NamedTuple):
    """A cost under p₊ less one under p₋, given x: its mean and variance, `[S]`, and the constant c."""

    constant: Tensor
    mean: Tensor
    variance: Tensor


def _difference(draws: SingleDraws, law: Any, halves: Decomposition, coupled: bool, at: Any) -> Difference:
    """Integrate over the noise of one coordinate: an exponential variable t²/2, t of density t exp(−t²/2)."""
    if not coupled and len(at) > 1 and draws.x.shape[-1] > 1:
        raise NotApplicable("its halves are drawn apart, beside coordinates that they share")
    t, weights = _panels(37 if draws.check else 29)  # [T] each
    weights = weights * t * (-t.square() / 2).exp()
    S, T = len(draws.x), len(t)
    x = draws.x.repeat_interleave(T, 0)  # [S·T, 1, *event]
    e = (t.square() / 2).repeat(S).reshape(-1, *[1] * (x.dim() - 1))
    theta = draws.problem.theta[None]  # [1, P]
    with torch.no_grad():
        constant, *sides = halves(law, x, Integrated(coupled, e.expand_as(x)))
        plus, minus = (
            None if y is None else draws.problem.cost(_moved(x, y, at), theta).reshape(S, T) for y in sides
        )

    def moments(values: Tensor) -> tuple[Tensor, Tensor]:
        """Given x, `[S]` each."""
        mean = values @ weights
        return mean, (values - mean[:, None]).square() @ weights

    own = draws.cost  # [S], of a half that is p itself
    if coupled:
        up, down = (own[:, None] if values is None else values for values in (plus, minus))
        mean, variance = moments((up - down).expand(S, T))
        return Difference(constant[at], mean, variance)
    mean, variance = torch.zeros_like(own), torch.zeros_like(own)
    for sign, values in ((1, plus), (-1, minus)):
        if values is None:
            mean = mean + sign * own
        else:  # of samples that have nothing to do with x
            given, rest = moments(values)
            center = draws.expectation(given)
            mean = mean + sign * center
            variance = variance + draws.expectation((given - center).square() + rest)
    return Difference(constant[at], mean, variance)


def _panels(count: int) -> tuple[Tensor, Tensor]:
    """Gauss–Legendre of order 8 on panels of [0, 10], beyond which exp(−t²/2) is negligible; `[T]` each."""
    nodes, weights = np.polynomial.legendre.leggauss(8)
    half = 5 / count
    centers = half * (2 * np.arange(count) + 1)
    t = (centers[:, None] + half * nodes).ravel()
    return torch.from_numpy(t), torch.from_numpy(np.tile(half * weights, count))


def _moved(x: Tensor, samples: Tensor, at: Any) -> Tensor:
    """x with one coordinate of the samples in the place of its own, `[N, R, (B,) *event]`."""
    if len(at) == 1:
        return samples
    moved = x.clone()
    moved[at] = samples[at]
    return moved
