"""Rates of gradients of modules: against the built-in VAE, a loop of rows, and a loop of backward passes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal, kl_divergence
from torch.nn.functional import binary_cross_entropy_with_logits

import bench
from bench.catalogue import build
from bench.engine.blocks import blocks_of
from bench.engine.replicate import timed
from bench.engine.streams import Address, stream
from bench.problem import Problem
from tests.own_modules import vaes
from tests.speed.conftest import Ratio


def gradients(problem: Problem, replicates: int) -> Callable[[], None]:
    estimator = build("estimators", "reparameterization", {})
    blocks = blocks_of(problem, 1, "cpu", replicates)

    def work() -> None:
        for block in blocks:
            with stream(Address(0, "speed", 1, "estimates"), torch.device("cpu"), block.start) as draws:
                for rows in block.chunks():
                    draws.begin(block.start + rows.start, rows.stop - rows.start)
                    timed(estimator, problem, 1, rows.stop - rows.start)

    return work


class Flat(nn.Module):
    """A VAE of pictures of 8 × 8 pixels, from whose methods the loop and the problem are made."""

    encoder: nn.Module
    decoder: nn.Module

    def encode(self, data: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_scale = self.encoder(data).chunk(2, -1)
        return mean, log_scale.exp()

    def losses(self, data: Tensor, z: Tensor) -> Tensor:
        return binary_cross_entropy_with_logits(self.decoder(z), data, reduction="none").sum(-1)


class Perceptrons(Flat):
    """5000 weights."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 32), nn.Tanh(), nn.Linear(32, 16))
        self.decoder = nn.Sequential(nn.Linear(8, 32), nn.Tanh(), nn.Linear(32, 64))


class Convolutions(Flat):
    """11 000 weights."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Unflatten(1, (1, 8, 8)),
            *(nn.Conv2d(1, 12, 3, 2, 1), nn.Tanh(), nn.Conv2d(12, 24, 3, 2, 1), nn.Tanh()),
            *(nn.Flatten(), nn.Linear(96, 16)),
        )
        self.decoder = nn.Sequential(
            *(nn.Linear(8, 96), nn.Tanh(), nn.Unflatten(1, (24, 2, 2))),
            *(nn.ConvTranspose2d(24, 12, 4, 2, 1), nn.Tanh(), nn.ConvTranspose2d(12, 1, 4, 2, 1)),
            nn.Flatten(),
        )


DATA = (torch.rand(16, 64, generator=torch.Generator().manual_seed(0)) < 0.5).float()  # [B, 64]


class Mine(bench.ModuleProblem):
    def __init__(self, net: Flat, rows: Any = "vmap") -> None:
        super().__init__(net, data=DATA, rows=rows)

    def distribution(self, net: Flat) -> Distribution:
        return Independent(Normal(*net.encode(self.data)), 1)

    def cost(self, net: Flat, z: Tensor) -> Tensor:
        return net.losses(self.data, z)

    def analytic_term(self, net: Flat, p: Any) -> Tensor:
        return kl_divergence(p.base_dist, Normal(0.0, 1.0)).sum(-1)


def by_hand(net: Flat, replicates: int) -> Callable[[], None]:
    """One forward and one backward pass for each gradient, as training code has it."""
    parameters = list(net.parameters())

    def work() -> None:
        for _ in range(replicates):
            mean, scale = net.encode(DATA)
            z = mean + scale * torch.randn_like(mean)
            kl = 0.5 * (mean.square() + scale.square() - 1 - 2 * scale.log()).sum(-1)
            torch.autograd.grad((net.losses(DATA, z) + kl).mean(), parameters)

    return work


SIZES = [
    ({"batch_size": 16, "latent": 8, "hidden": 32}, 2048),
    ({"batch_size": 64, "latent": 20, "hidden": 400}, 512),
]


@pytest.mark.parametrize(("options", "replicates"), SIZES, ids=["64-32-8", "64-400-20"])
def test_rate_against_the_built_in_vae(ratio: Ratio, options: dict[str, Any], replicates: int) -> None:
    vae, own = (problem.to("cpu", torch.float32) for problem in vaes("analytic_kl", **options))
    what = f"module VAE {options}: rate / rate of the built-in one"
    ratio(what, gradients(own, replicates), gradients(vae, replicates), 0.5, 7)


@pytest.mark.parametrize(("net", "least"), [(Perceptrons, 8), (Convolutions, 2.5)])
def test_rate_against_a_loop_of_backward_passes(ratio: Ratio, net: type[Flat], least: float) -> None:
    problem = Mine(net()).resolve().to("cpu", torch.float32)
    what = f"{net.__name__}, {len(problem.theta)} weights: rate / rate of a loop"
    ratio(what, gradients(problem, 512), by_hand(net(), 512), least, 5)


@pytest.mark.parametrize(("net", "least"), [(Perceptrons, 8), (Convolutions, 3.5)])
def test_rate_of_rows_at_once_against_rows_one_by_one(ratio: Ratio, net: type[Flat], least: float) -> None:
    at_once, looped = (Mine(net(), rows).resolve().to("cpu", torch.float32) for rows in ("vmap", "loop"))
    what = f"{net.__name__}: rows at once / one by one"
    ratio(what, gradients(at_once, 256), gradients(looped, 256), least, 3)
