"""The GO estimator: a pathwise gradient of discrete x, by differences of the cost between neighbors."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor
from torch.distributions import Bernoulli, Binomial, Categorical, Geometric, Independent, Poisson

from bench.distributions.families import component
from bench.distributions.masses import odds
from bench.estimator import Claim, Estimator, gradient_of
from bench.problem import NotApplicable, Problem


@dataclass(frozen=True)
class Go(Estimator):
    r"""Weighs the difference of the costs at x + 1 and at x by the slope of the distribution function.

    .. math:: \nabla_\theta E[f(x)] = E\Big[\sum_d G_d(x_d)\, (f(x_{-d}, x_d + 1) - f(x))\Big], \quad
        G_d(x) = -\frac{\nabla_\theta F_d(x; \theta)}{p_d(x; \theta)},

    a summation by parts, where F_d is the distribution function of the d-th number. At the largest value
    that x_d can have F_d is 1, and G_d zero. E[∇_θ f(x, θ)] is added where f depends on θ itself.

    ============ ===== =====================
    distribution     ω                     G
    ============ ===== =====================
    poisson      rate  1
    geometric    probs −(x + 1)/p
    binomial     probs (n − x)/(1 − p)
    bernoulli    probs (1 − x)/(1 − p)
    categorical  π     −∂(π_0 + … + π_x)/π_x
    ============ ===== =====================

    A warning of rare classes: G divides by π_x, so that the variance grows as 1/π_x with a rare class between
    likely ones. With one that comes last it does not.

    Needs x Poisson, geometric, binomial, Bernoulli or a number of a class, or a vector of independent draws
    of such a distribution; f may be discontinuous, and is not differentiated in x. Each estimate evaluates f
    at N (D + 1) values, with D the length of x.

    References:
        Cong, Zhao, Bai & Carin (2019), GO gradient for expectation-based objectives.
    """

    bias: ClassVar[Claim] = "unbiased"
    averages = True

    def evaluations(self, problem: Problem, sample_size: int) -> int:
        event = problem.distribution(problem.theta[None]).event_shape
        return sample_size * (math.prod(event) + 1)

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        p = problem.distribution(theta)
        if (p.base_dist if isinstance(p, Independent) else p).event_shape:
            raise NotApplicable("the coordinates of x are not independent")
        single = component(p)
        family = _family_of(single)
        x = p.sample((sample_size,))  # [N, R, (B,) *event]
        cost = problem.cost(x, theta)  # [N, R, (B)]
        differences = torch.empty(x.shape, dtype=cost.dtype, device=x.device)  # [N, R, (B,) *event]
        with torch.no_grad():
            # Beyond the largest value f need not be defined.
            above = torch.minimum(x + 1, torch.as_tensor(family.largest(single), device=x.device))
            # One coordinate at a time: the engine sized the rows for one set of samples.
            for index in itertools.product(*map(range, p.event_shape)):
                at: Any = (..., *index)
                moved = x.clone()
                moved[at] = above[at]
                differences[at] = problem.cost(moved, theta) - cost
        y, weights = family.slope(single, x, differences)
        count = y.numel() // math.prod(p.batch_shape)  # a sum over them is meant
        return gradient_of(theta, (y, weights * count), cost, problem.analytic_term(theta, p))


class Family(NamedTuple):
    """A family of distributions of whole numbers.

    Attributes:
        largest: the largest value of x.
        slope: from a distribution, samples and differences of costs, `[N, R, (B,) *event]` each, to a y that
            is differentiable and weights w, of one shape, with Σ w ∇y = Σ over the event of the mean of
            G times the difference.
    """

    largest: Callable[[Any], Any]
    slope: Callable[[Any, Tensor, Tensor], tuple[Tensor, Tensor]]


def _poisson(law: Poisson, _: Tensor, differences: Tensor) -> tuple[Tensor, Tensor]:
    # ∂F(x)/∂λ = −p(x).
    return law.rate, differences.mean(0)


def _geometric(law: Geometric, x: Tensor, differences: Tensor) -> tuple[Tensor, Tensor]:
    # F(x) = 1 − (1 − p)^(x + 1).
    yes, _ = odds(law)
    yes = yes.squeeze(-1)  # [R, (B,) *event]
    return yes, -((x + 1) * differences).mean(0) / yes.detach()


def _binomial(law: Bernoulli | Binomial, x: Tensor, differences: Tensor) -> tuple[Tensor, Tensor]:
    # ∂F(x; n)/∂p = −n p(x; n − 1), and p(x; n − 1) / p(x; n) = (n − x) / (n (1 − p)).
    _, no = odds(law)
    no = no.squeeze(-1)  # [R, (B,) *event]
    weighed = -((_largest_count(law) - x) * differences).mean(0)  # [R, (B,) *event]
    # Of no failure ever nothing else than x = n is drawn.
    return no, torch.where(weighed == 0, 0.0, weighed / no.detach())


def _categorical(law: Categorical, x: Tensor, differences: Tensor) -> tuple[Tensor, Tensor]:
    probs = law.probs  # [R, (B,) *event, C]
    fixed = probs.detach()
    place = x.long().movedim(0, -1)  # [R, (B,) *event, N]
    each = differences.movedim(0, -1) / fixed.gather(-1, place) / len(x)
    of_class = torch.zeros_like(fixed).scatter_add_(-1, place, each)  # [R, (B,) *event, C]
    # −∂F is −Σ ∂π up to x, and as well Σ ∂π beyond it: the smaller of the two has all its digits.
    near = torch.where(fixed.cumsum(-1) < 0.5, of_class, 0.0)
    far = of_class - near
    up_to = near.flip(-1).cumsum(-1).flip(-1)  # Σ of x from this class on
    beyond = far.cumsum(-1) - far  # Σ of x below it
    return probs, beyond - up_to


def _largest_count(law: Bernoulli | Binomial) -> Any:
    return law.total_count if isinstance(law, Binomial) else 1


_FAMILIES: Mapping[type, Family] = {
    Bernoulli: Family(_largest_count, _binomial),
    Binomial: Family(_largest_count, _binomial),
    Categorical: Family(lambda law: law.probs.shape[-1] - 1, _categorical),
    Geometric: Family(lambda _: math.inf, _geometric),
    Poisson: Family(lambda _: math.inf, _poisson),
}


def _family_of(law: Any) -> Family:
    found = next((family for cls, family in _FAMILIES.items() if isinstance(law, cls)), None)
    if found is None:
        raise NotApplicable(f"no slope of the distribution function is known of a {type(law).__name__}")
    return found
