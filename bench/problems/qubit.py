"""The energy of qubits, each turned by an angle."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent

from bench.distributions.by_counter import Bernoulli
from bench.distributions.states import states_of
from bench.errors import Fault, Invalid
from bench.problem import Points, Problem

_MOST_STATES = 1 << 20


class Qubit(Problem):
    r"""The energy of qubits that are each turned by an angle from their state 0, measured shot by shot.

    .. math:: P(x_i = 1) = \sin^2(\theta_i / 2), \quad z_i = 1 - 2 x_i, \quad E[z_i] = \cos \theta_i

    A sample is a shot, a bit for each qubit, and the cost is that of a Hamiltonian,

    .. math:: f(x) = c \prod_i z_i + \sum_i h_i z_i, \quad
        F(\theta) = c \prod_i \cos \theta_i + \sum_i h_i \cos \theta_i.

    F is sinusoidal in each angle, as the expectation of any observable is in the angle of a gate that turns
    by a Pauli operator. By default the cost of one qubit is its z.

    Args:
        angles: θ, in radians, one for each qubit.
        coupling: c.
        fields: h, one for each qubit; none by default.

    References:
        Schuld, Bergholm, Gogolin, Izaac & Killoran (2019), Evaluating analytic gradients on quantum hardware.
    """

    sinusoidal = True

    def __init__(self, angles: list[float], coupling: float = 1.0, fields: list[float] | None = None) -> None:
        if faults := list(_faults(angles, coupling, fields)):
            raise Invalid(*faults)
        self.theta = torch.tensor(angles, dtype=torch.float64)  # [D]
        self.parameters = {"angles": slice(0, len(angles))}
        self.coupling, self.width = coupling, len(angles)
        self.fields = torch.tensor(fields or [0.0] * len(angles), dtype=torch.float64)  # [D]

    def distribution(self, theta: Tensor) -> Distribution:
        probs = (theta / 2).sin().square()  # [R, D]
        return Independent(Bernoulli(probs=probs, validate_args=False), 1, validate_args=False)

    def cost(self, x: Tensor, theta: Tensor) -> Tensor:
        return self._energy(1 - 2 * x.to(theta.dtype))

    def relaxed_cost(self, points: Tensor, theta: Tensor) -> Tensor:
        return self.cost(points, theta)

    def cost_terms(self, x: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        z = 1 - 2 * x.to(theta.dtype)  # [N, R, D]
        return self.coupling * z.prod(-1), self.fields * z

    def expectation(self, theta: Tensor) -> Tensor:
        return self._energy(theta.cos())

    def _energy(self, z: Tensor) -> Tensor:
        return self.coupling * z.prod(-1) + z @ self.fields

    def points(self, check: bool = False) -> Points:
        p = self.distribution(self.theta[None].detach().to("cpu", torch.float64))
        x = states_of(p, _MOST_STATES)[:, None]  # [S, 1, D]
        return Points(x, p.log_prob(x)[:, 0].exp(), 4)


def _faults(angles: list[float], coupling: float, fields: list[float] | None) -> Iterator[Fault]:
    if not angles:
        yield Fault("wanted at least one angle, got none", ("angles",))
    if fields is not None and len(fields) != len(angles):
        yield Fault(f"wanted {len(angles)} fields, one for each angle, got {len(fields)}", ("fields",))
    for name, values in (("angles", angles), ("fields", fields or [])):
        for i, value in enumerate(values):
            if not math.isfinite(value):
                yield Fault(f"{name} must be finite, got {value}", (name, i))
    if not math.isfinite(coupling):
        yield Fault(f"coupling must be finite, got {coupling}", ("coupling",))
