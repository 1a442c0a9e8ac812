"""Exact moments of estimates from coupled draws of binary choices, by a sum over all pairs or groups."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import torch
from torch import Tensor

from bench.distributions.layered import layers_of
from bench.estimator import gradient_of
from bench.exact import ExactMoments, SingleDraws
from bench.problem import NotApplicable, Points

# More numbers, of pairs times parameters, take seconds.
_MOST = 1 << 27
# So many numbers of pairs are formed at once.
_NUMBERS = 1 << 20
# Sums with alternating signs are formed in whole numbers, of which those of larger groups are long.
_LARGEST_GROUP = 64


@dataclass(frozen=True)
class States:
    """Each value of the units of a single layer, at theta, in the order of numbers in base 2.

    Attributes:
        draws: of the problem at these values.
        logits: of the units, `[D]`.
        slope: of these in θ, `[D, P]`.
        units: `[2^D, D]`.
    """

    draws: SingleDraws
    logits: Tensor
    slope: Tensor
    units: Tensor

    @cached_property
    def analytic(self) -> Tensor:
        """The gradient of what is known without sampling, `[P]`."""
        problem = self.draws.problem
        theta = problem.theta[None].requires_grad_()  # [1, P]
        return gradient_of(theta, problem.analytic_term(theta, problem.distribution(theta)))[0]


def states_of_units(draws: SingleDraws) -> States:
    """The values of the units for a problem of one layer and at most one item.

    Raises:
        NotApplicable: if it has several of either.
    """
    problem = draws.problem
    net = layers_of(problem.distribution(problem.theta[None]))
    if len(net.sizes) > 1:
        raise NotApplicable("the layers after a pair share their noise: its exact variance is not known")
    if net.batch_shape.numel() > 1:
        raise NotApplicable("it has several items")
    (D,) = net.sizes
    units = net.states(2**D)  # [2^D, D]
    x = net.value(units.reshape(-1, *net.batch_shape, D))  # [2^D, 1, (1,) *event]
    own = SingleDraws(problem, Points(x, draws.weights, draws.power), draws.blocks)
    theta = problem.theta.expand(D, -1).requires_grad_()  # [D, P], a row for each logit
    of_rows = layers_of(problem.distribution(theta))
    logits = of_rows.logits(0, units.new_zeros(1, *of_rows.batch_shape, 0)).reshape(D, D)
    slope = gradient_of(theta, logits.diagonal())  # [D, P]
    return States(own, logits[0].detach(), slope, units)


@dataclass(frozen=True)
class EnumeratedPairs:
    """All pairs of draws from u and 1 − u: in each unit both are the likelier value, or one of them is not.

    Attributes:
        states: of the units.
        parts: in each unit, 0 if both are the likelier value, else which of the two is not, `[3^D, D]`.
        log_weights: `[3^D]`.
    """

    states: States
    parts: Tensor
    log_weights: Tensor

    @property
    def rarer(self) -> Tensor:
        """The probability of the value that is less likely, `[D]`."""
        return (-self.states.logits.abs()).sigmoid()

    def member(self, which: int) -> Tensor:
        """The units of the first or the second, `[3^D, D]`."""
        likely = self.states.logits > 0  # [D]
        return ((self.parts == which) ^ likely).to(self.states.units.dtype)

    def place(self, which: int) -> Tensor:
        """The number of its state, `[3^D]`."""
        D = self.parts.shape[1]
        return self.member(which).long() @ (1 << torch.arange(D - 1, -1, -1))

    def difference(self) -> Tensor:
        """The cost of the first less that of the second, `[3^D]`."""
        cost = self.states.draws.cost  # [2^D]
        return cost[self.place(1)] - cost[self.place(2)]


def pairs_of(draws: SingleDraws) -> EnumeratedPairs:
    """All pairs from u and 1 − u.

    Raises:
        NotApplicable: if there are too many.
    """
    states = states_of_units(draws)
    D, P = states.slope.shape
    if 3**D * P > _MOST:
        raise NotApplicable(f"there are 3^{D} pairs and {P} parameters, too many for an exact variance")
    parts = torch.arange(3**D)[:, None] // 3 ** torch.arange(D) % 3  # [3^D, D]
    rarer = (-states.logits.abs()).sigmoid()  # [D]
    each = torch.stack([1 - 2 * rarer, rarer, rarer])  # [3, D]
    return EnumeratedPairs(states, parts, each.clamp(min=0).log().gather(0, parts).sum(1))


def moments_of_pairs(draws: SingleDraws, sample_size: int) -> ExactMoments:
    """The moments of a mean of N estimates from what the pairs are, DisARM."""
    pairs = pairs_of(draws)
    states, places = pairs.states, (pairs.place(1), pairs.place(2))
    differing = pairs.member(1) - pairs.member(2)  # [3^D, D]
    weights = differing * pairs.difference()[:, None] / 2 * states.logits.abs().sigmoid()
    own, probs = states.draws.cost_gradient, pairs.log_weights.exp()
    step = max(1, _NUMBERS // len(states.analytic))

    def weighed() -> Iterator[tuple[Tensor, Tensor]]:
        for rows in torch.arange(len(probs)).split(step):  # type: ignore[no-untyped-call]
            first, second = (own[place[rows]] for place in places)  # [rows, P] each
            yield probs[rows], weights[rows] @ states.slope + (first + second) / 2 + states.analytic

    return draws.moments(weighed, sample_size)


def variance_within_pairs(draws: SingleDraws) -> Tensor:
    """The mean variance, `[P]`, of an estimate with weights u − ½, where it is known what the pairs are.

    Where the two differ, u is uniform on one of the outer intervals of the length min(p, 1 − p), else on what
    is between them.
    """
    pairs = pairs_of(draws)
    length = torch.where(pairs.parts == 0, 1 - 2 * pairs.rarer, pairs.rarer)  # [3^D, D]
    spread = length.square() / 12 * pairs.difference().square()[:, None]
    return pairs.log_weights.exp() @ spread @ pairs.states.slope.square()


def moments_of_group(
    draws: SingleDraws,
    sample_size: int,
    drawn: Callable[[Tensor], Tensor],
    correlation: Callable[[Tensor, int], Tensor],
) -> ExactMoments:
    """The moments of an estimate from N coupled draws of a single choice, by the number of ones among them.

    Args:
        draws: of the problem.
        sample_size: N.
        drawn: from the logits to those of what is drawn by parts of one.
        correlation: of two draws, from these logits and N − 1.

    Raises:
        NotApplicable: if there are several choices, or more than 64 draws.
    """
    N, states = sample_size, states_of_units(draws)
    if len(states.logits) > 1:
        raise NotApplicable("its exact variance is known for a single choice alone")
    if N > _LARGEST_GROUP:
        raise NotApplicable(f"its exact variance is known for groups of at most {_LARGEST_GROUP}")
    logits = drawn(states.logits)  # [1]
    probs = numbers_drawn(float(logits.sigmoid()), N)  # [N + 1]
    ones = torch.arange(N + 1, dtype=torch.float64)
    share = (ones if bool(logits == states.logits) else N - ones)[:, None] / N  # [N + 1, 1]
    difference = states.draws.cost[1] - states.draws.cost[0]
    weight = difference * share * (1 - share) * N / (N - 1) / (1 - correlation(logits, N - 1))
    zero, one = states.draws.cost_gradient  # [P] each
    found = weight * states.slope + (1 - share) * zero + share * one + states.analytic  # [N + 1, P]
    return draws.moments(lambda: iter([(probs, found)]), 1)


def numbers_drawn(p: float, N: int) -> Tensor:
    """Probabilities of 0 to N ones among N coupled draws, by inclusion and exclusion, `[N + 1]`."""
    edge = 1 - Fraction(p ** (1 / (N - 1)))
    all_of = [max(Fraction(0), 1 - j * edge) ** (N - 1) for j in range(N + 1)]  # that j given ones are drawn
    exactly = [
        math.comb(N, k) * sum((-1) ** i * math.comb(N - k, i) * all_of[k + i] for i in range(N - k + 1))
        for k in range(N + 1)
    ]
    return torch.tensor([float(each) for each in exactly], dtype=torch.float64)
