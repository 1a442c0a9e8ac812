"""Rates of gradients of a VAE: against a loop of forward and backward passes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bench.catalogue import build
from bench.engine.blocks import blocks_of
from bench.engine.center import center_of_cell
from bench.engine.replicate import replicate, timed
from bench.engine.streams import Address, stream
from bench.problem import Problem
from bench.statistics.evidence import segments_of
from tests.speed.conftest import Ratio


@dataclass(frozen=True)
class Size:
    """A VAE of pixels-hidden-latent, and how many estimates are compared."""

    pixels: int
    hidden: int
    latent: int
    batch: int
    replicates: int

    def __str__(self) -> str:
        return f"VAE {self.pixels}-{self.hidden}-{self.latent}, batch {self.batch}"


SMALL = Size(64, 32, 8, 16, 2048)
LARGE = Size(784, 400, 20, 64, 512)


def problem_of(size: Size, folder: Path) -> Problem:
    images = np.random.default_rng(0).random((size.batch, size.pixels))
    np.savez(folder / "images.npz", images=images)
    options = {
        "data": {"file": str(folder / "images.npz")},
        "batch_size": size.batch,
        "latent": size.latent,
        "hidden": size.hidden,
    }
    problem: Problem = build("problems", "vae", options)
    return problem.to("cpu", torch.float32)


def network(*widths: int) -> nn.Module:
    layers = [layer for a, b in pairwise(widths) for layer in (nn.Linear(a, b), nn.Tanh())]
    return nn.Sequential(*layers[:-1])


def loop(size: Size) -> Callable[[], None]:
    """One forward and one backward pass for each estimate, as training code has it."""
    encoder = network(size.pixels, size.hidden, 2 * size.latent)
    decoder = network(size.latent, size.hidden, size.pixels)
    parameters = [*encoder.parameters(), *decoder.parameters()]
    data = (torch.rand(size.batch, size.pixels) < 0.5).float()

    def bound() -> Tensor:
        mean, log_scale = encoder(data).chunk(2, -1)
        z = mean + log_scale.exp() * torch.randn_like(mean)
        fit = F.binary_cross_entropy_with_logits(decoder(z), data, reduction="none").sum(-1)
        kl = 0.5 * (mean.square() + (2 * log_scale).exp() - 1 - 2 * log_scale).sum(-1)
        return (fit + kl).mean()

    def work() -> None:
        for _ in range(size.replicates):
            torch.autograd.grad(bound(), parameters)

    return work


def gradients(size: Size, problem: Problem) -> Callable[[], None]:
    estimator = build("estimators", "reparameterization", {})
    blocks = blocks_of(problem, 1, "cpu", size.replicates)

    def work() -> None:
        for block in blocks:
            address = Address(0, "speed", 1, "estimates")
            with stream(address, torch.device("cpu"), block.start) as draws:
                for rows in block.chunks():
                    draws.begin(block.start + rows.start, rows.stop - rows.start)
                    timed(estimator, problem, 1, rows.stop - rows.start)

    return work


def replication(size: Size, problem: Problem) -> Callable[[], object]:
    estimator = build("estimators", "reparameterization", {})
    truth = torch.zeros(len(problem.theta), dtype=torch.float64)
    segments = segments_of(problem.parameters, len(problem.theta))
    center = center_of_cell(estimator, problem, 1, Address(0, "speed", 1, "center"))
    address = Address(0, "speed", 1, "estimates")
    return lambda: replicate(estimator, problem, 1, size.replicates, address, truth, segments, center)


def vmap(size: Size) -> Callable[[], None]:
    """`torch.func.vmap(grad)` over the noise, with as many rows at once as suit it."""
    data = (torch.rand(size.batch, size.pixels) < 0.5).float()
    widths = (size.pixels, size.hidden, 2 * size.latent), (size.latent, size.hidden, size.pixels)
    shapes = [shape for net in widths for i, o in pairwise(net) for shape in ((i, o), (o,))]
    parameters = [0.05 * torch.randn(shape) for shape in shapes]

    def bound(weights: list[Tensor], e: Tensor) -> Tensor:
        a, b, c, d, f, g, h, k = weights
        mean, log_scale = (torch.tanh(data @ a + b) @ c + d).chunk(2, -1)
        logits = torch.tanh((mean + log_scale.exp() * e) @ f + g) @ h + k
        fit = F.binary_cross_entropy_with_logits(logits, data, reduction="none").sum(-1)
        kl = 0.5 * (mean.square() + (2 * log_scale).exp() - 1 - 2 * log_scale).sum(-1)
        return (fit + kl).mean()

    gradient = torch.func.vmap(torch.func.grad(bound), in_dims=(None, 0))
    rows = min(256, max(8, 5_000_000 // sum(p.numel() for p in parameters)))

    def work() -> None:
        for _ in range(0, size.replicates, rows):
            gradient(parameters, torch.randn(rows, size.batch, size.latent))

    return work


@pytest.mark.parametrize(("size", "least"), [(SMALL, 1.25), (LARGE, 0.95)], ids=str)
def test_rate_against_vmap(ratio: Ratio, size: Size, least: float, tmp_path: Path) -> None:
    ours = gradients(size, problem_of(size, tmp_path))
    ratio(f"{size}: rate / rate of torch.func.vmap(grad)", ours, vmap(size), least, 5)


@pytest.mark.parametrize(("size", "least"), [(SMALL, 20), (LARGE, 1)], ids=str)
def test_rate_against_a_loop_of_passes(ratio: Ratio, size: Size, least: float, tmp_path: Path) -> None:
    ratio(f"{size}: rate / rate of a loop", gradients(size, problem_of(size, tmp_path)), loop(size), least, 5)


@pytest.mark.parametrize(("size", "least"), [(SMALL, 8), (LARGE, 0.65)], ids=str)
def test_rate_with_all_statistics(ratio: Ratio, size: Size, least: float, tmp_path: Path) -> None:
    ours = replication(size, problem_of(size, tmp_path))
    ratio(f"{size}, with statistics: rate / rate of a loop", ours, loop(size), least, 5)


def test_overhead_of_statistics(ratio: Ratio, tmp_path: Path) -> None:
    problem = problem_of(LARGE, tmp_path)
    ours, without = replication(LARGE, problem), gradients(LARGE, problem)
    ratio(f"{LARGE}: rate with statistics / without", ours, without, 1 / 1.2, 5)
