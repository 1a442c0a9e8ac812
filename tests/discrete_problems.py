"""A problem of discrete items for tests, with a cost that depends on θ itself."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent
from torch.nn import functional

from bench.distributions.by_counter import Bernoulli, Categorical
from bench.problem import Problem


class Decoder(Problem):
    """Three bits, or one of three classes, for each item, and a cost e^s (w·x − d)² whose s is in θ."""

    truth_kind = "enumeration"

    def __init__(self, classes: bool, data: tuple[float, ...] = (0.7, -1.1, 0.3)) -> None:
        self.classes = classes
        self.data = torch.tensor(data, dtype=torch.float64)  # [B]
        self.w = torch.tensor([1.2, -0.7, 0.4], dtype=torch.float64)
        self.theta = torch.tensor([0.6, -0.3, 0.9, 0.4], dtype=torch.float64)
        self.parameters = {"encoder": slice(0, 3), "decoder": slice(3, 4)}
        self.width = 3 * len(data)

    def distribution(self, theta: Tensor) -> Distribution:
        logits = theta[:, None, :3] * (1 + self.data[:, None])  # [R, B, 3]
        if self.classes:
            return Categorical(logits=logits, validate_args=False)
        return Independent(Bernoulli(logits=logits, validate_args=False), 1, validate_args=False)

    def relaxed_cost(self, points: Tensor, theta: Tensor) -> Tensor:
        return theta[:, 3, None].exp() * (points @ self.w - self.data).square()

    def cost(self, x: Tensor, theta: Tensor) -> Tensor:
        points = functional.one_hot(x.long(), 3) if self.classes else x
        return self.relaxed_cost(points.to(theta), theta)

    def expectation(self, theta: Tensor) -> Tensor:
        every: Any = range(3) if self.classes else [[i & 1, i >> 1 & 1, i >> 2] for i in range(8)]
        p = self.distribution(theta)
        states = [torch.as_tensor(each, dtype=torch.float64) for each in every]
        one = [each.expand(1, len(theta), len(self.data), *each.shape) for each in states]
        terms = [(p.log_prob(x).exp() * self.cost(x, theta))[0] for x in one]  # [R, B] each
        return torch.stack(terms).sum(0).mean(-1)

    def item(self, index: int) -> Decoder:
        return Decoder(self.classes, (float(self.data[index]),))
