"""The ratio of two means of pairs, with the interval of Fieller."""

from __future__ import annotations

import math

from torch import Tensor

from bench.statistics.intervals import UNKNOWN, Interval
from bench.statistics.tails import t_quantile


def fieller(x: Tensor, y: Tensor, level: float) -> Interval:
    r"""An interval for E[x]/E[y] from R pairs: all c for which the mean of x − c y may be zero.

    .. math:: (\bar x - c \bar y)^2 \le t^2 (s_{xx} - 2 c s_{xy} + c^2 s_{yy}) / R

    Fieller (1954), Some problems in interval estimation, J. R. Statist. Soc. B 16, §2.

    Args:
        x: `[R]` in float64.
        y: `[R]`, paired with x.
        level: of confidence.

    Returns:
        An interval without ends where the mean of y may be zero.
    """
    R = len(x)
    if R < 3:
        return UNKNOWN
    mean_x, mean_y = float(x.mean()), float(y.mean())
    if mean_y == 0:
        return UNKNOWN
    dx, dy = x - mean_x, y - mean_y
    unit = float(t_quantile((1 + level) / 2, R - 1)) ** 2 / (R * (R - 1))
    xx, xy, yy = (unit * float((a * b).sum()) for a, b in ((dx, dx), (dx, dy), (dy, dy)))
    a, b, c = mean_y**2 - yy, mean_x * mean_y - xy, mean_x**2 - xx
    ratio = mean_x / mean_y
    if a <= 0:
        return Interval(ratio, -math.inf, math.inf, math.nan)
    root = math.sqrt(max(0.0, b * b - a * c))
    error = float((dx - ratio * dy).std()) / math.sqrt(R) / abs(mean_y)
    return Interval(ratio, (b - root) / a, (b + root) / a, error)
