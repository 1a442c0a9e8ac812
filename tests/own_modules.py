"""Modules as people write them, and problems made of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli, Distribution, Independent, Normal, kl_divergence
from torch.nn.functional import logsigmoid

import bench
from bench.problem import Problem
from bench.problems.vae import VAE

X = torch.randn(6, 5, generator=torch.Generator().manual_seed(0))  # [B, 5]


class Affine(nn.Module):
    """A linear layer with its inputs first, as theta of the built-in VAE has them."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(inputs, outputs))
        self.bias = nn.Parameter(torch.empty(outputs))

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight + self.bias


class Perceptron(nn.ModuleList):
    def forward(self, x: Tensor) -> Tensor:
        for layer in self[:-1]:
            x = layer(x).tanh()
        return self[-1](x)  # type: ignore[no-any-return]


class VaeNet(nn.Module):
    """The networks of a built-in VAE, with its weights."""

    def __init__(self, vae: VAE, hidden: list[int]) -> None:
        super().__init__()
        D, latent = vae.data.shape[1], vae.latent
        self.encoder = Perceptron(Affine(a, b) for a, b in _pairs([D, *hidden, 2 * latent]))
        self.decoder = Perceptron(Affine(a, b) for a, b in _pairs([latent, *hidden[::-1], D]))
        self.double()
        nn.utils.vector_to_parameters(vae.theta, self.parameters())

    def encode(self, data: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_scale = self.encoder(data).chunk(2, -1)
        return mean, log_scale.exp()

    def log_likelihood(self, data: Tensor, z: Tensor) -> Tensor:
        return logsigmoid(self.decoder(z) * (2 * data - 1)).sum(-1)


def _pairs(widths: list[int]) -> list[tuple[int, int]]:
    return list(pairwise(widths))


class _OwnVae(bench.ModuleProblem):
    def __init__(self, vae: VAE, hidden: list[int], rows: Any = "vmap") -> None:
        super().__init__(VaeNet(vae, hidden), data=vae.data, data_set=vae.items, rows=rows)

    def distribution(self, net: VaeNet) -> Distribution:
        return Independent(Normal(*net.encode(self.data)), 1)


class AnalyticVae(_OwnVae):
    def cost(self, net: VaeNet, z: Tensor) -> Tensor:
        return -net.log_likelihood(self.data, z)

    def analytic_term(self, net: VaeNet, p: Distribution) -> Tensor:
        return kl_divergence(p, Independent(Normal(torch.zeros(p.event_shape), 1.0), 1))


class SampledVae(_OwnVae):
    def log_joint(self, net: VaeNet, z: Tensor) -> Tensor:
        return net.log_likelihood(self.data, z) - 0.5 * (z.square() + math.log(2 * math.pi)).sum(-1)


OWN_VAES: Mapping[str, type[_OwnVae]] = {"analytic_kl": AnalyticVae, "sampled": SampledVae}


def vaes(bound: str, rows: str = "vmap", hidden: int = 1, **options: Any) -> tuple[Problem, Problem]:
    """The built-in VAE, and one of a module with the same weights and data; float64."""
    vae = VAE(bound=bound, hidden=hidden, **{"batch_size": 3, "latent": 2, **options})  # type: ignore[arg-type]
    own = OWN_VAES[bound](vae, [hidden], rows).resolve()
    return vae.to("cpu", torch.float64), own.to("cpu", torch.float64)


def problem_class(
    net: Callable[[], nn.Module],
    distribution: Callable[..., Any],
    cost: Callable[..., Any],
    data: Any = X,
    **options: Any,
) -> type[bench.ModuleProblem]:
    """A class whose methods are the given functions, called P."""
    given = {"data": data, **options}

    class P(bench.ModuleProblem):
        def __init__(self) -> None:
            super().__init__(net(), **given)

        def distribution(self, net: nn.Module) -> Distribution:
            return distribution(self, net)  # type: ignore[no-any-return]

        def cost(self, net: nn.Module, z: Tensor) -> Tensor:
            return cost(self, net, z)  # type: ignore[no-any-return]

    return P


def normal(own: bench.ModuleProblem, net: nn.Module) -> Distribution:
    """A normal distribution whose parameters the module gives, `[B, 4] -> [B]`, of two numbers."""
    mean, log_scale = net(own.data).chunk(2, -1)
    return Independent(Normal(mean, log_scale.exp()), 1)


def squares(own: bench.ModuleProblem, net: nn.Module, z: Tensor) -> Tensor:
    return z.square().flatten(1).sum(1)


class Coins(bench.ModuleProblem):
    """Two coins and a cost that depends on both, and on the module itself: exact by enumeration."""

    def __init__(self) -> None:
        net = nn.Linear(2, 2)
        with torch.no_grad():
            net.weight.copy_(torch.tensor([[0.4, -0.7], [0.2, 0.9]]))
            net.bias.copy_(torch.tensor([0.3, -0.4]))
        super().__init__(net)

    def distribution(self, net: nn.Linear) -> Distribution:
        return Independent(Bernoulli(logits=net(torch.tensor([1.3, -0.6]))), 1)

    def cost(self, net: nn.Linear, z: Tensor) -> Tensor:
        return (z.sum() - 0.45) ** 2 + 0.3 * (net.weight.sum(0) * z).sum()


class Regression(bench.ModuleProblem):
    """A bound whose expectation is known: a latent number for each item, a model with a linear mean."""

    def __init__(self) -> None:
        self.noise = 0.7
        net = nn.ModuleDict({"mean": nn.Linear(2, 1), "model": nn.Linear(1, 2)})
        generator = torch.Generator().manual_seed(3)
        for parameter in net.parameters():
            parameter.data = 0.5 * torch.randn(parameter.shape, generator=generator)
        net["log_scale"] = nn.ParameterList([torch.tensor(-0.4)])  # type: ignore[assignment]
        super().__init__(net, data=torch.randn(3, 2, generator=generator))

    def distribution(self, net: nn.ModuleDict) -> Distribution:
        mean = net["mean"](self.data)[:, 0]
        return Normal(mean, net["log_scale"][0].exp().expand_as(mean))  # type: ignore[index]

    def log_joint(self, net: nn.ModuleDict, z: Tensor) -> Tensor:
        likelihood = Normal(net["model"](z[:, None]), self.noise).log_prob(self.data).sum(-1)
        return Normal(0.0, 1.0).log_prob(z) + likelihood

    def expectation(self, net: nn.ModuleDict) -> Tensor:
        q = self.distribution(net)
        weight, bias = net["model"].weight[:, 0], net["model"].bias
        off = self.data - bias - q.mean[:, None] * weight  # [B, 2]
        squares = (off.square() + q.variance[:, None] * weight.square()).sum(-1)
        fit = squares / (2 * self.noise**2) + math.log(2 * math.pi * self.noise**2)
        return kl_divergence(q, Normal(torch.zeros_like(q.mean), 1.0)) + fit
