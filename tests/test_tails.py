"""Quantiles and tails agree with those of scipy.stats, which the program does not import."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from bench.statistics import tails
from bench.statistics.intervals import LEVEL, wilson_interval

VALUES = [0.0, 1e-300, 0.3, 1.0, 4.0, 30.0]
DEGREES = [0.0, 1e-3, 0.5, 1.0, 2.0, 29.0, 1e5, 1e9]
LEVELS = [1e-12, 0.025, 0.5, 0.975, 1 - 1e-9]


def same(found: object, wanted: object) -> bool:
    return bool(np.allclose(found, wanted, rtol=1e-9, atol=0.0, equal_nan=True))  # type: ignore[arg-type]


def test_those_of_the_normal_distribution() -> None:
    for p in [*LEVELS, 0.0, 1.0]:
        assert same(tails.normal_quantile(p), stats.norm.ppf(p))
    for z in [*VALUES, 4.5, -3.0, math.inf]:
        assert same(tails.normal_tail(z), stats.norm.sf(z))
    assert math.isnan(tails.normal_tail(math.nan))


@pytest.mark.parametrize("degrees", [-1.0, *DEGREES])
def test_those_with_degrees_of_freedom(degrees: float) -> None:
    for p in LEVELS:
        assert same(tails.t_quantile(p, degrees), stats.t.ppf(p, degrees))
    for x in VALUES:
        assert same(tails.t_tail(x, degrees), stats.t.sf(x, degrees))
        assert same(tails.chi_square_tail(x, degrees), stats.chi2.sf(x, degrees))
        assert same(tails.f_tail(x, degrees, 29 * degrees), stats.f.sf(x, degrees, 29 * degrees))
        for shift in (0.0, 3.3, 1e4):
            found = tails.noncentral_chi_square(x, degrees, shift)
            assert same(found, stats.ncx2.cdf(x, degrees, shift))


def test_those_of_students_t_take_arrays() -> None:
    values, degrees = np.array([0.1, math.nan, 5.0]), np.array([2.0, 7.0, math.nan])
    assert same(tails.t_tail(values, 7), stats.t.sf(values, 7))
    assert same(tails.t_quantile(0.975, degrees), stats.t.ppf(0.975, degrees))


@pytest.mark.parametrize("trials", [1, 2, 5, 6, 7, 19, 100, 9999])
def test_those_of_the_binomial_distribution(trials: int) -> None:
    for p in (0.025, 0.3, 0.9):
        assert tails.binomial_quantile(p, trials, 0.5) == stats.binom.ppf(p, trials, 0.5)
    for count in (0, trials // 2, trials - 1):
        for share in (0.01, 0.5, 0.9):
            assert same(tails.binomial_tail(count, trials, share), stats.binom.sf(count, trials, share))


@pytest.mark.parametrize(("successes", "trials"), [(0, 7), (1, 7), (7, 7), (500, 1000), (0, 1)])
def test_wilsons_interval(successes: int, trials: int) -> None:
    wanted = stats.binomtest(successes, trials).proportion_ci(LEVEL, method="wilson")
    found = wilson_interval(successes, trials)
    assert same([found.low, found.high], [wanted.low, wanted.high])
