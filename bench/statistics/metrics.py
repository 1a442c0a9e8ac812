"""The functions of the metrics: from the evidence on one cell to columns of the table of measurements."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch

from bench.statistics.evidence import Evidence
from bench.statistics.intervals import (
    Interval,
    mean_interval,
    median_interval,
    normal_interval,
    variance_interval,
    wilson_interval,
)
from bench.statistics.unbiasedness import Difference, squared_norm
from bench.statistics.verdict import ROUNDING, bias_interval, bias_p, verdict_of, zero_of

LEAST_FOR_VARIANCE = 100
"""Replicates below which a variance has no interval, unless its kurtosis is known: by `make calibrate`."""

Columns = Mapping[str, float | str]


def bias(evidence: Evidence) -> Columns:
    """The distance of the mean estimate from the truth, with a 95 % interval and a verdict.

    Signed for one coordinate, with the interval that inverts Hall's test. Otherwise the
    norm |E g − ∇F|, its square freed of what noise adds to it. The p-value is Hall's for the
    worst coordinate (Bonferroni over those that vary; it is no smaller than its skewness and R
    allow), or, of several, twice the smaller of that and the F-type test's for the vector. The error
    of a reference counts throughout. A row is called biased by all rows of a run together (Holm, 1 %).
    "Within 1 %" is said only when a test of equivalence says so. The exact bias is that of the
    estimator's exact mean, where it is known without sampling.
    """
    interval = bias_interval(evidence)
    return {
        "bias": interval.value,
        "bias_low": interval.low,
        "bias_high": interval.high,
        "bias_p": bias_p(evidence),
        "bias_exact": _exact_bias(evidence),
        "verdict": verdict_of(evidence),
    }


def variance(evidence: Evidence) -> Columns:
    """The trace of the covariance of one estimate, with a 95 % interval by the jackknife.

    The kurtosis is that of the squared deviations from the mean estimate, 3 for a normal
    estimate in one dimension; the interval uses the larger of the sample's and what is known
    exactly or from other sample sizes. It is not given below R = 100, unless the kurtosis is known
    exactly, and has no upper end where the draws missed what is rare. Beside it stands the variance
    that is known without sampling, and by how many standard errors the measured one differs.
    Below 50 effective degrees of freedom the interval may cover 85 to 90 % where it says 95 %.
    The largest share is that of a single replicate.
    """
    interval = variance_of(evidence)
    return {
        "variance": interval.value,
        "variance_low": interval.low,
        "variance_high": interval.high,
        "variance_exact": evidence.exact_variance,
        "variance_z": evidence.variance_z,
        "kurtosis": evidence.kurtosis,
        "kurtosis_exact": evidence.exact_kurtosis,
        "effective_dof": _ratio(2.0, interval.standard_error**2),
        "largest_share": evidence.scalars.squares.largest_share,
    }


def variance_of(evidence: Evidence) -> Interval:
    """The trace of the covariance with its interval, as far as that can be given.

    Its upper end is open where the draws missed what is rare: as their costs tell, or the exact variance.
    """
    exact, kurtosis = evidence.believed_variance, evidence.believed_kurtosis
    interval = variance_interval(
        evidence.scalars.squares,
        evidence.known_kurtosis,
        evidence.variance,
        evidence.normal_kurtosis,
        kurtosis,
    )
    known = not math.isnan(kurtosis)
    if interval.value == 0:
        zero = evidence.is_still and not exact > 0
        return Interval(0.0, 0.0, 0.0 if zero else math.inf, 0.0 if zero else math.inf)
    if evidence.missed or exact > interval.high:
        return Interval(interval.value, interval.low, math.inf, interval.standard_error)
    if evidence.replicates < LEAST_FOR_VARIANCE and not known:
        return Interval(interval.value, math.nan, math.nan, interval.standard_error)
    return interval


def mean_squared_error(evidence: Evidence) -> Columns:
    """E|g − ∇F|², with a 95 % interval by the jackknife on its logarithm; open where noise was not seen."""
    interval = mean_interval(evidence.scalars.errors)
    if evidence.missed or (evidence.variance == 0 and variance_of(evidence).high > 0):
        interval = Interval(interval.value, interval.low, math.inf, math.inf)
    return _columns("mse", interval)


def signal_to_noise(evidence: Evidence) -> Columns:
    """|E g| / √tr(Σ) of one estimate, with a 95 % interval.

    Where the truth is exact it stands for E g, and the noise alone is uncertain. Else
    the square of the mean estimate is freed of what noise adds to it, and cut at zero.
    """
    return _columns("snr", _signal_to_noise(evidence))


def cosine(evidence: Evidence) -> Columns:
    """The mean cosine between an estimate and the truth, and how often it is positive, with 95 % intervals.

    Estimates of norm zero have none.
    """
    cosines = evidence.scalars.cosines
    mean = normal_interval(cosines.mean, cosines.standard_error)
    positive = wilson_interval(cosines.positive, cosines.count)
    return {**_columns("cosine", mean), **_columns("positive_cosine", positive)}


def cost(evidence: Evidence) -> Columns:
    """Seconds (the median of the timed chunks), evaluations of f and peak memory of one estimate."""
    return {
        **_columns("seconds", median_interval(evidence.seconds)),
        "evaluations": evidence.evaluations,
        "bytes": evidence.bytes,
    }


def work_normalized_variance(evidence: Evidence) -> Columns:
    """Variance × seconds, × evaluations of f and × bytes, for one estimate, with 95 % intervals.

    What a fixed budget of time (of evaluations, of memory) makes of the error, whatever N
    is; Glynn & Whitt (1992), The asymptotic efficiency of simulation estimators.
    """
    of_variance = variance_of(evidence)
    seconds = median_interval(evidence.seconds)
    return {
        **_columns("work_normalized_variance", _product(of_variance, seconds)),
        **_columns("evaluation_normalized_variance", of_variance.through(lambda x: x * evidence.evaluations)),
        **_columns("byte_normalized_variance", of_variance.through(lambda x: x * evidence.bytes)),
    }


def _exact_bias(evidence: Evidence) -> float:
    """Signed for one coordinate, else its norm; NaN where the estimator's mean is not known exactly."""
    if evidence.exact is None:
        return math.nan
    difference = evidence.exact.mean - evidence.truth  # [P]
    return float(difference) if len(difference) == 1 else float(difference.norm())


def _signal_to_noise(evidence: Evidence) -> Interval:
    noise = variance_of(evidence)
    if not evidence.variance > 0:
        value = _ratio(float(evidence.mean.square().sum()), evidence.variance)
        return Interval(value, value, value, math.nan)
    if float(evidence.truth_error.norm()) <= ROUNDING * float(evidence.truth.norm()) + zero_of(evidence):
        size = float(evidence.truth.norm())
        return noise.through(lambda x: size / math.sqrt(x) if x > 0 else math.nan)
    square, error = signal_to_noise_squared(evidence)
    of_square = normal_interval(square, error)
    return of_square.through(_root)


def signal_to_noise_squared(evidence: Evidence) -> tuple[float, float]:
    """(|mean|² − tr(S)/R) / tr(S), not cut at zero, and its standard error, that of tr(S) included."""
    difference = evidence.difference
    about_zero = Difference(
        evidence.mean,
        difference.variance,
        torch.zeros_like(difference.truth_variance),
        difference.skewness,
        difference.replicates,
    )
    square, error = squared_norm(about_zero, evidence.spectrum.scaled(1 / difference.replicates))
    noise = variance_of(evidence).standard_error
    square = square / evidence.variance
    return square, math.hypot(error / evidence.variance, square * noise)


def _columns(name: str, interval: Interval) -> Columns:
    return {name: interval.value, f"{name}_low": interval.low, f"{name}_high": interval.high}


def _root(square: float) -> float:
    return math.sqrt(max(0.0, square)) if not math.isnan(square) else square


def _product(a: Interval, b: Interval) -> Interval:
    """Multiply two positive values that are independent: their squared errors add up on the log scale."""
    value = a.value * b.value
    if not (a.low > 0 and b.low > 0):
        return Interval(value, math.nan, math.nan, math.nan)
    down = math.hypot(math.log(a.value / a.low), math.log(b.value / b.low))
    up = math.hypot(math.log(a.high / a.value), math.log(b.high / b.value))
    return Interval(
        value, value * math.exp(-down), value * math.exp(up), math.hypot(a.standard_error, b.standard_error)
    )


def _ratio(a: float, b: float) -> float:
    if b == 0:
        return math.inf if a > 0 else math.nan
    return a / b
