"""The training of a generator and its discriminator against one another."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from bench.errors import invalid
from bench.problems.adversarial_networks import AdversarialNetworks

# Adam's; Radford, Metz & Chintala (2016), Unsupervised representation learning, §4, found β₁ = 0.5 stable.
_BETAS = (0.5, 0.999)


@dataclass(frozen=True)
class AdversarialTraining:
    """Steps of Adam: in turn some of the discriminator and one of the generator.

    Goodfellow et al. (2014), Generative adversarial nets, algorithm 1.

    Attributes:
        steps: how many of the generator.
        discriminator_steps: of the discriminator before each, k.
        learning_rate: Adam's α, of both.
        batch_size: pictures of the data, and as many generated ones, in a minibatch.
        seed: of the initial weights, the minibatches and the noise.
    """

    steps: int = 1000
    discriminator_steps: int = 1
    learning_rate: float = 1e-3
    batch_size: int = 64
    seed: int = 0

    def __post_init__(self) -> None:
        if self.steps < 0:
            raise invalid(f"steps must be at least 0, got {self.steps}", "steps")
        if not 0 < self.learning_rate < math.inf:
            raise invalid(f"learning_rate must be positive, got {self.learning_rate}", "learning_rate")
        for name in ("discriminator_steps", "batch_size"):
            if (given := vars(self)[name]) < 1:
                raise invalid(f"{name} must be at least 1, got {given}", name)


def train(net: AdversarialNetworks, items: Tensor, latent: int, training: AdversarialTraining) -> None:
    """Train both in place, drawing from torch's generator; the discriminator is held fixed again afterwards.

    The generator always descends on −log D: with log(1 − D) it may not get off the ground, and whatever
    cost is measured, it is measured at the same weights.

    Args:
        net: both networks.
        items: the data, `[n, D]`.
        latent: dimensions of the noise.
        training: how.
    """
    M = training.batch_size
    generator = _descent([p for p in net.parameters() if p.requires_grad], training)
    discriminator = _descent([*net.discriminator.requires_grad_().parameters()], training)
    for _ in range(training.steps):
        for _ in range(training.discriminator_steps):
            real = items[torch.randint(len(items), (M,))]  # [M, D]
            with torch.no_grad():
                fake = net.generate(torch.randn(M, latent))  # [M, D]
            of_real, of_fake = net.logits(torch.cat([real, fake])).chunk(2)  # [M] each
            _step(discriminator, softplus(-of_real).mean() + softplus(of_fake).mean())
        of_fake = net.logits(net.generate(torch.randn(M, latent)))  # [M]
        _step(generator, softplus(-of_fake).mean())
    net.discriminator.requires_grad_(False)


def _descent(parameters: list[nn.Parameter], training: AdversarialTraining) -> torch.optim.Adam:
    # One parameter after the other: together they would import torch's compiler, which takes seconds.
    return torch.optim.Adam(parameters, lr=training.learning_rate, betas=_BETAS, foreach=False)


def _step(optimizer: torch.optim.Adam, loss: Tensor) -> None:
    (group,) = optimizer.param_groups
    found = torch.autograd.grad(loss, group["params"])
    for parameter, gradient in zip(group["params"], found, strict=True):
        parameter.grad = gradient
    optimizer.step()
