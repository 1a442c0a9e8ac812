"""RODEO: leave-one-out baselines with discrete Stein operators on surrogates of the cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from bench.centering import centered
from bench.distributions.choices import choices_of
from bench.estimator import Claim, Estimator, NotApplicable, gradient_of
from bench.exact import ExactMoments, SingleDraws
from bench.problem import Problem
from estimators.gibbs_moves import GibbsMoves
from estimators.relaxed_slopes import cost_and_slope
from estimators.surrogates import Functions, functions

_ESTIMATES = 1024  # to which the coefficients are fitted
_NUMBERS, _BLOCKS = 1 << 18, 64  # of them as many at once as hold so many numbers, or one; at most so often


@dataclass(frozen=True)
class Rodeo(Estimator):
    r"""Controls baselines and scores by what a Gibbs sampler would make of a surrogate that the others tell.

    With the generator A of a Gibbs sampler, of mean zero for any function of x, and K samples,

    .. math:: \hat g = \frac{1}{K} \sum_k \Big[\Big(f(x_k) - \frac{1}{K - 1} \sum_{j \ne k}
        \big(f(x_j) + (A h_j)(x_j)\big)\Big) \nabla_\theta \log p(x_k; \theta)
        + (A \tilde h_k \nabla_\theta \log p)(x_k)\Big].

    The surrogates of sample k are made of the other samples' costs and slopes, by polynomials of degree two
    of what f is at one of them and of how it changes from there along its slope:

    .. math:: h_k(y) = \frac{1}{K - 1} \sum_{j \ne k} H\big(f(x_j), \nabla f(x_j)^T (y - x_j)\big),
        \quad H(a, \delta) = c_1 \delta + c_2 a \delta + c_3 \delta^2,

    and :math:`\tilde h_k` likewise with six coefficients, of 1, a, a², δ, aδ and δ². From the paper are the
    estimator, the generator, and surrogates that are functions of a and δ. Simpler is what functions: the
    paper has small networks, trained along with the model to minimize the squared norm of the estimates; here
    the nine coefficients minimize the total variance of up to 1024 estimates, by least squares, before any is
    measured. They are the same for all items, and costs count in standard deviations from their mean over
    such samples. Without them it is the leave-one-out baseline.

    Needs x of independent choices among finitely many classes, and a cost that is differentiable between
    them. Each estimate has N = K ≥ 2 samples, at which it evaluates f and its gradient; f is not evaluated at
    neighbors, where the surrogates take its place, whose cost is in the time alone.

    References:
        Shi, Zhou, Hwang, Titsias & Mackey (2022), Gradient estimation with discrete Stein operators.
    """

    bias: ClassVar[Claim] = "unbiased"
    minimum_sample_size = 2

    def evaluations(self, problem: Problem, sample_size: int) -> int:
        return sample_size

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        return _Fitted(0.0, 0.0, (0.0,) * 9).gradient(problem, theta, sample_size)

    def fitted(self, problem: Problem, theta: Tensor, sample_size: int) -> Estimator:
        return _least_squares(problem, theta, sample_size)

    def exact_moments(self, draws: SingleDraws, sample_size: int) -> ExactMoments:
        return draws.of_group(self, sample_size)


@dataclass(frozen=True)
class _Fitted(Rodeo):
    """RODEO with the place and the unit of costs, and with the coefficients of h (3) and of h̃ (6)."""

    center: float
    unit: float
    coefficients: tuple[float, ...]

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        group = _group(problem, theta, sample_size)
        known = group.functions(self.center, self.unit)
        c = list(self.coefficients)
        drift = group.moves.operator(*known.combined(_NONE, c[:3]))  # [K, R, (B)]
        weight = centered(group.cost) - _mean_of_others(drift)
        term = group.moves.score_term(weight, *known.combined(c[3:6], c[6:]))
        return gradient_of(theta, term, group.cost, group.analytic)


class _Group(NamedTuple):
    """K samples of each row: their moves, costs, `[K, R, (B)]`, and slopes, `[K, R, (B,) *shape, C]`."""

    moves: GibbsMoves
    cost: Tensor
    slope: Tensor
    analytic: Tensor | None

    def functions(self, center: float, unit: float) -> Functions:
        """Those of which surrogates are made."""
        return functions(self.moves, self.cost.detach() - center, self.slope, unit)

    def apart(self, theta: Tensor, known: Functions) -> Tensor:
        """Leave-one-out estimates and, for each coefficient, what one of 1 adds to them, `[10, R, P]`."""
        none = torch.zeros_like(self.cost)
        nowhere = torch.zeros_like(self.moves.rates)
        terms = [self.moves.score_term(centered(self.cost), none, nowhere)]
        for change in _UNITS:
            drift = self.moves.operator(*known.combined(_NONE, change))
            terms.append(self.moves.score_term(-_mean_of_others(drift), none, nowhere))
        for level, change in [*((unit, _NONE) for unit in _UNITS), *((_NONE, unit) for unit in _UNITS)]:
            terms.append(self.moves.score_term(none, *known.combined(level, change)))
        found = [gradient_of(theta, term, keep_graph=True) for term in terms[1:]]
        plain = gradient_of(theta, terms[0], self.cost, self.analytic)
        return torch.stack([plain, *found]).double()


_NONE = (0.0, 0.0, 0.0)
_UNITS = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


def _mean_of_others(values: Tensor) -> Tensor:
    return (values.sum(0) - values) / (len(values) - 1)


def _group(problem: Problem, theta: Tensor, sample_size: int) -> _Group:
    if sample_size < 2:
        raise NotApplicable("its surrogates are made of the other samples, and N is 1")
    p = problem.distribution(theta)
    choices = choices_of(p)
    x = p.sample((sample_size,))  # [K, R, (B,) *event]
    cost, slope = cost_and_slope(problem, choices.corner_of(x), theta)
    moves = GibbsMoves(choices, x)
    return _Group(moves, cost, choices.by_class(slope), problem.analytic_term(theta, p))


def _least_squares(problem: Problem, theta: Tensor, sample_size: int) -> _Fitted:
    """The coefficients that minimize the total variance of independent estimates."""
    with torch.no_grad():
        p = problem.distribution(theta[:_ESTIMATES])
        cost = problem.cost(p.sample((sample_size,)), theta[:_ESTIMATES]).double()
    center, unit = float(cost.mean()), float(cost.std())
    each = sample_size * choices_of(problem.distribution(theta[:1])).log_masses.numel()
    rows = max(1, min(len(theta), _ESTIMATES, _NUMBERS // each))
    theta, blocks = theta[:rows], min(_BLOCKS, -(-_ESTIMATES // rows))
    total = torch.zeros(10, theta.shape[1], dtype=torch.float64, device=theta.device)  # [10, P]
    product = torch.zeros(10, 10, dtype=torch.float64, device=theta.device)
    for _ in range(blocks):
        group = _group(problem, theta, sample_size)
        found = group.apart(theta, group.functions(center, unit))  # [10, R', P]
        total, product = total + found.sum(1), product + torch.einsum("mrp,nrp->mn", found, found)
    covariance = product - total @ total.T / (blocks * rows)  # [10, 10], summed over the coordinates of θ
    return _Fitted(center, unit, tuple(_solved(covariance).tolist()))


def _solved(covariance: Tensor) -> Tensor:
    """The coefficients, `[9]`, of controls that may depend on one another, as on a single choice."""
    scale = covariance.diagonal()[1:].sqrt()  # [9]
    inverse = torch.where(scale > 0, 1 / scale, 0.0)
    correlation = inverse[:, None] * covariance[1:, 1:] * inverse
    slopes: Tensor = torch.linalg.pinv(correlation, rtol=1e-8, hermitian=True) @ (inverse * covariance[1:, 0])
    return -inverse * slopes
