"""The lines of normal and Laplace distributions, of exponentials of normal numbers, and of mixtures."""

from __future__ import annotations

import math
from collections.abc import Sequence

from flint import acb, arb
from torch import Tensor

from bench.balls import UNDEFINED
from bench.distributions.line import LOG_REACH, Line, log_2pi, rungs

_HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


class NormalLine(Line):
    """z = μ₀ + σ₀ u, with the parameters μ and σ."""

    def z(self, u: acb) -> acb:
        loc, scale = self.anchor
        return loc + scale * u

    def log_density(self, u: acb, analytic: bool) -> acb:
        return -u * u / 2 - log_2pi() / 2

    def scores(self, u: acb, analytic: bool) -> list[acb]:
        _, scale = self.anchor
        return [u / scale, (u * u - 1) / scale]

    def edges(self) -> list[float]:
        return rungs(0.0, 1.0, -LOG_REACH, LOG_REACH)

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
        low, high = ((sign * LOG_REACH - loc) / scale for sign in (-1, 1))
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


def _exp_of_squares(x: acb, y: acb) -> acb:
    """exp((x² − y²)/2)."""
    return ((x * x - y * y) / 2).exp()
