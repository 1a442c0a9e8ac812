"""The lines of normal and Laplace distributions, of exponentials of normal numbers, and of mixtures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property

from flint import acb, arb
from torch import Tensor

from bench.balls import UNDEFINED, Within, log_2pi, log_of
from bench.distributions.line import LOG_REACH, Line, rungs

Quadratic = tuple[arb, arb, arb]
"""The coefficients of a polynomial, the highest first."""

_HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


class NormalLine(Line):
    """z = μ₀ + σ₀ u, with the parameters μ and σ."""

    def z(self, u: acb) -> acb:
        loc, scale = self.anchor
        return loc + scale * u

    def log_density(self, u: acb, within: Within) -> acb:
        return -u * u / 2 - log_2pi() / 2

    def scores(self, u: acb, within: Within) -> list[acb]:
        _, scale = self.anchor
        return [u / scale, (u * u - 1) / scale]

    @staticmethod
    def z_of(u: Tensor, *anchor: Tensor) -> Tensor:
        loc, scale = anchor
        return loc + scale * u

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

    def scores(self, u: acb, within: Within) -> list[acb]:
        z = self.z(u)
        found = []
        for i, ((loc, scale), share) in enumerate(zip(self.parts, self.shares, strict=True)):
            if share > 0:
                part, place = self._responsibility(i, z), (z - loc) / scale
                found += [part * place / scale, part * (place**2 - 1) / scale, part / share]
        return found

    def _responsibility(self, i: int, z: acb) -> acb:
        """The probability that a number is of part i."""
        total = sum((_quadratic(each, z).exp() for each in self._log_odds[i]), acb(1))
        if total.real > 0:
            return 1 / total
        # On the real line it is between 0 and 1, whatever is known of it.
        return acb(arb(0.5, 0.5)) if z.imag == 0 else UNDEFINED

    @cached_property
    def _log_odds(self) -> list[list[Quadratic]]:
        """For each part the logarithms of the odds of each other part against it, as functions of z."""
        laws = list(zip(self.parts, self.shares, strict=True))
        return [
            [
                _log_odds(*other, *law)
                for j, other in enumerate(laws)
                if j != i and other[1] > 0 and law[1] > 0
            ]
            for i, law in enumerate(laws)
        ]


class LogNormalLine(NormalLine):
    """log z = μ₀ + σ₀ u, with the parameters μ and σ."""

    def z(self, u: acb) -> acb:
        return super().z(u).exp()

    @staticmethod
    def z_of(u: Tensor, *anchor: Tensor) -> Tensor:
        return NormalLine.z_of(u, *anchor).exp()

    def edges(self) -> list[float]:
        loc, scale = self.anchor
        low, high = ((sign * LOG_REACH - loc) / scale for sign in (-1, 1))
        return rungs(0.0, 1.0, min(low, -40.0), max(high, 40.0))

    def far(self) -> list[float]:
        return [self.edges()[0], self.edges()[-1]]


class LaplaceLine(NormalLine):
    """z = μ₀ + b₀ u, with the parameters μ and b."""

    def log_density(self, u: acb, within: Within) -> acb:
        return -_side(u, within) * u - log_of(2.0)

    def scores(self, u: acb, within: Within) -> list[acb]:
        _, scale = self.anchor
        side = _side(u, within)
        return [side / scale, (side * u - 1) / scale]

    @staticmethod
    def log_density_of(u: Tensor, anchor: Sequence[Tensor], *parameters: Tensor) -> Tensor:
        (loc, scale), (loc0, scale0) = parameters, anchor
        y = ((loc0 - loc) + scale0 * u) / scale  # [K, R, (D)]
        return -y.abs() - math.log(2) + (scale0.log() - scale.log())


def _side(u: acb, within: Within) -> acb:
    """1 to the right of zero and −1 to the left; between the two if it is both."""
    for real in (u.real,) if within is None else (within.real, u.real):
        if real >= 0 or real <= 0:
            return acb(1) if real >= 0 else acb(-1)
    return acb(arb(0, 1)) if within is None else UNDEFINED


def _log_odds(part: Sequence[float], share: float, other: Sequence[float], other_share: float) -> Quadratic:
    """The logarithm of the odds of one part of a mixture against another, a polynomial in z."""
    (loc, scale), (other_loc, other_scale) = ([arb(each) for each in law] for law in (part, other))
    mean, other_mean = loc / scale**2, other_loc / other_scale**2
    return (
        # Nothing, and not a ball about it, if the scales are the same.
        (scale**2 - other_scale**2) / (2 * scale**2 * other_scale**2),
        mean - other_mean,
        (other_loc * other_mean - loc * mean) / 2 + (share * other_scale / (other_share * scale)).log(),
    )


def _quadratic(coefficients: Quadratic, z: acb) -> acb:
    """a z² + b z + c in the form in which z stands once: its bounds are narrow."""
    a, b, c = coefficients
    if a == 0:
        return b * z + c
    vertex = b / (2 * a)
    return a * (z + vertex) ** 2 + (c - b * vertex / 2)
