"""Small problems of bits whose gradients are sums over all states: belief nets, and items with decoders."""

from __future__ import annotations

import copy
from typing import Self

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent

from bench.distributions.by_counter import Bernoulli
from bench.distributions.layered import Layered
from bench.problem import NotApplicable, Points, Problem


class Enumerated(Problem):
    """An expectation that is a sum over the states of D bits."""

    truth_kind = "enumeration"
    D: int

    def states(self) -> Tensor:
        """All values of x, `[2^D, D]`."""
        every = torch.arange(2**self.D)[:, None] >> torch.arange(self.D - 1, -1, -1)
        return (every & 1).to(self.theta)

    def expectation(self, theta: Tensor) -> Tensor:
        p = self.distribution(theta)
        states = self.states()
        x = states.reshape(-1, *[1] * len(p.batch_shape), self.D).expand(-1, *p.batch_shape, -1)
        total = (p.log_prob(x).exp() * self.cost(x, theta)).sum(0)  # [R, (B)]
        known = self.analytic_term(theta, p)
        total = total if known is None else total + known
        return total.flatten(1).mean(1) if total.dim() > 1 else total

    def points(self, check: bool = False) -> Points:
        theta = self.theta[None]
        p = self.distribution(theta)
        if p.batch_shape.numel() > 1:
            raise NotApplicable("it has several items")
        x = self.states().reshape(-1, *p.batch_shape, self.D)
        return Points(x, p.log_prob(x).exp().reshape(-1), 4)


class BeliefNet(Enumerated):
    """Two units above two others, or three of one layer, with a cost that depends on the first weight."""

    def __init__(self, layers: int = 2) -> None:
        self.sizes = (2, 2) if layers == 2 else (3,)
        self.D = self.width = sum(self.sizes)
        numbers = [0.4, -0.9, 1.1, -0.7, 0.5, 1.6, -0.3, 0.2]
        self.theta = torch.tensor(numbers[: 8 if layers == 2 else 3])
        self.parameters = {"first": slice(0, self.sizes[0])}
        if layers == 2:
            self.parameters |= {"weights": slice(2, 6), "bias": slice(6, 8)}

    def distribution(self, theta: Tensor) -> Distribution:
        def logits(t: int, before: Tensor) -> Tensor:
            if t == 0:
                return theta[None, :, : self.sizes[0]]
            return torch.einsum("nrd,rde->nre", before, theta[:, 2:6].unflatten(-1, (2, 2))) + theta[:, 6:]

        return Layered(self.sizes, logits, theta.shape[:1], theta)

    def cost(self, x: Tensor, theta: Tensor) -> Tensor:
        slopes = torch.tensor([1.3, -0.8, 0.6, 1.7]).to(x)[: self.D]
        return (x @ slopes - 0.4).square() + x[..., 0] * x[..., -1] * theta[:, 0].square()


class Items(Enumerated):
    """Bits whose logits are linear in the data of an item, a linear decoder of them, and a known term."""

    def __init__(self, B: int = 3, D: int = 3, seed: int = 1) -> None:
        self.D, self.B = D, B
        self.width = B * D
        generator = torch.Generator().manual_seed(seed)
        self.theta = torch.randn(3 * D, generator=generator) * 0.8
        self.data = torch.randn(B, 2, generator=generator)
        self.parameters = {"encoder": slice(0, 2 * D), "decoder": slice(2 * D, 3 * D)}

    def distribution(self, theta: Tensor) -> Distribution:
        weights = theta[:, : 2 * self.D].unflatten(-1, (2, self.D))  # [R, 2, D]
        return Independent(Bernoulli(logits=self.data.to(theta) @ weights), 1)  # [R, B, D]

    def cost(self, x: Tensor, theta: Tensor) -> Tensor:
        decoder = theta[:, None, 2 * self.D :]  # [R, 1, D]
        return ((x * decoder).sum(-1) - self.data[:, 0].to(theta)).square()

    def analytic_term(self, theta: Tensor, p: Distribution) -> Tensor:
        return p.mean.square().sum(-1)

    def item(self, index: int) -> Self:
        copied = copy.copy(self)
        copied.B, copied.data = 1, self.data[index : index + 1]
        return copied
