"""Mean, variance and tails of an estimate, known by a sum over the values of x instead of by sampling."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from bench.distributions.replay import follow
from bench.estimator import Estimator, gradient_of
from bench.problem import NotApplicable, Points, Problem
from bench.statistics.known import ExactMoments

__all__ = ["ExactMoments", "SingleDraws", "exact_moments", "single_draws"]

# So many numbers of rows of theta, or of samples, are formed at once.
_NUMBERS = 1 << 20
# Of more parameters the covariance is not formed, and the kurtosis not known.
_FEW_PARAMETERS = 512
# Groups of values are enumerated up to that many: a second or so.
_MOST_GROUPS = 1 << 16
# Two rules whose variances differ by more know neither.
_AGREEMENT = 1e-6


class SingleDraws:
    """All values that a single draw of x can have, with their probabilities, at a problem's theta.

    Args:
        problem: in float64 on the CPU.
        points: of the problem.
        blocks: the reported blocks of coordinates, by name.
        check: whether they are those of the second rule; noise that an estimator adds is then integrated
            over by a second rule too.
    """

    def __init__(
        self, problem: Problem, points: Points, blocks: Mapping[str, slice], check: bool = False
    ) -> None:
        self.problem, self.blocks, self.check = problem, blocks, check
        self.x, self.weights, self.power = points

    def expectation(self, values: Tensor) -> Tensor:
        """Return Σ_s w_s v_s, `[S, ...] -> [...]`."""
        mean: Tensor = torch.tensordot(self.weights, values, 1)
        return mean

    @cached_property
    def cost(self) -> Tensor:
        """f(x), `[S]`."""
        theta = self.problem.theta[None]  # [1, P]
        with torch.no_grad():
            return self.problem.cost(self.x, theta).reshape(-1)  # [S]

    @cached_property
    def mean_cost(self) -> float:
        """E f."""
        return float(self.expectation(self.cost))

    @cached_property
    def cost_variance(self) -> float:
        """Var f."""
        return float(self.expectation((self.cost - self.mean_cost).square()))

    @cached_property
    def score(self) -> Tensor:
        """∇ log p(x), `[S, P]`."""
        parts = []
        for x, theta in self._rows():
            log_prob = self.problem.distribution(theta).log_prob(x)  # [1, rows]
            parts.append(gradient_of(theta, log_prob))  # [rows, P]
        return torch.cat(parts)

    @cached_property
    def cost_gradient(self) -> Tensor:
        """∇_θ f(x, θ) at fixed x, `[S, P]`."""
        parts = [gradient_of(theta, self.problem.cost(x, theta)) for x, theta in self._rows()]
        return torch.cat(parts)

    def of_mean(self, estimator: Estimator, sample_size: int) -> ExactMoments:
        """Return the moments of a mean of N independent estimates from one sample each."""
        return self.moments(lambda: self._weighed(estimator, 1), sample_size)

    def of_group(self, estimator: Estimator, sample_size: int) -> ExactMoments:
        """Return the moments of an estimate that the values of N samples make, by all groups of N values.

        The samples are drawn by a single call of `sample` or `rsample`, and nothing else is.

        Raises:
            NotApplicable: if there are too many groups.
        """
        if sample_size * math.log(len(self.weights)) > math.log(_MOST_GROUPS) + 1e-9:
            groups = f"{len(self.weights)}^{sample_size}"
            raise NotApplicable(
                f"its samples have {groups} values, and at most {_MOST_GROUPS} are enumerated"
            )
        return self.moments(lambda: self._weighed(estimator, sample_size), 1)

    def moments(
        self, weighed: Callable[[], Iterator[tuple[Tensor, Tensor]]], sample_size: int
    ) -> ExactMoments:
        """Return the moments of a mean of N independent estimates; see `moments_of_values`."""
        return moments_of_values(weighed, self.problem.theta, self.blocks, self.power, sample_size)

    def _weighed(self, estimator: Estimator, group: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Weights `[rows]`, and estimates `[rows, P]` from groups of values."""
        S, before = len(self.weights), torch.get_rng_state()
        widest = max(len(self.problem.theta), group * self.problem.width)
        for places in torch.arange(S**group).split(max(1, _NUMBERS // widest)):  # type: ignore[no-untyped-call]
            which = torch.stack(torch.unravel_index(places, [S] * group))  # [N, rows]
            theta = self.problem.theta.expand(len(places), -1).requires_grad_()  # [rows, P]
            x = self.x[which, 0]  # [N, rows, *event]
            found = estimator.gradient(_drawing(self.problem, x), theta, group).detach()  # [rows, P]
            if not torch.equal(before, torch.get_rng_state()):
                raise NotApplicable("it draws more than one x")
            yield self.weights[which].prod(0), found.to(torch.float64)

    def _rows(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Values of x as one sample in each of some rows, `[1, rows, *event]`, and theta, `[rows, P]`."""
        widest = max(len(self.problem.theta), self.problem.width)
        for x in self.x.split(max(1, _NUMBERS // widest)):  # type: ignore[no-untyped-call]
            theta = self.problem.theta.expand(len(x), -1).requires_grad_()  # [rows, P]
            yield x.transpose(0, 1), theta


def moments_of_values(
    weighed: Callable[[], Iterator[tuple[Tensor, Tensor]]],
    theta: Tensor,
    blocks: Mapping[str, slice],
    power: int = 4,
    sample_size: int = 1,
) -> ExactMoments:
    r"""Return the moments of a mean of N independent estimates that have finitely many values.

    With d the deviation of one of them from its mean, and Σ its covariance,

    .. math:: E|\bar d|^4 = \frac{E|d|^4 + (N - 1)((\mathrm{tr}\,\Sigma)^2
        + 2\, \mathrm{tr}(\Sigma^2))}{N^3}

    Args:
        weighed: goes through the values of one of them, `[rows, P]`, each part with its
            probabilities, `[rows]`; it is called twice.
        theta: `[P]`.
        blocks: the reported blocks of coordinates, by name.
        power: up to which power the sums hold, see `Points`.
        sample_size: N.
    """
    N = sample_size
    mean = sum((w @ part for w, part in weighed()), torch.zeros_like(theta))  # [P]
    second, third = torch.zeros_like(mean), torch.zeros_like(mean)  # [P]
    fourth = dict.fromkeys(blocks, 0.0)
    few, known = len(mean) <= _FEW_PARAMETERS, power >= 4
    covariance = mean.new_zeros((len(mean), len(mean)) if few else (0, 0))  # [P, P]
    for w, part in weighed():
        d = part - mean  # [rows, P]
        second += w @ d.square()
        third += w @ d**3
        if few:
            covariance += (w[:, None] * d).T @ d
            for name, block in blocks.items():
                fourth[name] += float(w @ d[:, block].square().sum(1).square())
    skewness = third / second.clamp(min=0) ** 1.5 / math.sqrt(N)  # [P]
    return ExactMoments(
        mean,
        second / N,
        torch.where(second > 0, skewness, 0.0) if known else skewness * math.nan,
        {
            name: _kurtosis(covariance[block, block], fourth[name], N) if known and few else math.nan
            for name, block in blocks.items()
        },
    )


def _kurtosis(covariance: Tensor, fourth: float, sample_size: int) -> float:
    trace = float(covariance.trace())
    if not trace > 0:
        return math.nan
    of_pairs = 1 + 2 * float(covariance.square().sum()) / trace**2
    return (fourth / trace**2 + (sample_size - 1) * of_pairs) / sample_size


def _drawing(problem: Problem, x: Tensor) -> Problem:
    """A copy of the problem whose distribution draws the given x, `[N, R, *event]`, and nothing else."""
    copied = copy.copy(problem)

    def distribution(theta: Tensor) -> Any:
        p: Any = problem.distribution(theta)

        def sample(shape: Any = ()) -> Tensor:
            if tuple(shape) != x.shape[:1]:
                raise NotApplicable("it draws more than one x")
            return x

        p.sample = sample
        p.rsample = lambda shape=(): follow(p, sample(shape))
        return p

    vars(copied)["distribution"] = distribution
    return copied


def exact_moments(
    estimator: Estimator, sample_size: int, draws: tuple[SingleDraws, SingleDraws | None]
) -> ExactMoments:
    """The moments of an estimate, by the estimator's own declaration, checked by a second rule.

    Args:
        estimator: already fitted.
        sample_size: N.
        draws: of the problem, by the rule and, where the points are those of a quadrature, its check.

    Raises:
        NotApplicable: if they are not known.
    """
    first = estimator.exact_moments(draws[0], sample_size)
    if not bool((first.mean.isfinite() & first.variance.isfinite()).all()):
        raise NotApplicable("its exact variance is not finite")
    if draws[1] is None:
        return first
    second = estimator.exact_moments(draws[1], sample_size)
    scale = float(first.variance.sum())
    if not float((first.variance - second.variance).abs().sum()) <= _AGREEMENT * scale:
        raise NotApplicable("two rules for its variance differ")
    return replace(first, **_agreed(first, second))


def _agreed(first: ExactMoments, second: ExactMoments) -> dict[str, Any]:
    """Higher moments on which both rules agree, to a percent: they only tell how wide an error is."""
    return {
        "skewness": torch.where(
            (first.skewness - second.skewness).abs() <= 0.01 * (1 + first.skewness.abs()),
            first.skewness,
            math.nan,
        ),
        "kurtosis": {
            name: value if math.isclose(value, second.kurtosis[name], rel_tol=0.01) else math.nan
            for name, value in first.kurtosis.items()
        },
    }


def single_draws(problem: Problem, blocks: Mapping[str, slice]) -> tuple[SingleDraws, SingleDraws | None]:
    """The draws of a problem in float64 on the CPU, and those of a second rule if there is one.

    Raises:
        NotApplicable: if x can be neither enumerated nor integrated over.
    """
    points, check = problem.points(), problem.points(check=True)
    same = points.x.shape == check.x.shape and torch.equal(points.x, check.x)
    first = SingleDraws(problem, points, blocks)
    return first, None if same else SingleDraws(problem, check, blocks, check=True)
