"""Fits of the rate: by hand, and as often right as they say."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from bench.statistics.rate import limiting_bias, line, rate, standard_error, verdict

SIZES = [10, 100, 1000, 10_000]


def test_a_line_by_hand() -> None:
    # Equal errors 1 at x = −1, 0, 1 and y = 0, 1, 5: slope 5/2, mean 2; residuals 1/2, −1, 1/2.
    fit = line([-1, 0, 1], [0, 1, 5], [1, 1, 1])
    assert fit.slope.value == pytest.approx(2.5)
    assert fit.slope.standard_error == pytest.approx(1 / math.sqrt(2))
    assert fit.intercept.value == pytest.approx(2.0)
    assert fit.intercept.standard_error == pytest.approx(1 / math.sqrt(3))
    assert fit.lack_of_fit == pytest.approx(stats.chi2.sf(1.5, 1))


def test_exact_powers() -> None:
    one = rate(SIZES, [87 / N for N in SIZES], [0.05] * 4)
    assert one.slope.value == pytest.approx(-1)
    assert verdict(one) == "1/N"
    assert verdict(rate(SIZES, [N**-1.5 for N in SIZES], [0.05] * 4)) == "not 1/N"
    assert verdict(rate(SIZES, [1, 0.1, 0.5, 0.001], [0.05] * 4)) == "no power of N"


def test_fewer_than_four_points_tell_nothing() -> None:
    fit = rate(SIZES, [1.0, 0.1, 0.01, 0.0], [0.05] * 4)
    assert math.isnan(fit.slope.value)
    assert verdict(fit) == ""


def test_a_bias_that_vanishes_and_one_that_stays() -> None:
    vanishing = limiting_bias(SIZES, [3 / N for N in SIZES], [0.01] * 4)
    assert vanishing.intercept.low < 0 < vanishing.intercept.high
    assert vanishing.slope.value == pytest.approx(3)
    staying = limiting_bias(SIZES, [0.2 + 3 / N for N in SIZES], [0.01] * 4)
    assert staying.intercept.value == pytest.approx(0.2)
    assert staying.intercept.low > 0


def test_the_error_of_an_interval() -> None:
    half = float(stats.norm.ppf(0.975))
    assert standard_error(1 - half, 1 + half) == pytest.approx(1)


@pytest.mark.parametrize(("slope", "right"), [(-1.0, True), (-1.1, False)])
def test_the_interval_of_the_slope_covers_as_often_as_it_says(slope: float, right: bool) -> None:
    # 2000 fits: a binomial of 0.95 stays above 0.927 and below 0.970 but for 1e-5.
    generator = np.random.default_rng(0)
    noise = 0.05 * generator.standard_normal((2000, 4))
    fits = [
        rate(SIZES, [math.exp(e) / N for N, e in zip(SIZES, row, strict=True)], [0.05] * 4) for row in noise
    ]
    share = np.mean([fit.slope.low <= slope <= fit.slope.high for fit in fits])
    assert (0.927 < share < 0.970) == right
