"""A baseline that a network tells from the data of each item."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from bench.exact import SingleDraws
from bench.problem import NotApplicable, Problem
from estimators.baseline_contract import Baseline, Learned


@dataclass(frozen=True)
class InputDependent(Baseline):
    r"""A network that tells the expected cost of an item from its data: the baseline of NVIL.

    .. math:: \min_\psi \sum_b E_{x \sim p(x | d_b; \theta)} [(f_b(x) - b_\psi(d_b))^2]

    It is independent of x given the data, so that the estimate stays unbiased. NVIL also
    divides by a running standard deviation of the cost, which changes the length of the
    gradient and is left out. One hidden layer with tanh is trained on the batch of the
    problem by Adam, whose rate falls to zero, on N fresh samples of each item a step.
    Without data (`Problem.inputs`) it is the mean cost of all these samples, of each item.

    Mnih & Gregor (2014), Neural variational inference and learning in belief networks, §2.3.

    Attributes:
        hidden: width of the hidden layer.
        steps: of training.
        learning_rate: at the first step, for costs of unit variance.
    """

    hidden: int = 32
    steps: int = 500
    learning_rate: float = 0.01

    def __post_init__(self) -> None:
        for name, least in (("hidden", 1), ("steps", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, got {getattr(self, name)}")
        if not 0 < self.learning_rate < float("inf"):
            raise ValueError(f"learning_rate must be positive, got {self.learning_rate}")

    def fitted(self, problem: Problem, theta: Tensor, sample_size: int) -> Baseline:
        inputs = problem.inputs()  # [B, D]
        with torch.no_grad():
            # Chunks as large as the rows that may be sampled at once.
            theta = theta[: self.steps]  # [T', P]
            draws = -(-self.steps // len(theta))
            chunks = [
                problem.cost(problem.distribution(theta).sample((sample_size,)), theta).mean(0)
                for _ in range(draws)
            ]  # [T', (B)] each
            means = torch.cat(chunks)[: self.steps]  # [T, (B)]
        if inputs is None:
            return Learned(means.mean(0))
        return Network(self._trained(inputs, means))

    @torch.enable_grad()
    def _trained(self, inputs: Tensor, means: Tensor) -> nn.Module:
        """From the data of the items, `[B, D]`, and their costs at each step, `[T, B]`."""
        center, scale = means.mean(), means.std(correction=0)
        targets = (means - center) / torch.where(scale > 0, scale, 1.0)  # [T, B]
        last = nn.Linear(self.hidden, 1)
        network = nn.Sequential(nn.Linear(inputs.shape[-1], self.hidden), nn.Tanh(), last).to(inputs)
        optimizer = torch.optim.Adam(network.parameters(), self.learning_rate)
        for step, target in enumerate(targets):
            optimizer.param_groups[0]["lr"] = self.learning_rate * (1 - step / len(targets))
            optimizer.zero_grad()
            (network(inputs).squeeze(-1) - target).square().mean().backward()
            optimizer.step()
        with torch.no_grad():  # in the units of the cost
            last.weight.mul_(scale)
            last.bias.mul_(scale).add_(center)
        return network.requires_grad_(False)


@dataclass(frozen=True)
class Network(Baseline):
    """A network of the data of each item, `[..., B, D] -> [..., B, 1]`."""

    network: nn.Module

    def prepared(self, problem: Problem, theta: Tensor, p: Distribution, sample_size: int) -> Baseline:
        return Learned(self.network(problem.inputs()).squeeze(-1))

    def as_constant(self, draws: SingleDraws, sample_size: int) -> tuple[Baseline, None]:
        raise NotApplicable("its baseline is another one for each item")
