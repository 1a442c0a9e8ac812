"""The arithmetic of the gate: levels, errors, replicates, by hand and against each other."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from bench.scenario.gate_section import Bias, Gate, Ratio, Thresholds
from bench.scenario.thresholds import faults_of, thresholds_of
from bench.statistics.gating import (
    BASELINE,
    LEAST,
    Margin,
    Size,
    change,
    log_error,
    more_often,
    planned_replicates,
    required_replicates,
    stage_level,
    upper_quantile,
)

MARGIN = Margin(0.10, 0.02)


def test_two_stages_of_all_tests_make_up_alpha() -> None:
    for tests in (1, 40, 200):
        assert math.isclose(tests * stage_level(1e-4, tests) ** 2, 1e-4)
    assert stage_level(1e-4, 0) == stage_level(1e-4, 1)


def test_the_error_of_a_ratio_by_hand() -> None:
    new, old = Size(11.0, 2.0, 1000), Size(10.0, 5.0, 10_000)
    moved = change(new, old)
    assert math.isclose(moved.ratio, 1.1)
    # The larger kurtosis counts for both: √(4/1000 + 4/10 000), but for 2/(R − 1).
    assert math.isclose(moved.error, math.sqrt(4 / 1000 + 4 / 10_000), rel_tol=1e-3)
    low, high = moved.interval()
    assert math.isclose(math.log(high / low), 2 * 1.959964 * moved.error, rel_tol=1e-6)


def test_what_does_not_vary_needs_no_error() -> None:
    none, some = Size(0.0, 1.0, 100), Size(1.0, 3.0, 100)
    assert change(none, none).ratio == 1
    assert change(none, none).error == 0
    assert not change(none, none).exceeds(0.02, 1e-3)
    assert change(some, none).exceeds(0.02, 1e-3)
    assert change(none, some).falls_below(0.02, 1e-3)
    assert log_error(3.0, 1) == math.inf


@pytest.mark.parametrize("kurtosis", [5.4, 26.8])
@pytest.mark.parametrize("level", [1e-3, 1e-2])
def test_the_planned_replicates_give_the_power(kurtosis: float, level: float) -> None:
    R = planned_replicates(kurtosis, MARGIN, level)
    assert math.isclose(required_replicates(kurtosis, BASELINE * R, MARGIN, level), R, rel_tol=1e-9)
    error = math.sqrt((kurtosis - 1) / R + (kurtosis - 1) / (BASELINE * R))
    # The probability that a ratio of 1.1 is flagged, by the normal law of its logarithm.
    reach = (math.log(1.1) - math.log(1.02)) / error - upper_quantile(level)
    assert math.isclose(stats.norm.cdf(reach), 0.995, rel_tol=1e-9)
    assert math.isclose(MARGIN.detectable(error, level), 0.10, rel_tol=1e-9)


def test_the_figures_of_the_theory() -> None:
    # Without an indifference, for 10 % more at level 1e-3 and power 0.99: 17 100 at the kurtosis 5.4.
    R = planned_replicates(5.4, Margin(0.10, 0.0), 1e-3)
    assert 16_500 < R < 17_500
    assert planned_replicates(1.0, MARGIN, 1e-3) == LEAST
    assert required_replicates(5.4, 10.0, MARGIN, 1e-3) == math.inf


def test_flags_have_their_level_at_the_edge() -> None:
    # Independent normal log ratios at the edge of the indifference: flagged at the level, and not below it.
    level, error, n = 0.01, 0.02, 10_000
    noise = np.random.default_rng(3).standard_normal(n)
    new = np.exp(math.log(1.02) + error * noise)
    replicates = round(4 / error**2)
    flags = [
        change(Size(float(x), 5.0, replicates), Size(1.0, 5.0, 10**12)).exceeds(0.02, level) for x in new
    ]
    # Five standard errors of a rate of 0.01; a false alarm has probability 6e-7.
    assert abs(np.mean(flags) - level) < 5 * math.sqrt(level / n)
    wrong = [change(Size(float(x), 5.0, replicates), Size(1.0, 5.0, 10**12)).exceeds(0.0, level) for x in new]
    assert abs(np.mean(wrong) - level) > 5 * math.sqrt(level / n)


def test_rare_events_by_hand() -> None:
    assert more_often(0, 100, 0, 1000) == 1.0
    assert more_often(1, 100, 0, 1000) == 0.0
    assert math.isclose(more_often(2, 100, 1, 1000), stats.binom.sf(1, 3, 100 / 1100))


def test_an_estimators_own_word_goes_first() -> None:
    gate = Gate(
        variance=Ratio(max_increase=0.2),
        bias=Bias(margin=0.01),
        estimators={"mine": Thresholds(variance=Ratio(indifference=0.1), mse=Ratio(max_increase=0.5))},
    )
    mine, other = thresholds_of(gate, "mine"), thresholds_of(gate, "other")
    assert mine.ratios == {"variance": Margin(0.2, 0.1), "mse": Margin(0.5, 0.1)}
    assert other.ratios == {"variance": Margin(0.2, 0.04), "mse": Margin(0.1, 0.02)}
    assert (mine.bias_margin, other.bias_margin) == (0.01, 0.01)
    assert mine.sources == {"variance": "gate.estimators.mine", "mse": "gate.estimators.mine", "bias": "gate"}
    assert other.sources == {"variance": "gate", "mse": "default", "bias": "gate"}


def test_faults_of_thresholds_have_their_places() -> None:
    gate = Gate(
        variance=Ratio(indifference=0.3),
        estimators={"none": Thresholds(), "mine": Thresholds(mse=Ratio(indifference=0.2))},
    )
    faults = {fault.path: fault.message for fault in faults_of(gate, ["mine"])}
    assert set(faults) == {
        ("gate", "variance"),
        ("gate", "estimators", "none"),
        ("gate", "estimators", "mine", "mse"),
    }
    assert "below the 0.1 of max_increase, got 0.3" in faults["gate", "variance"]
