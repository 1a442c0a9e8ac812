"""Losses as people write them, of small models: by path, by score, by samplers of every kind."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.distributions import (
    Bernoulli,
    Categorical,
    Exponential,
    Gamma,
    Gumbel,
    Laplace,
    Normal,
    kl_divergence,
)
from torch.nn import functional

Loss = Callable[[], Tensor]


@dataclass(frozen=True)
class Own:
    """A loss with its model.

    Attributes:
        model: a module or a leaf.
        loss: the function.
        together: whether its rows can be computed together.
    """

    model: Any
    loss: Loss
    together: bool = True


def leaf(*numbers: float) -> Tensor:
    return torch.tensor(numbers, requires_grad=True)


def square(N: int = 4) -> dict[str, Loss]:
    """z² at θ = 2 by the score, with the mean of all as a baseline, with that of the others, by the path."""
    theta = torch.tensor(2.0, requires_grad=True)

    def score() -> Tensor:
        p = Normal(theta, 1.0)
        z = p.sample((N,))
        return (p.log_prob(z) * z**2).mean()

    def own_mean() -> Tensor:
        p = Normal(theta, 1.0)
        z = p.sample((N,))
        cost = z**2
        return (p.log_prob(z) * (cost - cost.mean())).mean()

    def leave_one_out() -> Tensor:
        p = Normal(theta, 1.0)
        z = p.sample((N,))
        cost = z**2
        return (p.log_prob(z) * (cost - (cost.sum() - cost) / (N - 1))).mean()

    def path() -> Tensor:
        return (Normal(theta, 1.0).rsample((N,)) ** 2).mean()

    losses = {"score": score, "own_mean": own_mean, "leave_one_out": leave_one_out, "path": path}
    for loss in losses.values():
        vars(loss)["theta"] = theta
    return losses


def _seeded(make: Callable[[], nn.Module], seed: int) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make()


def vae(batch: int = 8, pixels: int = 12, latent: int = 3, seed: int = 1) -> Own:
    """A small VAE by its path, with an analytic KL."""
    net = _seeded(
        lambda: nn.ModuleDict({"enc": nn.Linear(pixels, 2 * latent), "dec": nn.Linear(latent, pixels)}), seed
    )
    data = (torch.rand(batch, pixels, generator=torch.Generator().manual_seed(seed)) > 0.5).float()

    def loss() -> Tensor:
        loc, log_scale = net["enc"](data).chunk(2, -1)
        q = Normal(loc, log_scale.exp())
        z = q.rsample()
        likelihood = Bernoulli(logits=net["dec"](z)).log_prob(data).sum(-1)
        return (kl_divergence(q, Normal(0.0, 1.0)).sum(-1) - likelihood).mean()

    return Own(net, loss)


def samplers() -> dict[str, Own]:
    """A loss for each way to draw."""
    w = leaf(0.3, 0.5)
    net = _seeded(lambda: nn.Sequential(nn.Linear(5, 4), nn.Dropout(0.3), nn.Linear(4, 2)), 2)
    norm = _seeded(lambda: nn.Sequential(nn.Linear(5, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)), 3)
    lstm = _seeded(lambda: nn.LSTM(5, 4), 4)
    data = torch.randn(6, 5, generator=torch.Generator().manual_seed(5))
    series = torch.randn(3, 2, 5, generator=torch.Generator().manual_seed(6))
    own = torch.Generator().manual_seed(7)
    kept = [0.0]

    def filled() -> Tensor:
        u = torch.empty(2)
        u.uniform_()
        return (w * u).square().sum()

    def moving_average() -> Tensor:
        p = Normal(w, 1.0)
        z = p.sample()
        cost = float(z.square().sum())
        value = (p.log_prob(z) * (cost - kept[0])).sum()
        kept[0] = 0.9 * kept[0] + 0.1 * cost
        return value

    def branch() -> Tensor:
        z = Normal(w, 1.0).rsample()
        return z.sum() if z.sum().item() > 0 else (2 * z).sum()

    def choice() -> Tensor:
        p = Categorical(logits=w)
        a = p.sample((8,))
        return (p.log_prob(a) * torch.tensor([1.0, 3.0])[a]).mean()

    def parts() -> Tensor:
        order = torch.randperm(6)[:3]
        return (net[0](data[order]) + torch.randint(0, 5, (3, 4))).square().mean()

    return {
        "normal": Own(w, lambda: (w * torch.randn(3, 2)).square().sum()),
        "rsample": Own(w, lambda: Normal(w, w.exp()).rsample((4,)).square().mean()),
        "laplace": Own(w, lambda: Laplace(w, 1.0).rsample().square().sum()),
        "exponential": Own(w, lambda: Exponential(w.exp()).rsample().square().sum()),
        "gumbel": Own(w, lambda: Gumbel(w, 1.0).rsample().square().sum()),
        "gumbel_softmax": Own(
            w, lambda: (functional.gumbel_softmax(w, tau=0.5) * torch.tensor([1.0, 3.0])).sum()
        ),
        "bernoulli": Own(w, lambda: (Bernoulli(logits=w).sample((3,)) * w).square().sum()),
        "choice": Own(w, choice),
        "filled": Own(w, filled),
        "parts": Own(net, parts),
        "dropout": Own(net, lambda: net(data).square().mean()),
        "lstm": Own(lstm, lambda: (lstm(series)[0] * torch.randn(3, 2, 4)).sum()),
        "vae": vae(),
        "gamma": Own(w, lambda: Gamma(w.exp(), 1.0).rsample().sum(), together=False),
        "branch": Own(w, branch, together=False),
        "numpy": Own(w, lambda: (w * float(np.random.randn())).sum(), together=False),
        "python": Own(w, lambda: (w * random.random()).sum(), together=False),
        "batch_norm": Own(norm, lambda: (norm(data) + torch.randn(6, 2)).square().mean(), together=False),
        "moving_average": Own(w, moving_average, together=False),
        "own_generator": Own(w, lambda: (w * torch.randn(2, generator=own)).sum(), together=False),
    }
