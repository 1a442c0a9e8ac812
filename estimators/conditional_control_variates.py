"""Score-function estimators of a discrete x, with the noise behind it given x as control variate."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn

from bench import noise
from bench.distributions.choices import Choices, choices_of
from bench.estimator import Estimator
from bench.problem import Problem
from estimators.trained_controls import Controlled, ControlNetwork, Terms, check_training, vectors

_TEMPERATURES = tuple(2.0 ** (k / 2) for k in range(-6, 7))  # 1/8 to 8
_FEW = 1024  # estimates by which one is chosen


class OfChoices(Controlled):
    """One whose control is a function of the noise behind a discrete x."""

    @abstractmethod
    def control(self, problem: Problem, theta: Tensor, choices: Choices, z: Tensor) -> Tensor:
        """c(z, θ), `[N, R, (B,) *points] -> [N, R, (B)]`."""

    def terms(self, problem: Problem, theta: Tensor, sample_size: int) -> Terms:
        p = problem.distribution(theta)
        choices = choices_of(p)
        z = choices.perturbed(sample_size)  # [N, R, (B,) *points]
        corner = choices.corner(z)
        x = choices.value(corner)  # [N, R, (B,) *event]
        cost = problem.cost(x, theta)  # [N, R, (B)]
        both = torch.cat([z, choices.conditional(corner)])  # [2N, R, (B,) *points]
        control, conditional = self.control(problem, theta, choices, both).chunk(2)  # [N, R, (B)] each
        weights = cost.detach() - conditional
        analytic = problem.analytic_term(theta, p)
        return Terms(p.log_prob(x), weights, cost, control - conditional, analytic)


@dataclass(frozen=True)
class Rebar(OfChoices):
    r"""Subtracts from the cost that of a relaxed x with the same choice, and adds the gradient of its mean.

    .. math:: \hat g = [f(x) - \eta\, c(\tilde z)]\, \nabla_\theta \log p(x; \theta)
        + \eta\, \nabla_\theta [c(z) - c(\tilde z)] + \partial_\theta f(x, \theta), \quad
        c(z) = f(\sigma_\tau(z), \theta),

    where z are the logits plus noise, x is the choice that z leads to, and :math:`\tilde z \sim p(z | x;
    \theta)` is drawn once more given the choice, as a function of θ and of further noise:
    :math:`E[c(\tilde z) \nabla \log p(x) + \nabla c(\tilde z)]` and :math:`E[\nabla c(z)]` are the same
    gradient, of E c(z). Without the derivative through :math:`\tilde z` there would be a bias.

    Needs x of independent choices, and a cost that is defined between its values (`Problem.relaxed_cost`).
    Each estimate evaluates f N times at choices, and with its gradient 2N times between them.

    Attributes:
        temperature: τ, or `optimal` for that of 13 from 1/8 to 8 with the least variance on
            independent samples.
        coefficient: η, or `optimal` for that of least total variance on independent samples,
            Σ Cov(a, b) / Σ Var(b) over the coordinates of the estimates a with η = 0 and of the
            difference b that η makes.
        center: a constant that is subtracted from both f and c, or `mean` for E f, estimated from
            independent samples: of use where η is not 1.

    References:
        Tucker, Mnih, Maddison, Lawson & Sohl-Dickstein (2017), REBAR: low-variance, unbiased gradient
        estimates for discrete latent variable models, §3 and appendix C.
    """

    temperature: float | Literal["optimal"] = 0.5
    coefficient: float | Literal["optimal"] = "optimal"
    center: float | Literal["mean"] = 0.0

    def __post_init__(self) -> None:
        if self.temperature != "optimal" and not 0 < self.temperature < float("inf"):
            raise ValueError(f"temperature must be positive or optimal, got {self.temperature}")
        for name in ("coefficient", "center"):
            value = getattr(self, name)
            if not isinstance(value, str) and not abs(value) < float("inf"):
                raise ValueError(f"{name} must be finite, got {value}")

    def evaluations(self, problem: Problem, sample_size: int) -> int:
        return 3 * sample_size

    def control(self, problem: Problem, theta: Tensor, choices: Choices, z: Tensor) -> Tensor:
        temperature, coefficient, center = self.numbers()
        relaxed = problem.relaxed_cost(choices.relaxed(z, temperature), theta)  # [N, R, (B)]
        return coefficient * relaxed + (1 - coefficient) * center

    def numbers(self) -> tuple[float, float, float]:
        """The options, with a number for what is not fitted yet."""
        temperature = 0.5 if self.temperature == "optimal" else self.temperature
        coefficient = 1.0 if self.coefficient == "optimal" else self.coefficient
        return temperature, coefficient, 0.0 if self.center == "mean" else self.center

    def fitted(self, problem: Problem, theta: Tensor, sample_size: int) -> Rebar:
        fixed = replace(self, center=_mean_cost(problem, theta)) if self.center == "mean" else self
        if self.temperature == "optimal":
            few = theta[:_FEW]
            several = [replace(fixed, temperature=each)._weighed(problem, few) for each in _TEMPERATURES]
            best, _ = min(several, key=lambda pair: pair[1])
            fixed = replace(fixed, temperature=best.temperature)
        return fixed._weighed(problem, theta)[0] if self.coefficient == "optimal" else fixed

    def _weighed(self, problem: Problem, theta: Tensor) -> tuple[Rebar, float]:
        """The estimator with its coefficient, and the sum of the squared deviations of its estimates."""
        with noise.common(theta.device):  # so that they differ by the control alone, at each temperature
            plain = replace(self, coefficient=0.0).gradient(problem, theta, 1)  # [R, P]
        with noise.common(theta.device):
            control = plain - replace(self, coefficient=1.0).gradient(problem, theta, 1)  # [R, P]
        plain, control = plain - plain.mean(0), control - control.mean(0)
        coefficient = self.coefficient
        if coefficient == "optimal":
            spread = float(control.square().sum())
            coefficient = float((plain * control).sum()) / spread if spread > 0 else 0.0
        squares = float((plain - coefficient * control).square().sum())
        return replace(self, coefficient=coefficient), squares


def _mean_cost(problem: Problem, theta: Tensor) -> float:
    with torch.no_grad():
        return float(problem.cost(problem.distribution(theta).sample((1,)), theta).mean())


@dataclass(frozen=True)
class Relax(OfChoices):
    r"""REBAR with a control that a network learns, to reduce the variance of the estimate itself.

    .. math:: \hat g = [f(x) - c(\tilde z)]\, \nabla_\theta \log p(x; \theta)
        + \nabla_\theta [c(z) - c(\tilde z)] + \partial_\theta f(x, \theta), \quad
        c(z) = \eta f(\sigma_\tau(z), \theta) + r(z),

    with z and :math:`\tilde z` as in REBAR. It is unbiased whatever c is; η, τ and the weights of r minimize
    the mean of :math:`\|\hat g\|^2`. r has one hidden layer with tanh, and is constant at first: training
    begins at REBAR with τ = ½, its best coefficient, and costs centered at their mean. It is by Adam, whose
    rate falls to zero; each step takes 512 fresh estimates from one sample. A c that is linear in the logit z
    has the mean zero given x: a network that has learned a linear function has learned nothing.

    Needs x of independent choices, and a cost that is defined between its values (`Problem.relaxed_cost`)
    unless r is all of the control. Each estimate evaluates f N times at choices and, with its
    gradient, 2N times between them, and r and its gradient 2N times.

    Attributes:
        control_variate: `cost_and_network` for the above, as in the paper's experiments, or
            `network` for c = r, of a cost that is known at choices only.
        hidden: width of the hidden layer.
        steps: of training.
        learning_rate: at the first step.

    References:
        Grathwohl, Choi, Wu, Roeder & Duvenaud (2018), Backpropagation through the void: optimizing control
        variates for black-box gradient estimation, §3.
    """

    control_variate: Literal["cost_and_network", "network"] = "cost_and_network"
    hidden: int = 10
    steps: int = 30
    learning_rate: float = 0.15

    def __post_init__(self) -> None:
        check_training(self.hidden, self.steps, self.learning_rate)

    def evaluations(self, problem: Problem, sample_size: int) -> int:
        return sample_size if self.control_variate == "network" else 3 * sample_size

    def control(self, problem: Problem, theta: Tensor, choices: Choices, z: Tensor) -> Tensor:
        if self.control_variate == "network":  # before it is trained
            return choices.total(torch.zeros_like(z))
        return problem.relaxed_cost(choices.relaxed(z, 0.5), theta)

    def fitted(self, problem: Problem, theta: Tensor, sample_size: int) -> Estimator:
        with torch.no_grad():
            choices = choices_of(problem.distribution(theta))
            z = choices.perturbed(1)  # [1, R, (B,) *points]
            costs = problem.cost(choices.value(choices.corner(z)), theta)  # [1, R, (B)]
            network = ControlNetwork(_noise_vectors(choices, z), self.hidden, costs)
        if self.control_variate == "network":
            control = _Network(network)
        else:
            begin = Rebar(0.5, center=float(network.mean)).fitted(problem, theta, 1)
            control = _CostAndNetwork(network, begin)
        return _TrainedRelax(control).trained(control, problem, theta, self.steps, self.learning_rate)


@dataclass(frozen=True)
class _TrainedRelax(OfChoices):
    learned: _Network

    def control(self, problem: Problem, theta: Tensor, choices: Choices, z: Tensor) -> Tensor:
        control: Tensor = self.learned(problem, theta, choices, z)
        return control


class _Network(nn.Module):
    """r(z)."""

    def __init__(self, network: ControlNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, problem: Problem, theta: Tensor, choices: Choices, z: Tensor) -> Tensor:
        control: Tensor = self.network(_noise_vectors(choices, z))
        return control


class _CostAndNetwork(_Network):
    """η f(σ(z/τ), θ) + r(z), as one that begins at η of REBAR, centered at the mean of r."""

    def __init__(self, network: ControlNetwork, begin: Rebar) -> None:
        super().__init__(network)
        temperature, coefficient, _ = begin.numbers()
        self.coefficient = nn.Parameter(network.mean.new_tensor(coefficient))
        self.log_temperature = nn.Parameter(network.mean.new_tensor(temperature).log())

    def forward(self, problem: Problem, theta: Tensor, choices: Choices, z: Tensor) -> Tensor:
        relaxed = choices.relaxed(z, self.log_temperature.exp())  # [N, R, (B,) *points]
        centered = problem.relaxed_cost(relaxed, theta) - self.network.mean  # [N, R, (B)]
        learned = super().forward(problem, theta, choices, z)
        return self.coefficient * centered + learned


def _noise_vectors(choices: Choices, z: Tensor) -> Tensor:
    return vectors(z, choices.logits.dim() - choices.batch_dim)
