"""The splits of derivatives of densities into differences of two densities, distribution by distribution."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.distributions import (
    Bernoulli,
    Categorical,
    Exponential,
    Gamma,
    Laplace,
    LogNormal,
    Normal,
    Poisson,
)

from bench import noise
from bench.problem import NotApplicable


@dataclass(frozen=True)
class Drawn:
    """The noise of the halves, as an estimate draws it.

    Attributes:
        coupled: whether the halves share it, and are made of the samples of p.
    """

    coupled: bool

    def exponential(self, x: Tensor) -> Tensor:
        """Draws of Exp(1), as many as x has numbers."""
        return noise.exponential(x.shape, x)

    def partner(self, law: Any, x: Tensor) -> Tensor:
        """Return samples of p for the other half: those that there are, or others."""
        return x if self.coupled else law.sample(x.shape[:1])

    def standard(self, law: Normal, x: Tensor) -> Tensor:
        """Return `partner` of a normal distribution, as standard normal numbers."""
        return (x - law.loc) / law.scale if self.coupled else noise.normal(x.shape, x)


@dataclass(frozen=True)
class Integrated(Drawn):
    """The noise of the halves as nodes of a rule, beside each value of x.

    Attributes:
        nodes: of Exp(1), in the shape of x.
    """

    nodes: Tensor

    def exponential(self, x: Tensor) -> Tensor:
        return self.nodes.clone()

    def partner(self, law: Any, x: Tensor) -> Tensor:
        return x

    def standard(self, law: Normal, x: Tensor) -> Tensor:
        return (x - law.loc) / law.scale


class Halves(NamedTuple):
    """One split of ∂p/∂ω: c, `[R, (B,) *event]`, and samples of p₊ and p₋, `[N, R, (B,) *event]`.

    None stands for p itself, whose samples are there already.
    """

    constant: Tensor
    plus: Tensor | None
    minus: Tensor | None


Decomposition = Callable[[Any, Tensor, Drawn], Halves]
"""From a distribution, its samples and the noise of the halves."""


def _normal_loc(law: Normal, x: Tensor, drawn: Drawn) -> Halves:
    # ∂φ/∂μ = (z/σ) φ(z), and z e^(−z²/2) is the density of a Weibull(√2, 2), which is √(2 Exp(1)).
    scale = math.sqrt(2) * law.scale  # [R, (B,) *event]
    up = drawn.exponential(x).sqrt_().mul_(scale)  # [N, R, (B,) *event]
    down = up if drawn.coupled else drawn.exponential(x).sqrt_().mul_(scale)
    return Halves(1 / (math.sqrt(math.pi) * scale), law.loc + up, law.loc - down)


def _normal_scale(law: Normal, x: Tensor, drawn: Drawn) -> Halves:
    # ∂φ/∂σ = (z² − 1)/σ φ(z). Of a normal vector in three dimensions the length has Maxwell's distribution
    # and each coordinate is a uniform part of it; the square of the other two is 2 Exp(1).
    z = drawn.standard(law, x)
    maxwell = drawn.exponential(x).mul_(2).addcmul_(z, z).sqrt_().copysign_(z)
    return Halves(1 / law.scale, maxwell.mul_(law.scale).add_(law.loc), None)


def _exponentiated(halves: Decomposition) -> Decomposition:
    def of_logarithm(law: LogNormal, x: Tensor, drawn: Drawn) -> Halves:
        constant, plus, minus = halves(law.base_dist, x.log(), drawn)
        return Halves(constant, *(y if y is None else y.exp() for y in (plus, minus)))

    return of_logarithm


def _laplace_loc(law: Laplace, x: Tensor, drawn: Drawn) -> Halves:
    up = drawn.exponential(x)
    down = up if drawn.coupled else drawn.exponential(x)
    return Halves(0.5 / law.scale, law.loc + law.scale * up, law.loc - law.scale * down)


def _laplace_scale(law: Laplace, x: Tensor, drawn: Drawn) -> Halves:
    # ∂p/∂b = (|z| − 1)/b p, z = (x − μ)/b; |z| p is the density of ±Gamma(2, 1) = z ± Exp(1).
    y = drawn.partner(law, x)
    return Halves(1 / law.scale, y + law.scale * drawn.exponential(x).copysign_(y - law.loc), None)


def _gamma_rate(law: Gamma | Exponential, x: Tensor, drawn: Drawn) -> Halves:
    # ∂p/∂β = (α/β − x) p, and x p is α/β times the density of Gamma(α + 1, β) = Gamma(α, β) + Exp(β).
    y = drawn.partner(law, x)
    return Halves(law.mean, None, y + drawn.exponential(x) / law.rate)  # the mean is α/β


def _gamma_concentration(_law: Gamma, _x: Tensor, _drawn: Drawn) -> Halves:
    raise NotApplicable("no decomposition into measures is known for the concentration of a gamma")


def _poisson_rate(law: Poisson, x: Tensor, drawn: Drawn) -> Halves:
    # ∂p(x)/∂λ = p(x − 1) − p(x).
    return Halves(torch.ones_like(law.rate), drawn.partner(law, x) + 1, None)


def _bernoulli_probs(law: Bernoulli, x: Tensor, _drawn: Drawn) -> Halves:
    return Halves(torch.ones_like(law.probs), torch.ones_like(x), torch.zeros_like(x))


def _class_probability(number: int) -> Decomposition:
    def halves(law: Categorical, x: Tensor, _drawn: Drawn) -> Halves:
        # Probabilities add up to one: what a class gains is lost by the first, Σ_k ∂π_k (δ_k − δ_0).
        constant = torch.ones_like(law.probs[..., number])
        return Halves(constant, torch.full_like(x, number), torch.zeros_like(x))

    return halves


_DECOMPOSITIONS: Mapping[type, Mapping[str, Decomposition]] = {
    Normal: {"loc": _normal_loc, "scale": _normal_scale},
    LogNormal: {"loc": _exponentiated(_normal_loc), "scale": _exponentiated(_normal_scale)},
    Laplace: {"loc": _laplace_loc, "scale": _laplace_scale},
    Gamma: {"concentration": _gamma_concentration, "rate": _gamma_rate},
    Exponential: {"rate": _gamma_rate},
    Poisson: {"rate": _poisson_rate},
    Bernoulli: {"probs": _bernoulli_probs},
}
"""Distribution -> argument -> how the derivative of the density splits."""


def arguments_of(law: Any) -> list[tuple[Tensor, Decomposition]]:
    """The arguments that depend on θ, `[R, (B,) *event]` each, and how the derivative splits in each.

    Raises:
        NotApplicable: if that is not known.
    """
    if isinstance(law, Categorical):
        classes = range(1, law.probs.shape[-1])
        found = [(law.probs[..., number], _class_probability(number)) for number in classes]
    else:
        table = next((table for cls, table in _DECOMPOSITIONS.items() if isinstance(law, cls)), None)
        if table is None:
            raise NotApplicable(f"no decomposition into measures is known of a {type(law).__name__}")
        found = [(getattr(law, name), halves) for name, halves in table.items()]
    return [(ω, halves) for ω, halves in found if ω.requires_grad]
