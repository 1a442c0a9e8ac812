"""Problems of discrete x with items of data, whose cost depends on θ itself, with everything enumerated."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Self

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent

import bench
from bench.distributions.by_counter import Bernoulli, Categorical
from bench.distributions.choices import choices_of
from bench.distributions.states import states_of
from bench.problem import NotApplicable, Points, Problem


class Bits(Problem):
    """Three Bernoulli numbers for each of two items; θ moves their logits and is in the cost."""

    truth_kind = "enumeration"
    width = 6

    def __init__(self) -> None:
        self.theta = torch.tensor([0.7, -1.1, 0.2, 0.4], dtype=torch.float64)  # [P]
        self.parameters = {"logits": slice(0, 3), "weight": slice(3, 4)}
        self.data = torch.tensor([[0.8, -0.3, 0.5], [-1.2, 0.6, 0.9]], dtype=torch.float64)  # [B, D]

    def logits(self, theta: Tensor) -> Tensor:
        """`[R, B, *points]`."""
        return theta[:, None, :3] * self.data + 0.3 * theta[:, None, 3:]

    def distribution(self, theta: Tensor) -> Distribution:
        return Independent(Bernoulli(logits=self.logits(theta), validate_args=False), 1, validate_args=False)

    def cost(self, x: Tensor, theta: Tensor) -> Tensor:
        return self.relaxed_cost(choices_of(self.distribution(theta)).corner_of(x), theta)

    def relaxed_cost(self, points: Tensor, theta: Tensor) -> Tensor:
        total = (points * (self.data + 0.4)).sum(-1)  # [N, R, B]
        return (total - theta[:, 3:]).square() + points[..., 0] * points[..., 1] * theta[:, 3:].exp()

    def analytic_term(self, theta: Tensor, p: Distribution) -> Tensor:
        return theta[:, :1] * self.data[:, 0]  # [R, B]

    def expectation(self, theta: Tensor) -> Tensor:
        p = self.distribution(theta)
        x = self._states(p, theta)  # [S, R, B, *event]
        total = (p.log_prob(x).exp() * self.cost(x, theta)).sum(0) + self.analytic_term(theta, p)  # [R, B]
        return total.mean(1)

    def item(self, index: int) -> Self:
        copied = copy.copy(self)
        copied.data = self.data[index : index + 1]
        return copied

    def points(self, check: bool = False) -> Points:
        if len(self.data) > 1:
            raise NotApplicable("x has a value for each item")
        theta = self.theta[None].detach()
        p = self.distribution(theta)
        x = self._states(p, theta)
        return Points(x, p.log_prob(x).exp().reshape(-1), 4)

    def _states(self, p: Distribution, theta: Tensor) -> Tensor:
        x = states_of(p, 1000)  # [S, *event]
        shape = len(x), len(theta), len(self.data), *x.shape[1:]
        return x.reshape(len(x), 1, 1, *x.shape[1:]).expand(shape)


class Classes(Bits):
    """Two categorical numbers of three classes for each of two items."""

    def logits(self, theta: Tensor) -> Tensor:
        own = super().logits(theta)  # [R, B, 3]
        return torch.stack([own, 0.5 - own.flip(-1) ** 2], -2)  # [R, B, 2, 3]

    def distribution(self, theta: Tensor) -> Distribution:
        law: Any = Categorical(logits=self.logits(theta), validate_args=False)
        return Independent(law, 1, validate_args=False)

    def relaxed_cost(self, points: Tensor, theta: Tensor) -> Tensor:
        first, second = ((points[..., d, :] * (self.data + 0.4)).sum(-1) for d in (0, 1))  # [N, R, B] each
        both = points[..., 0, 2] * points[..., 1, 0]
        return (first + second**2 - theta[:, 3:]).square() + both * theta[:, 3:].exp()


FEW = 3000
"""Replicates by which what is wrong is seen already."""

ITEMS: Mapping[str, Any] = {"bits": Bits, "classes": Classes}


def flagged(estimator: Any, problems: Mapping[str, Any] = ITEMS, replicates: int = 20_000) -> set[str]:
    """The checks that find a fault in an estimator, all problems together."""
    certificate = bench.certify(estimator, problems, replicates=replicates)
    assert all(not each.not_applicable for each in certificate.outcomes)
    return {fault.check for outcome in certificate.outcomes for fault in outcome.faults}
