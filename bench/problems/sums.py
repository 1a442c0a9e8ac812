"""Expectations of a cost of discrete numbers, by sums over their values."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import torch
from flint import acb, arb, ctx
from torch import Tensor
from torch.distributions import Binomial, Distribution, Poisson

from bench.balls import BITS, Within
from bench.distributions.by_counter import Geometric
from bench.distributions.families import component
from bench.distributions.masses import masses
from bench.formula import Formula
from bench.formula.balls import Enclosure
from bench.formula.splitting import Split
from bench.problem import NotApplicable, Points

STATES = 1 << 20
"""The most values that are enumerated."""
_AT_ONCE = 1 << 16  # states for which the cost is computed together
# Minus the logarithm of what is left out, as a part of the largest term: e^−50 = 2e-22, and less.
NEGLIGIBLE, NOTHING = 50.0, 70.0
_LEAST = -700.0  # the logarithm of a term that no sum is smaller than
_GROWTH = 1.05
_FARTHEST = 2.0**62

# The logarithm of the probability of k, and about where it is largest; it falls on both sides of that.
_LOG_MASS: dict[type[Distribution], Callable[[float, arb], arb]] = {
    Poisson: lambda rate, k: k * arb(rate).log() - rate - (k + 1).lgamma(),
    Geometric: lambda fail, k: k * arb(fail).log() + (1 - arb(fail)).log(),
}


@dataclass(frozen=True)
class Sum:
    """E[f(z)] by a sum over values: of all numbers together, or of each by itself where the cost splits.

    Attributes:
        formula: the cost.
        p: the distribution of z at a theta, `[1]`, in float64; it decides which values of infinitely
            many matter.
        dimensions: of z; 0 if z is a number.

    Raises:
        NotApplicable: by each method, if there are too many values or the sum does not converge.
    """

    formula: Formula
    p: Distribution
    dimensions: int
    _values: dict[float, list[Tensor]] = field(default_factory=dict, init=False, repr=False)
    _costs: dict[float, list[Tensor]] = field(default_factory=dict, init=False, repr=False)

    def value(self, p: Distribution) -> Tensor:
        """Return the expectation under p, `[R]`, differentiable."""
        return self._expectation(p, NEGLIGIBLE)

    def check(self, p: Distribution) -> Tensor:
        """Return the same with more values, where they are infinitely many."""
        infinite = type(component(p)) in _LOG_MASS
        return self._expectation(p, NOTHING if infinite else NEGLIGIBLE)

    def points(self, check: bool) -> Points:
        """Return all values and their probabilities."""
        supports = self._supports(NOTHING if check else NEGLIGIBLE)
        if math.prod(len(values) for values in supports) > STATES:
            raise NotApplicable(f"there are more than {STATES} values")
        probabilities = marginals(component(self.p), supports, self.dimensions)
        joint = probabilities[0][0]  # [S]
        for p in probabilities[1:]:
            joint = (joint[:, None] * p[0]).flatten()
        states = _combined(supports, torch.arange(len(joint)))[:, None]  # [S, 1, D or 1]
        return Points(states if self.dimensions else states[..., 0], joint, 4)

    def _expectation(self, p: Distribution, left_out: float) -> Tensor:
        supports = self._supports(left_out)
        probabilities = marginals(component(p), supports, self.dimensions)
        split = self.formula.split(self.dimensions)
        if left_out not in self._costs:
            self._costs[left_out] = self._costs_of(split, supports)
        costs = [each.to(probabilities[0].device) for each in self._costs[left_out]]
        if split is None:
            return mean_of_states(costs[0], probabilities)
        means = [p @ cost for p, cost in zip(probabilities, costs, strict=True)]  # [R] each
        return split.constant + torch.stack(means).sum(0)

    def _costs_of(self, split: Split | None, supports: Sequence[Tensor]) -> list[Tensor]:
        """The costs of the values of each number; of all combinations where the cost does not split."""
        if split is None:
            return [self._joint(supports)]
        pairs = zip(split.summands, supports, strict=True)
        return [g(x) if factor == 1 else factor * g(x) for (factor, g), x in pairs]

    def _joint(self, supports: Sequence[Tensor]) -> Tensor:
        return costs_of_states(supports, lambda z: self.formula(z, 1))

    @property
    def can_be_enumerated(self) -> bool:
        """Whether the cost splits, or there are not too many combinations of values."""
        if self.formula.split(self.dimensions) is not None:
            return True
        return math.prod(len(values) for values in self._supports(NEGLIGIBLE)) <= STATES

    def _supports(self, left_out: float) -> list[Tensor]:
        """The values of each number that matter."""
        if left_out not in self._values:
            single, split = component(self.p), self.formula.split(self.dimensions)
            self._values[left_out] = [
                support_of(single, d, split.summands[d][1].enclosure if split else any_power, left_out)
                for d in range(max(1, self.dimensions))
            ]
        return self._values[left_out]


def support_of(p: Distribution, d: int, cost: Enclosure, left_out: float = NEGLIGIBLE) -> Tensor:
    """The values of the d-th number that matter: all of them, where they are finitely many."""
    return _values_that_matter(p, d, cost, left_out) if type(p) in _LOG_MASS else _finite_support(p, d)


def costs_of_states(supports: Sequence[Tensor], cost: Callable[[Tensor], Tensor]) -> Tensor:
    """The cost of each combination of values, `[K₁, …, K_D]`.

    Args:
        supports: the values of each number.
        cost: of combinations, `[S, D] -> [S]`.

    Raises:
        NotApplicable: if there are too many.
    """
    sizes = [len(values) for values in supports]
    if math.prod(sizes) > STATES:
        raise NotApplicable(
            f"the cost does not split into a sum over the draws, and has over {STATES} values"
        )
    parts = torch.arange(math.prod(sizes)).split(_AT_ONCE)  # type: ignore[no-untyped-call]
    return torch.cat([cost(_combined(supports, part)) for part in parts]).reshape(sizes)


def any_power(z: acb, _within: Within) -> acb:
    """Stand in for a cost that couples numbers: it may not grow faster than this."""
    return 1 + z**8


def _finite_support(p: Distribution, d: int) -> Tensor:
    if isinstance(p, Binomial):
        count = float(p.total_count.reshape(-1)[d])
        if count >= STATES:
            raise NotApplicable(f"there are more than {STATES} values")
        return torch.arange(count + 1, dtype=torch.float64)
    return p.enumerate_support(expand=False).flatten().to(torch.float64)


def _values_that_matter(p: Distribution, d: int, cost: Enclosure, left_out: float) -> Tensor:
    """Return the values k of a count outside which the sum of |f(k)| k p(k) is negligible, `[S]`.

    Bounds are of whole intervals of k, in ball arithmetic, out to 2⁶².

    Args:
        p: a distribution of single numbers at one row of theta, `[1, (D)]`.
        d: which of the numbers.
        cost: f in ball arithmetic.
        left_out: minus the logarithm of what is negligible, as a part of the largest term.

    Raises:
        NotApplicable: if the sum does not converge, or has too many terms.
    """
    parameter = _of_mass(p, d)
    mode = math.floor(parameter) if isinstance(p, Poisson) else 0
    if parameter == 0:
        return torch.arange(4, dtype=torch.float64)  # those that have a slope there
    if parameter == 1 and isinstance(p, Geometric):
        raise NotApplicable("no success ever comes: z is infinite")
    log_mass = _LOG_MASS[type(p)]
    with ctx.workprec(BITS):
        above, below = _ladder(mode, _FARTHEST), [2 * mode - k for k in _ladder(mode, mode)]
        points = [_log_term(parameter, log_mass, cost, k, k) for k in (*above, *below)]
        limit = max(_LEAST, *(term for term in points if term < math.inf)) - left_out
        high, low = (_end(parameter, log_mass, cost, places, limit) for places in (above, below))
    if high == above[-1]:
        raise NotApplicable("no proof was found that the expectation of the cost converges")
    if high - low >= STATES:
        raise NotApplicable(f"there are more than {STATES} values that matter")
    return torch.arange(low, high + 1, dtype=torch.float64)


def _of_mass(p: Distribution, d: int) -> float:
    """The rate of a Poisson variable, or the probability of failure of a geometric one."""
    if isinstance(p, Poisson):
        return float(p.rate.detach().reshape(-1)[d])
    assert isinstance(p, Geometric)
    return 1 - float(p.probs.detach().reshape(-1)[d])


def _end(
    parameter: float,
    log_mass: Callable[[float, arb], arb],
    cost: Enclosure,
    places: Sequence[int],
    limit: float,
) -> int:
    """The place from which on no interval matters."""
    intervals = list(itertools.pairwise(places))
    matter = [far for near, far in intervals if not _log_term(parameter, log_mass, cost, near, far) < limit]
    return matter[-1] if matter else places[0]


def _ladder(start: int, reach: float) -> list[int]:
    """Whole numbers from `start` on that grow by a small factor, up to `reach` beyond it."""
    steps: Iterator[float] = itertools.takewhile(lambda x: x < reach, (_GROWTH**j for j in itertools.count()))
    return sorted({start, *(start + math.ceil(step) for step in steps), start + int(reach)})


def _log_term(
    parameter: float,
    log_mass: Callable[[float, arb], arb],
    cost: Enclosure,
    near: int,
    far: int,
) -> float:
    """A bound of log Σ |f(k)| (1 + k) p(k) over the k from `near`, where p is largest, to `far`."""
    ball = arb((arb(near) + far) / 2, arb(abs(far - near)) / 2)
    bound = cost(acb(ball), None).abs_upper() * (1 + abs(far - near)) * (1 + ball.abs_upper())
    found = float((bound.log() + log_mass(parameter, arb(near))).upper()) if bound > 0 else -math.inf
    return math.inf if math.isnan(found) else found


def _combined(supports: Sequence[Tensor], indices: Tensor) -> Tensor:
    """Return the combinations of values with certain numbers, in the order of a nested loop, `[S, D]`."""
    digits = torch.unravel_index(indices, [len(values) for values in supports])
    return torch.stack([values[digit] for values, digit in zip(supports, digits, strict=True)], -1)


def mean_of_states(costs: Tensor, probabilities: Sequence[Tensor]) -> Tensor:
    """Return Σ f(x₁, …, x_D) p₁(x₁) ⋯ p_D(x_D), one number at a time.

    Args:
        costs: `[K₁, …, K_D]`.
        probabilities: of the values of each number, `[R, K_d]`.

    Returns:
        `[R]`.
    """
    *others, last = probabilities
    total = costs.reshape(-1, last.shape[1]) @ last.T  # [K₁ ⋯ K_{D−1}, R]
    for p in reversed(others):
        total = (total.reshape(-1, p.shape[1], len(p)) * p.T).sum(1)  # [K₁ ⋯, R]
    return total[0]


def marginals(p: Distribution, supports: Sequence[Tensor], event_dim: int) -> list[Tensor]:
    """Return the probabilities of the values of each number, `[R, K_d]`."""
    if not event_dim:
        return [masses(p, supports[0])]
    longest = max(supports, key=len)
    if all(torch.equal(values, longest[: len(values)]) for values in supports):
        every = masses(p, longest)  # [R, D, K]
        return [every[:, d, : len(values)] for d, values in enumerate(supports)]
    return [masses(p, values)[:, d] for d, values in enumerate(supports)]
