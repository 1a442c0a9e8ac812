"""Densities of continuous distributions on a line, where they are analytic and their tails are thin.

Each is written twice: with torch, differentiable in the parameters and for many at once, and in ball
arithmetic, for proofs.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from flint import acb, arb
from torch import Tensor
from torch.distributions import (
    Beta,
    Distribution,
    Exponential,
    Gamma,
    HalfNormal,
    Laplace,
    LogNormal,
    StudentT,
    Weibull,
)
from torch.nn.functional import logsigmoid

from bench.balls import UNDEFINED, inverse_sinh, log, log_cosh, log_sigmoid, outward, sigmoid
from bench.distributions.normal import Normal
from bench.distributions.von_mises import VonMises

_HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)
# Numbers whose logarithm is beyond are none in float64, with room for powers of them.
_LOG_REACH = 4096.0
_TAIL = 200.0  # of an exponential, e^−200


class Line(ABC):
    """The density of one number on a line u, at certain values of its parameters, the anchor.

    Attributes:
        anchor: the parameters.
    """

    def __init__(self, *anchor: float) -> None:
        self.anchor = anchor

    @abstractmethod
    def z(self, u: acb) -> acb:
        """The number at a place of the line."""

    @abstractmethod
    def log_density(self, u: acb, analytic: bool) -> acb:
        """The logarithm of the density in u."""

    @abstractmethod
    def scores(self, u: acb, analytic: bool) -> list[acb]:
        """The derivatives of the logarithm of the density in the parameters."""

    @abstractmethod
    def edges(self) -> list[float]:
        """Places from far on the left to far on the right, dense near the mode."""

    def middle(self) -> list[float]:
        """A few places where there is much probability."""
        center, width = self.mode
        return [center + width * step for step in (-1.0, -0.5, 0.0, 0.5, 1.0)]

    @property
    def mode(self) -> tuple[float, float]:
        """The place of the mode on the line, roughly, and the width of the density there."""
        return 0.0, 1.0

    def far(self) -> list[float]:
        """Places beyond which, and at which, nothing of an integral may be left."""
        return [self.edges()[0], self.edges()[-1]]

    @staticmethod
    @abstractmethod
    def log_density_of(u: Tensor, anchor: Sequence[Tensor], *parameters: Tensor) -> Tensor:
        """The logarithm of the density at nodes laid for an anchor, `[K, 1, (D)] -> [K, R, (D)]`."""


class NormalLine(Line):
    """z = μ₀ + σ₀ u, with the parameters μ and σ."""

    def z(self, u: acb) -> acb:
        loc, scale = self.anchor
        return loc + scale * u

    def log_density(self, u: acb, analytic: bool) -> acb:
        return -u * u / 2 - _log_2pi() / 2

    def scores(self, u: acb, analytic: bool) -> list[acb]:
        _, scale = self.anchor
        return [u / scale, (u * u - 1) / scale]

    def edges(self) -> list[float]:
        return rungs(0.0, 1.0, -_LOG_REACH, _LOG_REACH)

    def far(self) -> list[float]:
        return [sign * 2.0**k for k in range(12, 61, 4) for sign in (-1, 1)]

    @staticmethod
    def log_density_of(u: Tensor, anchor: Sequence[Tensor], *parameters: Tensor) -> Tensor:
        (loc, scale), (loc0, scale0) = parameters, anchor
        y = ((loc0 - loc) + scale0 * u) / scale  # [K, R, (D)]
        return -y.square() / 2 - _HALF_LOG_2PI + (scale0.log() - scale.log())


class MixtureLine(NormalLine):
    """The density of one part of a mixture of normals, with the scores of the mixture.

    Args:
        which: the part.
        shares: the probabilities of all.
        parts: μ and σ of all.
    """

    def __init__(self, which: int, shares: Sequence[float], parts: Sequence[Sequence[float]]) -> None:
        super().__init__(*parts[which])
        self.shares, self.parts = shares, parts

    def scores(self, u: acb, analytic: bool) -> list[acb]:
        z = self.z(u)
        places = [(z - loc) / scale for loc, scale in self.parts]
        found = []
        for i, ((_, scale), share) in enumerate(zip(self.parts, self.shares, strict=True)):
            if share > 0:
                part = self._responsibility(i, places)
                found += [part * places[i] / scale, part * (places[i] ** 2 - 1) / scale, part / share]
        return found

    def _responsibility(self, i: int, places: Sequence[acb]) -> acb:
        """The probability that a number is of part i."""
        odds = [
            share / self.shares[i] * self.parts[i][1] / acb(scale) * _exp_of_squares(places[i], place)
            for (_, scale), share, place in zip(self.parts, self.shares, places, strict=True)
            if share > 0
        ]
        total = sum(odds, acb(0))
        if total.real > 0:
            return 1 / total
        # On the real line it is between 0 and 1, whatever is known of it.
        return acb(arb(0.5, 0.5)) if all(place.imag == 0 for place in places) else UNDEFINED


class LogNormalLine(NormalLine):
    """log z = μ₀ + σ₀ u, with the parameters μ and σ."""

    def z(self, u: acb) -> acb:
        return super().z(u).exp()

    def edges(self) -> list[float]:
        loc, scale = self.anchor
        low, high = ((sign * _LOG_REACH - loc) / scale for sign in (-1, 1))
        return rungs(0.0, 1.0, min(low, -40.0), max(high, 40.0))

    def far(self) -> list[float]:
        return [self.edges()[0], self.edges()[-1]]


class LaplaceLine(NormalLine):
    """z = μ₀ + b₀ u, with the parameters μ and b."""

    def log_density(self, u: acb, analytic: bool) -> acb:
        return -u.real_abs(analytic=analytic) - acb(2).log()

    def scores(self, u: acb, analytic: bool) -> list[acb]:
        _, scale = self.anchor
        return [u.real_sgn(analytic=analytic) / scale, (u.real_abs(analytic=analytic) - 1) / scale]

    @staticmethod
    def log_density_of(u: Tensor, anchor: Sequence[Tensor], *parameters: Tensor) -> Tensor:
        (loc, scale), (loc0, scale0) = parameters, anchor
        y = ((loc0 - loc) + scale0 * u) / scale  # [K, R, (D)]
        return -y.abs() - math.log(2) + (scale0.log() - scale.log())


class GammaLine(Line):
    r"""log z = log λ₀ + u where (z/λ)^k is a gamma variable: the parameters are a, log λ and k.

    .. math:: p(u) = \frac{k}{\Gamma(a)} \exp(a v - e^v), \quad v = k (\log z - \log\lambda)
    """

    def z(self, u: acb) -> acb:
        _, log_scale, _ = self.anchor
        return (u + log_scale).exp()

    def log_density(self, u: acb, analytic: bool) -> acb:
        a, _, k = self.anchor
        w = k * u - acb(a).log()
        # For large a the two terms of w − (e^w − 1) cancel: to second order about the center of the ball.
        bend = -_to_second_order(lambda x: x.expm1() - x, acb.expm1, acb.exp, w)
        return a * bend + a * acb(a).log() - a - acb(a).lgamma() + acb(k).log()

    def scores(self, u: acb, analytic: bool) -> list[acb]:
        a, _, k = self.anchor
        v = k * u
        rise = v.exp() - a
        return [v - acb(a).digamma(), k * rise, (1 - rise * v) / k]

    def edges(self) -> list[float]:
        a, _, k = self.anchor
        center, width = self.mode
        # At the right end e^−z is below every number that there is.
        return rungs(center, width, center - max(_LOG_REACH, _TAIL / (a * k)), 130 / k)

    @property
    def mode(self) -> tuple[float, float]:
        a, _, k = self.anchor
        return math.log(a) / k, min(1.0, a**-0.5) / k

    @staticmethod
    def log_density_of(u: Tensor, anchor: Sequence[Tensor], *parameters: Tensor) -> Tensor:
        (a, log_scale, k), (_, log_scale0, _) = parameters, anchor
        w = k * ((log_scale0 - log_scale) + u) - a.log()  # [K, R, (D)]
        return a * (w - w.expm1()) - _log_gamma_excess(a) + k.log()


class BetaLine(Line):
    """log z − log(1 − z) = u, with the parameters of both concentrations."""

    def z(self, u: acb) -> acb:
        return sigmoid(u)

    def log_density(self, u: acb, analytic: bool) -> acb:
        a, b = self.anchor
        power = _to_second_order(
            lambda x: a * log_sigmoid(x) + b * log_sigmoid(-x),
            lambda x: a * sigmoid(-x) - b * sigmoid(x),
            lambda x: -(a + b) * sigmoid(x) * sigmoid(-x),
            u,
        )
        return power + acb(a + arb(b)).lgamma() - acb(a).lgamma() - acb(b).lgamma()

    def scores(self, u: acb, analytic: bool) -> list[acb]:
        a, b = self.anchor
        total = acb(a + arb(b)).digamma()
        return [
            log_sigmoid(u) + total - acb(a).digamma(),
            log_sigmoid(-u) + total - acb(b).digamma(),
        ]

    def edges(self) -> list[float]:
        a, b = self.anchor
        center, width = self.mode
        return rungs(center, width, center - max(_LOG_REACH, _TAIL / a), center + max(_LOG_REACH, _TAIL / b))

    @property
    def mode(self) -> tuple[float, float]:
        a, b = self.anchor
        return math.log(a) - math.log(b), min(1.0, math.sqrt(1 / a + 1 / b))

    @staticmethod
    def log_density_of(u: Tensor, anchor: Sequence[Tensor], *parameters: Tensor) -> Tensor:
        del anchor  # u is of the number itself
        a, b = parameters
        left, right = logsigmoid(u), logsigmoid(-u)  # [K, 1, (D)]
        return a * left + b * right + (a + b).lgamma() - a.lgamma() - b.lgamma()


class StudentLine(Line):
    """z = μ₀ + σ₀ sinh u, with the parameters of the degrees of freedom, μ and σ."""

    def z(self, u: acb) -> acb:
        _, loc, scale = self.anchor
        return loc + scale * u.sinh()

    def log_density(self, u: acb, analytic: bool) -> acb:
        df, _, _ = self.anchor
        normalizer = acb((df + arb(1)) / 2).lgamma() - acb(df / 2).lgamma() - (df * acb.pi()).log() / 2
        return normalizer - (df + arb(1)) / 2 * self._log_tail(u) + log_cosh(u)

    def scores(self, u: acb, analytic: bool) -> list[acb]:
        df, _, scale = self.anchor
        more = df + arb(1)
        # Of y = sinh u: y²/(ν + y²) and y/(ν + y²), in the form that keeps its digits.
        if 0 in u.real:
            square, single = (u.sinh() ** k / (df + u.sinh() ** 2) for k in (2, 1))
        else:
            inverse = inverse_sinh(u)
            square = 1 / (1 + df * inverse**2)
            single = square * inverse
        constant = (acb(more / 2).digamma() - acb(df / 2).digamma() - acb(1) / df) / 2
        of_df = constant - self._log_tail(u) / 2 + more / (2 * df) * square
        return [of_df, more * single / scale, (more * square - 1) / scale]

    def edges(self) -> list[float]:
        reach = max(_LOG_REACH, _TAIL / self.anchor[0])
        return rungs(0.0, 1.0, -reach, reach)

    def _log_tail(self, u: acb) -> acb:
        """log(1 + sinh²u/ν), as far out as one likes."""
        df, _, _ = self.anchor
        if 0 in u.real:
            return log(1 + u.sinh() ** 2 / df)
        size = outward(u)
        small = (-2 * size).exp()
        return 2 * size - acb(4 * arb(df)).log() + log((1 - small) ** 2 + 4 * df * small)

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

    def log_density(self, u: acb, analytic: bool) -> acb:
        loc, kappa = self.anchor
        sine = ((u - loc) / 2).sin()
        return -2 * kappa * sine * sine - _scaled_bessel(0, kappa).log() - _log_2pi()

    def scores(self, u: acb, analytic: bool) -> list[acb]:
        loc, kappa = self.anchor
        ratio = _scaled_bessel(1, kappa) / _scaled_bessel(0, kappa)
        return [kappa * (u - loc).sin(), (u - loc).cos() - ratio]

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


def rungs(center: float, width: float, low: float, high: float) -> list[float]:
    """Return edges at a center and at distances from it that double, from `low` to `high`."""
    steps = [width * 2.0**k for k in range(-1, 1 + math.ceil(math.log2((high - low) / width)))]
    inner = [*(center - step for step in reversed(steps)), center, *(center + step for step in steps)]
    return [low, *(edge for edge in inner if low < edge < high), high]


def _to_second_order(
    function: Callable[[acb], acb],
    slope: Callable[[acb], acb],
    curvature: Callable[[acb], acb],
    ball: acb,
) -> acb:
    """Return an enclosure of a function in a ball that is close where terms of first order cancel."""
    center = acb(ball.real.mid(), ball.imag.mid())
    away = ball - center
    if not away.abs_upper() < 1:
        return function(ball)
    return function(center) + slope(center) * away + curvature(ball) * away * away / 2


def _exp_of_squares(x: acb, y: acb) -> acb:
    """exp((x² − y²)/2)."""
    return ((x * x - y * y) / 2).exp()


def _log_2pi() -> acb:
    return (2 * acb.pi()).log()


def _scaled_bessel(order: int, kappa: float) -> acb:
    """e^−κ I(κ)."""
    return acb(kappa).bessel_i(order) * (-acb(kappa)).exp()


def _log_gamma_excess(a: Tensor) -> Tensor:
    """log Γ(a) − a log a + a, with all digits where a is large."""
    large = a.clamp(min=20)
    series = 1 / 12 - (1 / 360 - (1 / 1260 - 1 / (1680 * large.square())) / large.square()) / large.square()
    stirling = _HALF_LOG_2PI - large.log() / 2 + series / large
    small = a.clamp(max=20)
    return torch.where(a > 20, stirling, small.lgamma() - small * small.log() + small)


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
