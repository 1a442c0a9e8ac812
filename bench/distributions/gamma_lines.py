"""The lines of gamma and beta distributions: the logarithm, and the logit, of the number."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from flint import acb
from torch import Tensor
from torch.nn.functional import logsigmoid

from bench.balls import Within, digamma, log_gamma, log_of, log_sigmoid, sigmoid
from bench.distributions.line import LOG_REACH, TAIL, Line, rungs

_HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


class GammaLine(Line):
    r"""log z = log λ₀ + u where (z/λ)^k is a gamma variable: the parameters are a, log λ and k.

    .. math:: p(u) = \frac{k}{\Gamma(a)} \exp(a v - e^v), \quad v = k (\log z - \log\lambda)
    """

    def z(self, u: acb) -> acb:
        _, log_scale, _ = self.anchor
        return (u + log_scale).exp()

    def log_density(self, u: acb, within: Within) -> acb:
        a, _, k = self.anchor
        w = k * u - log_of(a)
        # For large a the two terms of w − (e^w − 1) cancel: to second order about the center of the ball.
        bend = -_to_second_order(lambda x: x.expm1() - x, acb.expm1, acb.exp, w)
        return a * bend + a * log_of(a) - a - log_gamma(a) + log_of(k)

    def scores(self, u: acb, within: Within) -> list[acb]:
        a, _, k = self.anchor
        v = k * u
        rise = v.exp() - a
        return [v - digamma(a), k * rise, (1 - rise * v) / k]

    @staticmethod
    def z_of(u: Tensor, *anchor: Tensor) -> Tensor:
        _, log_scale, _ = anchor
        return (u + log_scale).exp()

    def edges(self) -> list[float]:
        a, _, k = self.anchor
        center, width = self.mode
        # At the right end e^−z is below every number that there is.
        return rungs(center, width, center - max(LOG_REACH, TAIL / (a * k)), 130 / k)

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

    def log_density(self, u: acb, within: Within) -> acb:
        a, b = self.anchor
        power = _to_second_order(
            lambda x: a * log_sigmoid(x) + b * log_sigmoid(-x),
            lambda x: a * sigmoid(-x) - b * sigmoid(x),
            lambda x: -(a + b) * sigmoid(x) * sigmoid(-x),
            u,
        )
        return power + log_gamma(a, b) - log_gamma(a) - log_gamma(b)

    def scores(self, u: acb, within: Within) -> list[acb]:
        a, b = self.anchor
        total = digamma(a, b)
        return [log_sigmoid(u) + total - digamma(a), log_sigmoid(-u) + total - digamma(b)]

    @staticmethod
    def z_of(u: Tensor, *anchor: Tensor) -> Tensor:
        del anchor  # u is of the number itself
        return u.sigmoid()

    def edges(self) -> list[float]:
        a, b = self.anchor
        center, width = self.mode
        return rungs(center, width, center - max(LOG_REACH, TAIL / a), center + max(LOG_REACH, TAIL / b))

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


def _log_gamma_excess(a: Tensor) -> Tensor:
    """log Γ(a) − a log a + a, with all digits where a is large."""
    large = a.clamp(min=20)
    series = 1 / 12 - (1 / 360 - (1 / 1260 - 1 / (1680 * large.square())) / large.square()) / large.square()
    stirling = _HALF_LOG_2PI - large.log() / 2 + series / large
    small = a.clamp(max=20)
    return torch.where(a > 20, stirling, small.lgamma() - small * small.log() + small)
