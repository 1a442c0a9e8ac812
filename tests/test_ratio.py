"""Ratios of variances and of errors: cases by hand, exact values, coverage, and what must fail."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats

from bench.catalogue import build
from bench.statistics import contributions as given
from bench.statistics.contributions import Numbers
from bench.statistics.ratio import PAIRED_FROM, Ratio, times
from tests.cases import estimates_of, problem_of
from tests.ratios import common_ratio, mean_without_one, paired_ratio, unpaired_ratio, variance_without_one

EXACT = 47 / 42
"""Var with baseline 4 over Var with 5, on z² at θ = 2: with c = 4 − b it is (47 + 6 c + c²)/N."""


def contributions(estimates: Numbers) -> Numbers:
    R = len(estimates)
    return np.asarray((estimates - estimates.mean()) ** 2 * R / (R - 1))


def with_baseline(value: float, sample_size: int, replicates: int, seed: int = 0) -> Numbers:
    estimator = build("estimators", "reinforce", {"baseline": {"constant": {"value": value}}})
    estimates = estimates_of(estimator, problem_of("gaussian"), sample_size, replicates, seed)
    return contributions(estimates[:, 0].numpy())


def squares(seed: int, shape: int | tuple[int, ...] = 500) -> Numbers:
    return np.random.default_rng(seed).normal(size=shape) ** 2


# --- by hand --------------------------------------------------------------------------------------


def test_the_variance_without_one_is_that_of_the_others() -> None:
    x = np.array([1.0, 2.0, 6.0, -3.0])
    others = [np.delete(x, i).var(ddof=1) for i in range(4)]
    assert np.exp(variance_without_one(contributions(x))) == pytest.approx(others)


def test_the_mean_without_one_is_that_of_the_others() -> None:
    assert np.exp(mean_without_one(np.array([1.0, 2.0, 6.0]))) == pytest.approx([4, 3.5, 1.5])


def test_a_ratio_by_hand() -> None:
    a, b = np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.0, 8.0])
    found = paired_ratio(a, b, 0.9, given.mean_without_one)
    # Without each in turn: a 5/2, 2, 3/2 and b 5, 5, 2.
    d = np.log([2, 5 / 2, 4 / 3])
    error = math.sqrt(2 / 3 * ((d - d.mean()) ** 2).sum())
    center = 3 * math.log(2) - 2 * d.mean()
    half = stats.t.ppf(0.95, 2) * error
    assert found.value == 2
    assert (found.log_center, found.log_error) == (pytest.approx(center), pytest.approx(error))
    assert found.low == pytest.approx(math.exp(center - half))
    assert found.high == pytest.approx(math.exp(center + half))


def test_without_pairs_squared_errors_add() -> None:
    a, b = squares(0), squares(1, 300)
    one = np.full(400, 1.0)
    alone = [unpaired_ratio(one, part).log_error for part in (a, b)]
    found = unpaired_ratio(a, b)
    assert found.log_error == pytest.approx(math.hypot(*alone))
    assert found.value == pytest.approx(b.mean() / a.mean())
    assert found.degrees == 299
    assert not found.paired


@pytest.mark.parametrize("without_one", [given.variance_without_one, given.mean_without_one])
@pytest.mark.parametrize("level", [0.5, 0.95, 1 - 1e-6])
def test_what_is_identical_has_the_ratio_1_and_no_width(without_one: object, level: float) -> None:
    a = squares(0)
    found = paired_ratio(a, a.copy(), level, without_one)  # type: ignore[arg-type]
    assert (found.value, found.low, found.high) == (1, 1, 1)


def test_a_common_scale_changes_nothing() -> None:
    a, b = squares(0), squares(1)
    once, again = paired_ratio(a, b), paired_ratio(1e-200 * a, 1e-200 * b)
    assert (again.value, again.low, again.high) == pytest.approx((once.value, once.low, once.high))


@pytest.mark.parametrize("ratio", [paired_ratio, unpaired_ratio])
def test_a_side_without_noise_is_decided(ratio: object) -> None:
    zero, some = np.zeros(50), squares(0, 50)
    for a, b, value in ((some, zero, 0.0), (zero, some, math.inf), (zero, zero, 1.0)):
        found: Ratio = ratio(a, b)  # type: ignore[operator]
        assert (found.value, found.low, found.high) == (value, value, value)


@pytest.mark.parametrize("R", [0, 1, 2])
def test_too_few_replicates_have_no_interval(R: int) -> None:
    found = paired_ratio(np.ones(R), np.full(R, 2.0))
    assert math.isnan(found.low)
    assert math.isnan(found.high)
    assert found.value == 2 or R == 0


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_not_finite_has_no_ratio(bad: float) -> None:
    assert math.isnan(unpaired_ratio(np.array([1.0, bad, 1.0]), np.ones(3)).value)


def test_one_replicate_that_carries_everything_decides_nothing() -> None:
    found = paired_ratio(np.array([1.0, 0, 0, 0, 0]), np.ones(5))
    assert found.low < 1e-6
    assert found.high > 1e6


def test_pairs_have_two_sides() -> None:
    with pytest.raises(ValueError, match="not 3 and 4"):
        paired_ratio(np.ones(3), np.ones(4))


def test_seconds_multiply_and_their_error_adds() -> None:
    variances = paired_ratio(squares(0), squares(1))
    found = times(variances, 0.3, 2.0)
    assert found.value == pytest.approx(2 * variances.value)
    assert found.log_error == pytest.approx(math.hypot(variances.log_error, 0.3))
    assert found.log_center == pytest.approx(variances.log_center + math.log(2))
    assert times(variances, 0.0, 1.0) == variances
    assert math.isnan(times(variances, math.nan, 2.0).low)
    assert math.isnan(times(variances, 0.1, math.nan).value)


# --- estimators -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def baselines() -> dict[int, Numbers]:
    return {value: with_baseline(value, sample_size=10, replicates=20_000) for value in (4, 5, 7)}


@pytest.mark.parametrize(("value", "exact"), [(4, EXACT), (7, 38 / 42)])
def test_the_ratio_of_two_baselines_is_the_exact_one(
    baselines: dict[int, Numbers], value: int, exact: float
) -> None:
    found = paired_ratio(baselines[5], baselines[value])
    # False alarms: 6e-7 for each case.
    assert abs(found.log_center - math.log(exact)) < 5 * found.log_error
    # And it has the power to tell 1.119 from 1.08 or 1.16.
    assert found.log_error < 0.01
    assert found.low > 1 or value == 7


def test_pairs_are_much_narrower(baselines: dict[int, Numbers]) -> None:
    pairs, apart = (ratio(baselines[5], baselines[4]) for ratio in (paired_ratio, unpaired_ratio))
    # By theory it is the root of about 100 at N = 10.
    assert apart.log_error > 5 * pairs.log_error


def test_wrong_pairs_lose_what_pairing_gains(baselines: dict[int, Numbers]) -> None:
    # The control: were pairing a matter of the formula alone, this would be narrow, too.
    wrong = paired_ratio(baselines[5], np.roll(baselines[4], 1))
    right = paired_ratio(baselines[5], baselines[4])
    assert wrong.log_error > 5 * right.log_error


def test_pairs_are_claimed_from_enough_replicates(baselines: dict[int, Numbers]) -> None:
    a, b = baselines[5], baselines[4]
    enough = PAIRED_FROM // 10
    assert common_ratio(a[:enough], b[:enough], 10).paired
    assert common_ratio(a[:enough], b[:enough], 1000).paired
    for R, N in ((enough - 1, 10), (enough, 9)):
        found = common_ratio(a[:R], b[:R], N)
        assert not found.paired
        assert found.log_error > 5 * paired_ratio(a[:R], b[:R]).log_error


# --- coverage -------------------------------------------------------------------------------------

TRIALS = 1000
NOMINAL = 0.95


def coverage(rho: float, scale: float, ratio: object, R: int = 200) -> int:
    """How many of the intervals hold the exact ratio `scale²`, for normal estimates correlated by rho."""
    generator = np.random.default_rng(7)
    x, noise = generator.normal(size=(2, TRIALS, R))
    y = scale * (rho * x + math.sqrt(1 - rho**2) * noise)
    found = [ratio(contributions(a), contributions(b)) for a, b in zip(x, y, strict=True)]  # type: ignore[operator]
    return sum(each.low <= scale**2 <= each.high for each in found)


@pytest.mark.parametrize("ratio", [paired_ratio, unpaired_ratio])
def test_intervals_hold_the_ratio_as_often_as_they_say(ratio: object) -> None:
    # False alarms: 1e-5 a side. They see a coverage below about 0.92 or above 0.98.
    low, high = stats.binom.ppf([1e-5, 1 - 1e-5], TRIALS, NOMINAL)
    assert low <= coverage(0.0, 1.5, ratio) <= high


def test_pairs_hold_the_ratio_under_common_random_numbers() -> None:
    low, high = stats.binom.ppf([1e-5, 1 - 1e-5], TRIALS, NOMINAL)
    assert low <= coverage(0.95, 1.1, paired_ratio) <= high


def test_without_pairs_common_random_numbers_give_too_wide_intervals() -> None:
    # The control: the count sees an interval that is wrong.
    assert coverage(0.95, 1.1, unpaired_ratio) > stats.binom.ppf(1 - 1e-5, TRIALS, NOMINAL)


def test_an_interval_by_the_f_distribution_fails() -> None:
    # The second control: F intervals of heavy tails, here Student's with 6 degrees of freedom.
    generator = np.random.default_rng(3)
    x, y = generator.standard_t(6, size=(2, TRIALS, 200))
    f = stats.f.ppf([0.025, 0.975], 199, 199)
    ratios = y.var(1, ddof=1) / x.var(1, ddof=1)
    held = ((f[0] <= ratios) & (ratios <= f[1])).sum()
    assert held < stats.binom.ppf(1e-5, TRIALS, NOMINAL)


def test_contributions_of_a_run_have_the_variance_for_a_mean() -> None:
    x = torch.randn(100, generator=torch.Generator().manual_seed(0), dtype=torch.float64).numpy()
    assert contributions(x).mean() == pytest.approx(x.var(ddof=1))
