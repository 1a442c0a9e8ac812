"""Values of a finite x that are drawn without replacement, and the probabilities of such sets."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.distributions import Distribution

from bench import noise
from bench.distributions.state_probabilities import probabilities_of
from bench.distributions.states import states_of
from bench.problem import NotApplicable

MOST = 1 << 12
"""The most values that are looked at for each estimate."""

# Values that are ranked at once, and a part of all of them: what is drawn depends on how many these are.
_AT_ONCE, _PARTS = 16, 64
# In logarithms of probabilities: those that differ by less in rounding are of the same size.
_TIES = 1 << 14
# In the place of a probability of zero, so that what cannot happen comes last.
_NEARLY_ZERO = 1e-290

Ranks = Callable[[Tensor, Tensor], Tensor]
"""From probabilities, `[R, (B), S]`, and the numbers of the values, `[S]`, to ranks, `[N, R, (B), S]`."""


class Chosen(NamedTuple):
    """Sets of k different values, in order of their rank.

    Attributes:
        places: the numbers of the values, `[N, R, (B), k]`; that of the first in the place of what cannot
            happen.
        probs: the probabilities of the values, in float64, `[N, R, (B), k]`.
        rest: the probability of all other values, `[N, R, (B)]`.
    """

    places: Tensor
    probs: Tensor
    rest: Tensor


class FiniteValues:
    """All values of a finite x with their probabilities, which are looked at in parts.

    Attributes:
        states: `[S, *event]`.

    Args:
        p: the distribution of x.
        least: how many values there must be.

    Raises:
        NotApplicable: if x has infinitely many values, too many, or less than `least`.
    """

    def __init__(self, p: Distribution, least: int) -> None:
        self.states = states_of(p, MOST)
        if len(self.states) < least:
            raise NotApplicable(f"x has {len(self.states)} values, and {least} different ones are wanted")
        self._probs = probabilities_of(p)

    def first(self, k: int, ranks: Ranks) -> Chosen:
        """The k values of the highest rank."""
        kept: list[Tensor] = []  # ranks, probabilities and numbers
        rest: Tensor | None = None  # [N, R, (B)]
        every = torch.arange(len(self.states), device=self.states.device)
        for numbers in every.split(max(_AT_ONCE, len(every) // _PARTS)):  # type: ignore[no-untyped-call]
            probs = self.probabilities(numbers)  # [R, (B), s]
            rank = ranks(probs, numbers)  # [N, R, (B), s]
            added = [rank, probs.expand_as(rank), numbers.expand_as(rank)]
            rivals = [torch.cat(pair, -1) for pair in zip(kept, added, strict=True)] if kept else added
            top = rivals[0].topk(min(k, rivals[0].shape[-1])).indices
            left_out = rivals[1].scatter(-1, top, 0.0).sum(-1)
            rest = left_out if rest is None else rest + left_out
            kept = [each.gather(-1, top) for each in rivals]
        assert rest is not None
        _, probs, places = kept
        return Chosen(torch.where(probs > 0, places, places[..., :1]), probs, rest)

    def probabilities(self, numbers: Tensor) -> Tensor:
        """The probabilities of the values with these numbers, `[S] -> [R, (B), S]`."""
        return self._probs(self.states[numbers])

    def at(self, places: Tensor) -> Tensor:
        """The values of those numbers as samples, `[N, R, (B), k] -> [k N, R, (B,) *event]`."""
        return self.states[places.movedim(-1, 0).flatten(0, 1)]

    def most_probable(self, k: int) -> Chosen:
        """The k values of the highest probability, `[1, R, (B), k]`; of those that are alike the first."""

        def ranks(probs: Tensor, numbers: Tensor) -> Tensor:
            # Rounding must not decide, as it is another one in other places of memory.
            return ((probs.log() * _TIES).round() - numbers / len(self.states))[None]

        return self.first(k, ranks)

    def drawn(self, sample_size: int, k: int, without: Tensor | None = None) -> Chosen:
        """Draw sets of k values without replacement, in the order of drawing.

        The k largest of log π + Gumbel noise: Vieira (2014); Kool, van Hoof & Welling (2019).

        Args:
            sample_size: N.
            k: the size of a set.
            without: the numbers of values that are not to be drawn, `[N or 1, R, (B), any]`.
        """

        def ranks(probs: Tensor, numbers: Tensor) -> Tensor:
            perturbed = probs.log() + noise.gumbel((sample_size, *probs.shape), probs)
            if without is None:
                return perturbed
            gone = (numbers[:, None] == without[..., None, :]).any(-1)  # [N or 1, R, (B), s]
            return torch.where(gone, -torch.inf, perturbed)

        return self.first(k, ranks)


class SetProbabilities(NamedTuple):
    """The probability that the first k draws without replacement are the values of a set S, in any order.

    Attributes:
        whole: P(S), `[...]`.
        ratios: R_i = P(S∖i | i gone) / P(S), `[..., k]`.
        second_ratios: R_ij = P(S∖{i, j} | i and j gone) / P(S∖i | i gone), 1 where j is i, `[..., k, k]`.
    """

    whole: Tensor
    ratios: Tensor
    second_ratios: Tensor


def set_probabilities(probs: Tensor, rest: Tensor) -> SetProbabilities:
    r"""Return the probabilities of sets, by a recursion over the values G that are gone.

    .. math:: P(S \setminus G \mid G) = \sum_{i \in S \setminus G} \frac{\pi_i}{1 - \sum_{j \in G} \pi_j}
        P(S \setminus (G \cup i) \mid G \cup i)

    Args:
        probs: π of the values of each set, `[..., k]`.
        rest: the probability of all values outside, `[...]`: what is left when G is gone is a sum of
            positive numbers, with all its digits.
    """
    k = probs.shape[-1]
    each = probs.clamp(min=_NEARLY_ZERO).unbind(-1)
    larger = {frozenset(range(k)): torch.ones_like(rest)}
    known = dict(larger)
    for size in reversed(range(k)):
        found = {}
        for gone in map(frozenset, itertools.combinations(range(k), size)):
            there = [i for i in range(k) if i not in gone]
            left = sum((each[i] for i in there), rest)
            found[gone] = sum((each[i] * larger[gone | {i}] for i in there), torch.zeros_like(rest)) / left
        larger = found
        known = {**found, **(known if size < 2 else {})}
    whole = known[frozenset()]
    without = [known[frozenset([i])] for i in range(k)]
    second = [known[frozenset([i, j])] / without[i] for i in range(k) for j in range(k)]
    pairs = torch.stack(second, -1).view(*rest.shape, k, k)
    return SetProbabilities(whole, torch.stack(without, -1) / whole[..., None], pairs)


def check_size(k: int) -> None:
    """Refuse a size of sets that is none.

    Raises:
        ValueError: if it is below 1.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
