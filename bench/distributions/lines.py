"""The lines of all families; here those of Student and von Mises distributions, and the table."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from flint import acb, arb, ctx
from torch import Tensor
from torch.distributions import (
    Beta,
    Distribution,
    Gamma,
    StudentT,
)

from bench.balls import (
    BITS,
    Within,
    digamma,
    inverse_sinh,
    log,
    log_2pi,
    log_cosh,
    log_gamma,
    log_of,
    outward,
)
from bench.distributions.by_counter import Exponential, HalfNormal, Laplace, LogNormal, Weibull
from bench.distributions.gamma_lines import BetaLine, GammaLine
from bench.distributions.line import LOG_REACH, TAIL, Line, rungs
from bench.distributions.normal import Normal
from bench.distributions.normal_lines import LaplaceLine, LogNormalLine, NormalLine
from bench.distributions.von_mises import VonMises


class StudentLine(Line):
    """z = μ₀ + σ₀ sinh u, with the parameters of the degrees of freedom, μ and σ."""

    def z(self, u: acb) -> acb:
        _, loc, scale = self.anchor
        return loc + scale * u.sinh()

    def log_density(self, u: acb, within: Within) -> acb:
        df, _, _ = self.anchor
        normalizer = log_gamma(df / 2, 0.5) - log_gamma(df / 2) - (log_of(df / 2) + log_2pi()) / 2
        return normalizer - (df + arb(1)) / 2 * self._log_tail(u) + log_cosh(u)

    def scores(self, u: acb, within: Within) -> list[acb]:
        df, _, scale = self.anchor
        more = df + arb(1)
        # Of y = sinh u: y²/(ν + y²) and y/(ν + y²), in the form that keeps its digits.
        if 0 in u.real:
            square, single = (u.sinh() ** k / (df + u.sinh() ** 2) for k in (2, 1))
        else:
            inverse = inverse_sinh(u)
            square = 1 / (1 + df * inverse**2)
            single = square * inverse
        constant = (digamma(df / 2, 0.5) - digamma(df / 2) - acb(1) / df) / 2
        of_df = constant - self._log_tail(u) / 2 + more / (2 * df) * square
        return [of_df, more * single / scale, (more * square - 1) / scale]

    @staticmethod
    def z_of(u: Tensor, *anchor: Tensor) -> Tensor:
        _, loc, scale = anchor
        return loc + scale * u.sinh()

    def edges(self) -> list[float]:
        reach = max(LOG_REACH, TAIL / self.anchor[0])
        return rungs(0.0, 1.0, -reach, reach)

    def _log_tail(self, u: acb) -> acb:
        """log(1 + sinh²u/ν), as far out as one likes."""
        df, _, _ = self.anchor
        if 0 in u.real:
            return log(1 + u.sinh() ** 2 / df)
        size = outward(u)
        small = (-2 * size).exp()
        return 2 * size - log_of(4 * df) + log((1 - small) ** 2 + 4 * df * small)

    @staticmethod
    def log_density_of(u: Tensor, anchor: Sequence[Tensor], *parameters: Tensor) -> Tensor:
        (df, loc, scale), (_, loc0, scale0) = parameters, anchor
        # Beyond |u| = 300 the location is lost to rounding, and y² would overflow.
        y = ((loc0 - loc) + scale0 * u.clamp(-300, 300).sinh()) / scale  # [K, R, (D)]
        log_square = 2 * y.abs().log() + 2 * (u.abs() - 300).clamp(min=0)  # [K, R, (D)]
        tail = torch.where(u.abs() < 300, (y.square() / df).log1p(), log_square - df.log())
        log_cosh = u.abs() + (-2 * u.abs()).exp().log1p() - math.log(2)
        normalizer = ((df + 1) / 2).lgamma() - (df / 2).lgamma() - (df * math.pi).log() / 2
        return normalizer - (df + 1) / 2 * tail + log_cosh + (scale0.log() - scale.log())


class VonMisesLine(Line):
    """z = u in [−π, π), with the parameters μ and κ."""

    def z(self, u: acb) -> acb:
        return u

    def log_density(self, u: acb, within: Within) -> acb:
        loc, kappa = self.anchor
        sine = ((u - loc) / 2).sin()
        return -2 * kappa * sine * sine - _scaled_bessel(0, kappa).log() - log_2pi()

    def scores(self, u: acb, within: Within) -> list[acb]:
        loc, kappa = self.anchor
        ratio = _scaled_bessel(1, kappa) / _scaled_bessel(0, kappa)
        return [kappa * (u - loc).sin(), (u - loc).cos() - ratio]

    @staticmethod
    def z_of(u: Tensor, *anchor: Tensor) -> Tensor:
        del anchor  # u is of the number itself
        return u

    def edges(self) -> list[float]:
        return rungs(*self.mode, -math.pi, math.pi)

    @property
    def mode(self) -> tuple[float, float]:
        loc, kappa = self.anchor
        return (loc + math.pi) % (2 * math.pi) - math.pi, 1 / math.sqrt(kappa + 1)

    def far(self) -> list[float]:
        return []

    @staticmethod
    def log_density_of(u: Tensor, anchor: Sequence[Tensor], *parameters: Tensor) -> Tensor:
        del anchor  # u is the number itself
        loc, concentration = parameters
        return VonMises(loc, concentration, validate_args=False).log_prob(u)


@functools.lru_cache(4096)
def _scaled_bessel(order: int, kappa: float) -> acb:
    """e^−κ I(κ)."""
    with ctx.workprec(BITS):
        return acb(kappa).bessel_i(order) * (-acb(kappa)).exp()


_LINES: Mapping[type[Distribution], tuple[type[Line], Callable[[Any], tuple[Tensor, ...]]]] = {
    Normal: (NormalLine, lambda p: (p.loc, p.scale)),
    LogNormal: (LogNormalLine, lambda p: (p.loc, p.scale)),
    Laplace: (LaplaceLine, lambda p: (p.loc, p.scale)),
    Exponential: (GammaLine, lambda p: (torch.ones_like(p.rate), -p.rate.log(), torch.ones_like(p.rate))),
    Gamma: (GammaLine, lambda p: (p.concentration, -p.rate.log(), torch.ones_like(p.rate))),
    Weibull: (GammaLine, lambda p: (torch.ones_like(p.scale), p.scale.log(), p.concentration)),
    # z²/(2σ²) is a gamma variable with a = ½.
    HalfNormal: (
        GammaLine,
        lambda p: (
            torch.full_like(p.scale, 0.5),
            p.scale.log() + 0.5 * math.log(2),
            torch.full_like(p.scale, 2.0),
        ),
    ),
    Beta: (BetaLine, lambda p: (p.concentration1, p.concentration0)),
    StudentT: (StudentLine, lambda p: (p.df, p.loc, p.scale)),
    VonMises: (VonMisesLine, lambda p: (p.loc, p.concentration)),
}


def line_of(p: Distribution) -> tuple[type[Line], tuple[Tensor, ...]]:
    """Return the line of a distribution of single numbers, and the parameters there, `[R, (D)]` each."""
    cls, parameters = _LINES[type(p)]
    return cls, torch.broadcast_tensors(*parameters(p))  # type: ignore[no-untyped-call]
