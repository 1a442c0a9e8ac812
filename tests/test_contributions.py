"""Means of squares that are left out one by one, and in groups where there are many."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bench.statistics import contributions as module
from bench.statistics.contributions import (
    MOST,
    Numbers,
    contributions,
    mean_without_one,
    of_mean,
    of_variance,
    variance_without_one,
)
from bench.statistics.ratio import paired_ratio

R = 40_000


def squares(seed: int = 0, count: int = R) -> Numbers:
    """Squares of numbers with a tail: the error of their mean is not that of squares of normal numbers."""
    return np.random.default_rng(seed).standard_t(9, count) ** 2


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """No more than a thousand are left out one by one."""
    monkeypatch.setattr(module, "MOST", 1000)


def test_up_to_so_many_are_left_out_one_by_one() -> None:
    assert contributions(np.ones(MOST)).groups == MOST
    assert contributions(np.ones(MOST + 1)).groups == MOST // 2 + 1


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("count", [1001, 2000, 2999, 39_999])
def test_groups_are_of_consecutive_ones_and_of_all(count: int) -> None:
    u = squares(count=count)
    found = contributions(u)
    each = -(-count // 1000)
    parts = [u[i : i + each] for i in range(0, count, each)]
    assert found.groups == len(parts) <= 1000
    assert found.sums == pytest.approx([part.sum() for part in parts])
    assert found.sizes.tolist() == [len(part) for part in parts]
    assert found.mean == pytest.approx(u.mean(), rel=1e-14)


@pytest.mark.usefixtures("few")
def test_without_a_group_is_the_mean_of_the_others() -> None:
    u = squares(count=2999)
    found, each = contributions(u), 3
    others = [np.delete(u, slice(i, i + each)) for i in range(0, len(u), each)]
    assert np.exp(mean_without_one(found)) == pytest.approx([other.mean() for other in others])
    # With a degree of freedom for the mean, as in one dimension without one.
    made = [(u.sum() * (1 - 1 / len(u)) - (u.sum() - other.sum())) / (len(other) - 1) for other in others]
    assert np.exp(variance_without_one(found)) == pytest.approx(made)


@pytest.mark.parametrize("of", [of_variance, of_mean])
def test_groups_tell_the_same_error(of: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their errors are within 4/√(2 · 1000), 9 %, of one another; half of an error, the control, is not."""
    u = squares()
    alone = of(u)  # type: ignore[operator]
    monkeypatch.setattr(module, "MOST", 1000)
    grouped = of(u)  # type: ignore[operator]
    tolerance = 4 / math.sqrt(2000)
    assert (alone.groups, grouped.groups) == (R, 1000)
    assert abs(math.log(grouped.error / alone.error)) < tolerance < abs(math.log(0.5))
    assert abs(grouped.correction) < 0.1 * grouped.error
    for name in ("count", "mean", "kurtosis", "largest_share"):
        assert getattr(grouped, name) == pytest.approx(getattr(alone, name), rel=1e-12)


def test_the_error_is_that_of_the_kurtosis() -> None:
    """In the limit of many replicates, √((κ − 1)/R), alone and in groups."""
    u = squares(1, 3 * MOST)
    found = of_variance(u)
    kurtosis = float(np.mean((u / u.mean()) ** 2))
    assert found.kurtosis == pytest.approx(kurtosis)
    assert found.largest_share == pytest.approx(u.max() / u.sum())
    assert found.error == pytest.approx(math.sqrt((kurtosis - 1) / len(u)), rel=0.02)


@pytest.mark.usefixtures("few")
def test_one_that_carries_a_part_is_seen_in_its_group() -> None:
    u = squares()
    u[777] = 0.25 * u.sum()
    assert of_variance(u).error > 0.2
    assert of_variance(squares()).error < 0.02


@pytest.mark.usefixtures("few")
def test_pairs_of_groups_cancel() -> None:
    a = squares()
    found = paired_ratio(contributions(a), contributions(a.copy()))
    assert (found.value, found.low, found.high, found.degrees) == (1, 1, 1, 999)


@pytest.mark.parametrize("scale", [1e-160, 1.0, 1e160])
def test_a_scale_changes_nothing_else(scale: float) -> None:
    one, other = of_variance(squares(count=50)), of_variance(scale * squares(count=50))
    assert other.mean == pytest.approx(scale * one.mean)
    for name in ("correction", "error", "kurtosis", "largest_share"):
        assert getattr(other, name) == pytest.approx(getattr(one, name))


@pytest.mark.parametrize("values", [[], [0.0, 0.0], [1.0, math.inf], [1.0, math.nan]])
def test_nothing_is_said_of_what_has_no_mean_or_a_mean_of_zero(values: list[float]) -> None:
    found = of_variance(np.array(values))
    assert found.count == len(values)
    assert math.isnan(found.error)
    assert math.isnan(found.kurtosis)
