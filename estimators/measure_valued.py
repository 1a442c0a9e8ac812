"""The measure-valued estimator (weak derivatives)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor
from torch.distributions import (
    Bernoulli,
    Exponential,
    Gamma,
    Independent,
    Laplace,
    LogNormal,
    Normal,
    Poisson,
)

from bench.distributions.families import component
from bench.estimator import Claim, Estimator, gradient_of
from bench.problem import NotApplicable, Problem


@dataclass(frozen=True)
class MeasureValued(Estimator):
    r"""Takes the difference of the costs under two laws, into which the derivative of p splits.

    The derivative in an argument ω of the law of one draw (a mean, a scale, a rate)
    is a constant times the difference of two densities, so that

    .. math:: \partial_\omega E_p[f] = c_\omega \left(E_{p_+}[f] - E_{p_-}[f]\right),
        \quad \partial_\omega p = c_\omega (p_+ - p_-);

    autograd leads from ω to θ, and E[∇_θ f(x, θ)] is added where f depends on θ itself.
    x may be a vector of independent draws, each with arguments of its own: coordinate by
    coordinate is then drawn from the halves, with the others as they are in a sample of p.

    =========== ===== ============= ========================== =====================
    law         ω     c             p₊                         p₋
    =========== ===== ============= ========================== =====================
    normal      loc   1/(σ √(2π))   μ + σ Weibull(√2, 2)       μ − σ Weibull(√2, 2)
    normal      scale 1/σ           μ + σ · double Maxwell     p
    laplace     loc   1/(2b)        μ + b Exp(1)               μ − b Exp(1)
    laplace     scale 1/b           μ ± b Gamma(2, 1)          p
    gamma       rate  α/β           p                          Gamma(α + 1, β)
    exponential rate  1/λ           p                          Gamma(2, λ)
    poisson     rate  1             Poisson(λ) + 1             p
    bernoulli   probs 1             1                          0
    =========== ===== ============= ========================== =====================

    The lognormal's are those of the normal, exponentiated; the α of a gamma has none that
    is known.

    Needs x normal, lognormal, Laplace, gamma, exponential, Poisson or Bernoulli, or a vector
    of independent draws of such a law; f may be discontinuous, and is not differentiated in
    x. Each estimate evaluates f 2N times for each argument and coordinate; where a half is p
    itself, its cost is that of the sample, so that these arguments take N for each
    coordinate, and N for all of them.

    Attributes:
        coupled: whether the halves share their random numbers: the same Weibull or
            exponential variable; the normal as a uniform part of the Maxwell; the gamma or
            Poisson as a part of the larger one. Otherwise the coordinate is drawn
            independently in the two.

    References:
        Pflug (1989), Sampling derivatives of probabilities.
        Heidergott, Vázquez-Abad & Volk-Makarewicz (2008), Sensitivity estimation for
        Gaussian systems: the coupling of Maxwell and normal.
        Rosca, Figurnov, Mohamed & Mnih (2019), Measure-valued derivatives for approximate
        Bayesian inference.
        Mohamed et al. (2020), Monte Carlo gradient estimation in machine learning, §6.
    """

    bias: ClassVar[Claim] = "unbiased"
    coupled: bool = True

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        p = problem.distribution(theta)
        if (p.base_dist if isinstance(p, Independent) else p).event_shape:
            raise NotApplicable("the coordinates of x are not independent")
        law = component(p)
        x = p.sample((sample_size,))  # [N, R, (B,) *event]
        with torch.no_grad():
            split = [(ω, halves(law, x, self.coupled)) for ω, halves in _arguments(law)]
        # A half that is p itself has the cost of the sample.
        shared = any(halves.plus is None or halves.minus is None for _, halves in split)
        cost = problem.cost(x, theta) if shared else theta.new_zeros(())  # [N, R, (B)]
        surrogate = theta.new_zeros(p.batch_shape)  # [R, (B)]
        depends = not split  # whether f depends on θ itself
        for ω, halves in split:
            derivative = torch.empty_like(halves.constant)  # [R, (B,) *event]
            # One coordinate at a time: the engine sized the rows for one set of samples.
            for index in itertools.product(*map(range, p.event_shape)):
                at: Any = (..., *index)
                up, down = (
                    cost if samples is None else problem.cost(_moved(x, samples, at), theta)
                    for samples in (halves.plus, halves.minus)
                )  # [N, R, (B)] each
                depends = depends or up.requires_grad or down.requires_grad
                derivative[at] = (up.detach() - down.detach()).mean(0)
            surrogate = surrogate + (ω * halves.constant * derivative).reshape(*p.batch_shape, -1).sum(-1)
        if depends and not shared:
            cost = problem.cost(x, theta)
        return gradient_of(theta, surrogate, cost, problem.analytic_term(theta, p))


class Halves(NamedTuple):
    """One split of ∂p/∂ω: c, `[R, (B,) *event]`, and samples of p₊ and p₋, `[N, R, (B,) *event]`.

    None stands for p itself, whose samples are there already.
    """

    constant: Tensor
    plus: Tensor | None
    minus: Tensor | None


Decomposition = Callable[[Any, Tensor, bool], Halves]
"""From a law, its samples and whether the halves are coupled."""


def _arguments(law: Any) -> list[tuple[Tensor, Decomposition]]:
    """The arguments of the law that depend on θ, `[R, (B,) *event]` each, with how they split."""
    table = next((table for cls, table in DECOMPOSITIONS.items() if isinstance(law, cls)), None)
    if table is None:
        raise NotApplicable(f"no decomposition into measures is known of a {type(law).__name__}")
    arguments = [(getattr(law, name), halves) for name, halves in table.items()]
    return [(ω, halves) for ω, halves in arguments if ω.requires_grad]


def _moved(x: Tensor, samples: Tensor, at: Any) -> Tensor:
    """x with one coordinate of the samples in the place of its own, `[N, R, (B,) *event]`."""
    if len(at) == 1:
        return samples
    moved = x.clone()
    moved[at] = samples[at]
    return moved


def _exponential(x: Tensor) -> Tensor:
    """Draws of Exp(1), as many as x has numbers: −log U, five times as fast as `exponential_`."""
    return torch.rand_like(x).neg_().add_(1).log_().neg_()  # U = 1 − rand is never 0


def _partner(law: Any, x: Tensor, coupled: bool) -> Tensor:
    """What the other half is made of: the samples of p themselves, or others."""
    return x if coupled else law.sample(x.shape[:1])


def _normal_loc(law: Normal, x: Tensor, coupled: bool) -> Halves:
    # ∂φ/∂μ = (z/σ) φ(z), and z e^(−z²/2) is the density of a Weibull(√2, 2), which is √(2 Exp(1)).
    scale = math.sqrt(2) * law.scale  # [R, (B,) *event]
    up = _exponential(x).sqrt_().mul_(scale)  # [N, R, (B,) *event]
    down = up if coupled else _exponential(x).sqrt_().mul_(scale)
    return Halves(1 / (math.sqrt(math.pi) * scale), law.loc + up, law.loc - down)


def _normal_scale(law: Normal, x: Tensor, coupled: bool) -> Halves:
    # ∂φ/∂σ = (z² − 1)/σ φ(z). Of a normal vector in three dimensions the length has Maxwell's law
    # and each coordinate is a uniform part of it; the square of the other two is 2 Exp(1).
    z = (x - law.loc) / law.scale if coupled else torch.randn_like(x)
    maxwell = _exponential(x).mul_(2).addcmul_(z, z).sqrt_().copysign_(z)
    return Halves(1 / law.scale, maxwell.mul_(law.scale).add_(law.loc), None)


def _exponentiated(halves: Decomposition) -> Decomposition:
    def of_logarithm(law: LogNormal, x: Tensor, coupled: bool) -> Halves:
        constant, plus, minus = halves(law.base_dist, x.log(), coupled)
        return Halves(constant, *(y if y is None else y.exp() for y in (plus, minus)))

    return of_logarithm


def _laplace_loc(law: Laplace, x: Tensor, coupled: bool) -> Halves:
    up = _exponential(x)
    down = up if coupled else _exponential(x)
    return Halves(0.5 / law.scale, law.loc + law.scale * up, law.loc - law.scale * down)


def _laplace_scale(law: Laplace, x: Tensor, coupled: bool) -> Halves:
    # ∂p/∂b = (|z| − 1)/b p, z = (x − μ)/b; |z| p is the density of ±Gamma(2, 1) = z ± Exp(1).
    y = _partner(law, x, coupled)
    return Halves(1 / law.scale, y + law.scale * _exponential(x).copysign_(y - law.loc), None)


def _gamma_rate(law: Gamma | Exponential, x: Tensor, coupled: bool) -> Halves:
    # ∂p/∂β = (α/β − x) p, and x p is α/β times the density of Gamma(α + 1, β) = Gamma(α, β) + Exp(β).
    y = _partner(law, x, coupled)
    return Halves(law.mean, None, y + _exponential(x) / law.rate)  # the mean is α/β


def _gamma_concentration(_law: Gamma, _x: Tensor, _coupled: bool) -> Halves:
    raise NotApplicable("no decomposition into measures is known for the concentration of a gamma")


def _poisson_rate(law: Poisson, x: Tensor, coupled: bool) -> Halves:
    # ∂p(x)/∂λ = p(x − 1) − p(x).
    return Halves(torch.ones_like(law.rate), _partner(law, x, coupled) + 1, None)


def _bernoulli_probs(law: Bernoulli, x: Tensor, _coupled: bool) -> Halves:
    return Halves(torch.ones_like(law.probs), torch.ones_like(x), torch.zeros_like(x))


DECOMPOSITIONS: Mapping[type, Mapping[str, Decomposition]] = {
    Normal: {"loc": _normal_loc, "scale": _normal_scale},
    LogNormal: {"loc": _exponentiated(_normal_loc), "scale": _exponentiated(_normal_scale)},
    Laplace: {"loc": _laplace_loc, "scale": _laplace_scale},
    Gamma: {"concentration": _gamma_concentration, "rate": _gamma_rate},
    Exponential: {"rate": _gamma_rate},
    Poisson: {"rate": _poisson_rate},
    Bernoulli: {"probs": _bernoulli_probs},
}
"""Law -> argument -> how the derivative of the density splits."""
