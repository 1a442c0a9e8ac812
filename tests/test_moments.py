"""Moments against exact arithmetic and direct formulas."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import pytest
import torch
from torch import Tensor

from bench.statistics.moments import Moments, PowerSums, center_of, robust_center_of
from bench.statistics.summary import summarize

POWERS = ("m2", "m3", "m4")
ROWS = ("distance", "error", "product", "norm")


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def direct(x: Tensor) -> Moments:
    """The moments of `[R, P]` by their definition."""
    if not len(x):
        zero = torch.zeros(x.shape[1], dtype=torch.float64)
        return Moments(0, torch.full_like(zero, torch.nan), zero, zero, zero)
    d = x - x.mean(0)  # [R, P]
    return Moments(len(x), x.mean(0), *((d**k).sum(0) for k in (2, 3, 4)))


def exact(values: Sequence[float]) -> tuple[Fraction, list[Fraction]]:
    """The mean and the three sums of powers of some floats, without rounding."""
    fractions = [Fraction(value) for value in values]
    mean = sum(fractions, Fraction(0)) / len(fractions)
    return mean, [sum(((f - mean) ** k for f in fractions), Fraction(0)) for k in (2, 3, 4)]


def power_sums(x: Tensor, center: Tensor) -> PowerSums:
    d = x - center
    return PowerSums(len(x), center, torch.stack([(d**k).sum(0) for k in (1, 2, 3, 4)]))


def merged(x: Tensor, sizes: Sequence[int], center: Tensor | None = None) -> Moments:
    """The moments by way of sums over parts, about a center that is off by a standard deviation."""
    center = x.mean(0) + x.std(0) if center is None else center
    total = power_sums(x[:0], center)
    for part in x.split(list(sizes)):
        total.add(power_sums(part, center))
    return total.moments()


def worst_error(moments: Moments, values: list[float]) -> float:
    """Of the sums of powers, against exact arithmetic, relative to the sum of what is summed."""
    mean, sums = exact(values)
    errors = []
    for k, name, wanted in zip((2, 3, 4), POWERS, sums, strict=True):
        scale = math.fsum(abs(value - float(mean)) ** k for value in values)
        errors.append(abs(float(getattr(moments, name)) - float(wanted)) / scale)
    assert float(moments.mean) == pytest.approx(float(mean), rel=1e-13, abs=1e-14)
    return max(errors)


@pytest.mark.parametrize("offset", [0.0, 1e4])
@pytest.mark.parametrize(
    "sizes", [[200, 200], [1, 399], [399, 1], [0, 400], [400, 0], [100] * 4, [7, 0, 150, 243], [1] * 400]
)
def test_moments_of_added_sums_are_those_of_the_whole_sample(sizes: list[int], offset: float) -> None:
    x = normal(400, 1) ** 3 + offset  # skewed by what the seed gives, and far from normal
    moments = merged(x, sizes)
    assert moments.count == 400
    # Values near 1e4 are themselves rounded at 1e-12, four digits less than deviations of 1.
    assert worst_error(moments, x[:, 0].tolist()) < 1e-13 * max(1.0, offset)


def test_sums_about_a_center_that_is_far_from_the_mean_would_not_do() -> None:
    # The control of the test above: what it forbids at an offset of 1e4.
    x = normal(400, 1) ** 3 + 1e4
    assert worst_error(merged(x, [400], torch.zeros(1, dtype=torch.float64)), x[:, 0].tolist()) > 1e-9


def test_sums_about_different_centers_do_not_add_up() -> None:
    x = normal(10, 2)
    with pytest.raises(ValueError, match="different centers"):
        power_sums(x, x[0]).add(power_sums(x, x[1]))


def test_a_center_is_the_mean_of_what_is_finite_and_exact_where_nothing_varies() -> None:
    x = normal(50, 3).float() + 2
    x[:, 1] = 0.1  # the mean of 50 such numbers rounds to another one
    x[7, 2] = math.nan
    center = center_of(x)
    kept = x[torch.arange(50) != 7]
    assert float(center[1]) == float(x[0, 1])
    assert torch.allclose(center, kept.mean(0), rtol=1e-6)
    assert center_of(x[7:8]).tolist() == [0, 0, 0]


@pytest.mark.parametrize("outlier", [1e6, 1e12, 1e30, math.nan])
def test_an_estimate_far_off_does_not_draw_the_center_away(outlier: float) -> None:
    x = normal(63, 2) + 1
    x[17, 1] = outlier
    center = robust_center_of(x)
    assert bool(((center - 1).abs() < 0.8).all())
    drawn_away = center_of(x)
    assert math.isnan(outlier) or float(drawn_away[1]) > 1e4  # the mean itself, a control
    rest = normal(100, 2, seed=3) + 1
    summary = summarize(rest, None, [slice(0, 2)], center)
    assert torch.allclose(summary.moments.variance, rest.var(0), rtol=1e-12)
    assert robust_center_of(torch.full((63, 2), 0.1)).tolist() == torch.full((2,), 0.1).tolist()
    assert robust_center_of(torch.full((63, 2), math.inf)).tolist() == [0, 0]


@pytest.mark.parametrize("factor", [1e-9, -3.0, 1e9])
def test_moments_scale_with_the_estimates(factor: float) -> None:
    x = normal(50, 2)
    plain, scaled = merged(x, [20, 30]), merged(factor * x, [20, 30])
    for name, power in (("mean", 1), ("variance", 2), *zip(POWERS, (2, 3, 4), strict=True)):
        assert torch.allclose(
            getattr(scaled, name), getattr(plain, name) * factor**power, rtol=1e-10, atol=0.0
        )
    assert torch.allclose(scaled.kurtosis, plain.kurtosis, rtol=1e-12)


def test_variance_and_kurtosis_by_hand() -> None:
    # 0, 0, 0, 4: mean 1, deviations −1, −1, −1, 3; squares 12, fourth powers 84.
    moments = direct(torch.tensor([[0.0], [0.0], [0.0], [4.0]], dtype=torch.float64))
    assert float(moments.variance) == 4.0
    assert float(moments.kurtosis) == pytest.approx(4 * 84 / 144)


def test_a_single_value_has_no_variance_and_a_constant_no_kurtosis() -> None:
    assert direct(normal(1, 2)).variance.isnan().all()
    constant = direct(torch.full((5, 2), 3.7, dtype=torch.float64))
    assert not constant.variance.any()
    assert constant.kurtosis.isnan().all()
