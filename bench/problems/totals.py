"""The expectation of a cost of the sum of discrete numbers, by the distribution of that sum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.distributions import Bernoulli, Binomial, Categorical, Distribution
from torch.nn.functional import pad

from bench.distributions.families import component
from bench.formula.terms import Term
from bench.problem import NotApplicable, Points
from bench.problems.sums import NEGLIGIBLE, STATES, any_power, marginals, support_of

_MOST = 1 << 24  # products of probabilities of one row of theta


@dataclass(frozen=True)
class OfTotal:
    r"""E[h(Σ_d z_d)] = Σ_s h(s) P(Σ_d z_d = s), where the numbers are independent and each in 0, …, K_d.

    The distribution of the sum of the first numbers gives that with one number more: D² steps in all, where
    the values of z are exponentially many.

    Attributes:
        term: h, of a number.
        p: the distribution of z at a theta, `[1]`, in float64.
        dimensions: D.
    """

    term: Term
    p: Distribution
    dimensions: int

    @property
    def fits(self) -> bool:
        """Whether the numbers have finitely many values from 0 on, and the steps are not too many."""
        if not isinstance(component(self.p), Bernoulli | Binomial | Categorical):
            return False
        most = sum(len(values) - 1 for values in self._supports)
        return most * sum(map(len, self._supports)) <= _MOST

    def value(self, p: Distribution) -> Tensor:
        """Return the expectation under p, `[R]`, differentiable."""
        masses = mass_of_total(marginals(component(p), self._supports, self.dimensions))  # [R, S]
        values = torch.arange(masses.shape[1], dtype=masses.dtype, device=masses.device)
        cost = self.term.value(values, 0)
        return masses @ (cost if isinstance(cost, Tensor) else torch.full_like(values, cost))

    def check(self, p: Distribution) -> Tensor:
        """Return the same."""
        return self.value(p)

    def points(self, check: bool) -> Points:
        """Refuse: the values of z are too many."""
        raise NotApplicable(f"there are more than {STATES} values")

    @cached_property
    def _supports(self) -> list[Tensor]:
        law = component(self.p)
        return [support_of(law, d, any_power, NEGLIGIBLE) for d in range(self.dimensions)]


def mass_of_total(masses: Sequence[Tensor]) -> Tensor:
    """The probabilities of the sums of independent numbers, `[R, K_d + 1]` each `-> [R, Σ K_d + 1]`."""
    total, *others = masses
    for each in others:
        K = each.shape[1] - 1
        total = torch.stack([pad(total * each[:, k, None], (k, K - k)) for k in range(K + 1)]).sum(0)
    return total
