"""The metrics: each a function from the evidence on one cell to columns of the table of measurements."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from scipy import stats

from bench.statistics.evidence import Evidence
from bench.statistics.intervals import Interval, log_interval, normal_interval

Columns = Mapping[str, float | str]

BIASED_BELOW = 0.01
"""The p-value below which a bias is called one."""
EQUIVALENCE = 0.01
"""The bias, as a part of the gradient's norm, that is small enough to be called none."""

# What float32 may round off a gradient, as a part of its norm, and what float64 may leave of a
# zero: an estimator without noise would be called biased for it.
_ROUNDING = 1e-6
_ZERO = 1e-12


def bias(evidence: Evidence) -> Columns:
    """How far the mean estimate is from the truth, with a 95 % interval.

    Signed for one coordinate. Otherwise the norm |E g − ∇F|, its square freed of what
    noise adds to it, |mean − ∇F|² − tr(S)/R; the interval takes the covariance at its
    most concentrated and so is wide. The p-value is the smallest of the coordinates' normal
    ones, times their number (Bonferroni). The error of a reference counts throughout.
    """
    R = max(evidence.replicates, 1)
    difference = evidence.mean - evidence.truth  # [P]
    square = evidence.variances / R + evidence.truth_error.square()  # [P], squared standard errors
    if len(difference) == 1:
        interval = normal_interval(float(difference), math.sqrt(float(square)))
    else:
        interval = _norm_interval(float(difference.square().sum()), float(square.sum()))
    size = float(evidence.truth.norm())
    p = _bias_p(difference, square, _ROUNDING * size + _ZERO)
    return {
        "bias": interval.value,
        "bias_low": interval.low,
        "bias_high": interval.high,
        "bias_p": p,
        "verdict": _verdict(p, interval, size),
    }


def variance(evidence: Evidence) -> Columns:
    """The trace of the covariance of one estimate, with a 95 % interval on the log scale.

    The interval's standard error is √((κ − 1)/R), with κ the kurtosis of the squared
    deviations from the mean estimate: 3 for a normal estimate in one dimension.
    """
    # A finite replicate that is alone in its block has no deviation from the block's mean.
    deviation = evidence.deviation[~evidence.deviation.isnan()]
    interval = log_interval(evidence.variance, deviation)
    spread = deviation / deviation.mean()
    return {
        "variance": interval.value,
        "variance_low": interval.low,
        "variance_high": interval.high,
        "kurtosis": float(spread.square().mean()),
        "effective_dof": _ratio(2.0, interval.standard_error**2),
    }


def mean_squared_error(evidence: Evidence) -> Columns:
    """E|g − ∇F|², with a 95 % interval on the log scale."""
    interval = log_interval(float(evidence.error.mean()), evidence.error)
    return {"mse": interval.value, "mse_low": interval.low, "mse_high": interval.high}


def signal_to_noise(evidence: Evidence) -> Columns:
    """|∇F| / √tr(S), of one estimate."""
    return {"snr": math.sqrt(_ratio(float(evidence.truth.square().sum()), evidence.variance))}


def cosine(evidence: Evidence) -> Columns:
    """The mean cosine between an estimate and the truth; estimates of norm zero have none."""
    length = evidence.norm.sqrt() * evidence.truth.norm()
    return {"cosine": float((evidence.product / length)[length > 0].mean())}


def cost(evidence: Evidence) -> Columns:
    """Seconds and evaluations of f for one estimate; variance × seconds."""
    seconds = float(evidence.seconds.median())
    return {
        "seconds": seconds,
        "evaluations": evidence.evaluations,
        "work_normalized_variance": evidence.variance * seconds,
    }


METRICS: dict[str, Callable[[Evidence], Columns]] = {
    "bias": bias,
    "variance": variance,
    "mse": mean_squared_error,
    "snr": signal_to_noise,
    "cosine": cosine,
    "cost": cost,
}
"""Name -> metric, in the order of the columns."""


def measure(evidence: Evidence) -> dict[str, float | str]:
    """All metrics' columns."""
    columns: dict[str, float | str] = {}
    for metric in METRICS.values():
        columns |= metric(evidence)
    return columns


def _bias_p(difference: torch.Tensor, square: torch.Tensor, rounding: float) -> float:
    """Bonferroni over the coordinates that vary; one that does not must be right to rounding."""
    if bool((difference.isnan() | square.isnan()).any()):
        return math.nan
    wrong = torch.where(difference.abs() > rounding, difference.abs(), 0.0)  # [P]
    live = square > 0
    if bool(wrong[~live].any()):
        return 0.0
    if not bool(live.any()):
        return 1.0
    z = (wrong[live] / square[live].sqrt()).max()
    return min(1.0, 2 * float(stats.norm.sf(float(z))) * int(live.sum()))


def _norm_interval(square: float, noise: float) -> Interval:
    """|b| from |b̂|² and its squared standard error, with tr(Σ²) ≤ tr(Σ)² for want of the covariance."""
    if math.isnan(square) or math.isnan(noise):
        return Interval(math.nan, math.nan, math.nan, math.nan)
    debiased = max(0.0, square - noise)
    error = math.sqrt(4 * debiased * noise + 2 * noise**2)
    of_square = normal_interval(square - noise, error)
    low, high = max(0.0, of_square.low), max(0.0, of_square.high)
    return Interval(math.sqrt(debiased), math.sqrt(low), math.sqrt(high), error)


def _verdict(p: float, interval: Interval, size: float) -> str:
    if math.isnan(p):
        return "unknown"
    if p < BIASED_BELOW:
        return "biased"
    if max(abs(interval.low), abs(interval.high)) <= EQUIVALENCE * size:
        return f"within {EQUIVALENCE:.0%}".replace("%", " %")
    return "unresolved"


def _ratio(a: float, b: float) -> float:
    if b == 0:
        return math.inf if a > 0 else math.nan
    return a / b
