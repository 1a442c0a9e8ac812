"""The estimator that sums over an unordered set of values that are drawn without replacement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor
from torch.distributions import Distribution

from bench.estimator import Claim, Estimator, gradient_of
from bench.exact import ExactMoments, SingleDraws
from bench.problem import Problem
from estimators.set_outcomes import every_set, laid, moments_of, values_at_theta
from estimators.without_replacement import Chosen, FiniteValues, check_size, set_probabilities

# Each set has 2^k subsets, of which all are looked at.
_LARGEST_SET = 10


@dataclass(frozen=True)
class UnorderedSet(Estimator):
    r"""Sums over k values that are drawn without replacement, each over the probability that it is drawn.

    .. math:: \nabla_\theta E[f(x)] = E\Big[\sum_{i \in S} R_i (f_i - B_i) \nabla_\theta \pi_i\Big], \quad
        R_i = \frac{P(S \setminus i \mid i)}{P(S)},

    where P(S) is the probability of the set S, and :math:`P(S \setminus i \mid i)` that of its other values
    once i was drawn: the score function of the first value, Rao-Blackwellized by the order of drawing. The
    baseline that is built in estimates E[f] from the same set,

    .. math:: B_i = \sum_{j \in S} \pi_j R_{ij} f_j, \quad
        R_{ij} = \frac{P(S \setminus \{i, j\} \mid i, j)}{P(S \setminus i \mid i)}, \quad R_{ii} = 1.

    The gradient of an f that depends on θ itself is added with the weights π_i R_i. An estimate is the
    mean over N independent sets.

    Needs x with at least k values, at most 4096: a categorical variable, or a vector of few binary ones; f
    may be discontinuous. Each estimate evaluates f at N k values; P(S) takes of the order of k 2^k sums.

    Attributes:
        k: the size of a set, at most 10; with a baseline at least 2, as the only value of a set would be
            its own baseline.
        baseline: `none` or `built_in`.

    References:
        Kool, van Hoof & Welling (2020), Estimating gradients for discrete random variables by sampling
        without replacement.
    """

    bias: ClassVar[Claim] = "unbiased"
    k: int = 2
    baseline: Literal["none", "built_in"] = "none"

    def __post_init__(self) -> None:
        check_size(self.k)
        if self.k > _LARGEST_SET:
            raise ValueError(f"k must be at most {_LARGEST_SET}, got {self.k}: a set has 2^k subsets")
        if self.baseline == "built_in" and self.k < 2:
            raise ValueError(f"k must be at least 2 with the baseline built_in, got {self.k}")

    def evaluations(self, problem: Problem, sample_size: int) -> int:
        return sample_size * self.k

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        p = problem.distribution(theta)
        values = FiniteValues(p, self.k)
        return self.of_sets(problem, theta, p, values, values.drawn(sample_size, self.k))

    def of_sets(
        self, problem: Problem, theta: Tensor, p: Distribution, values: FiniteValues, sets: Chosen
    ) -> Tensor:
        """The estimate from N sets, `[R, P]`."""
        found = set_probabilities(sets.probs, sets.rest)
        weights = (sets.probs * found.ratios).to(theta.dtype)  # [N, R, (B), k]
        x = values.at(sets.places)  # [k N, R, (B,) *event]
        cost = problem.cost(x, theta)  # [k N, R, (B)]
        f = cost.detach().view(self.k, -1, *cost.shape[1:]).movedim(0, -1)  # [N, R, (B), k]
        if self.baseline == "built_in":
            shares = (sets.probs[..., None, :] * found.second_ratios).to(theta.dtype)  # [N, R, (B), k, k]
            f = f - (shares @ f[..., None])[..., 0]
        # A mean over k is meant where we want the sum.
        of_score, of_cost = (
            self.k * each.movedim(-1, 0).flatten(0, 1) for each in (weights * f, weights)
        )  # [k N, R, (B)] each
        term = problem.analytic_term(theta, p)
        return gradient_of(theta, (p.log_prob(x), of_score), (cost, of_cost), term)

    def exact_moments(self, draws: SingleDraws, sample_size: int) -> ExactMoments:
        """One outcome for each set."""
        values = values_at_theta(draws, self.k)
        sets, weights, _ = every_set(values, self.k, 1)

        def estimate(theta: Tensor, part: slice) -> Tensor:
            p = draws.problem.distribution(theta)
            rows = Chosen(*(laid(each[part], p) for each in sets))
            return self.of_sets(draws.problem, theta, p, values, rows)

        return moments_of(draws, sample_size, weights, estimate)
