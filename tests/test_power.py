"""The bias that is said to have been seen is seen, as often as is said."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from bench.statistics.evidence import Evidence, evidence_of
from bench.statistics.power import reach_of
from bench.statistics.summary import summarize
from bench.statistics.unbiasedness import Difference
from bench.statistics.verdict import bias_p

RUNS, R, LEVEL, POWER = 200, 400, 1e-3, 0.9
SPREAD = torch.tensor([0.5, 3.0, 1.0], dtype=torch.float64)
TRUTH = torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64)


def evidence(estimates: Tensor, truth: Tensor) -> Evidence:
    P = len(truth)
    summary = summarize(estimates, truth, [slice(0, P)])
    found = evidence_of(summary, truth, torch.zeros(P), torch.ones(1), 1.0, 1, {})
    return dict(found)["all"]


def share_seen(times: float) -> float:
    """How often a bias is seen that is so many times as large as what is said to be."""
    exact = Difference(torch.zeros(3), SPREAD.square() / R, torch.zeros(3), torch.zeros(3), R)
    bias = torch.zeros(3, dtype=torch.float64)
    bias[1] = times * reach_of(exact, LEVEL, POWER).bias  # in the noisiest coordinate
    generator = torch.Generator().manual_seed(0)
    seen = 0
    for _ in range(RUNS):
        noise = torch.randn((R, 3), generator=generator, dtype=torch.float64)
        seen += bias_p(evidence(TRUTH + bias + SPREAD * noise, TRUTH)) < LEVEL
    return seen / RUNS


def test_a_bias_of_that_size_is_seen_as_often_as_is_said() -> None:
    # Four standard errors of a share of 0.9 in 200 runs: 0.085.
    assert abs(share_seen(1.0) - POWER) < 4 * math.sqrt(POWER * (1 - POWER) / RUNS)


def test_a_smaller_one_is_seen_less_often() -> None:
    assert share_seen(0.5) < 0.3
    assert share_seen(0.0) < 0.02


def test_a_single_coordinate_shares_the_level_with_nothing() -> None:
    one = Difference(torch.zeros(1), torch.ones(1) / R, torch.zeros(1), torch.zeros(1), R)
    two = Difference(torch.zeros(2), torch.ones(2) / R, torch.zeros(2), torch.zeros(2), R)
    assert reach_of(one, LEVEL, POWER).bias < reach_of(two, LEVEL, POWER).bias
    z = 3.2905 + 1.2816  # normal quantiles of 1 − 1e-3/2 and of 0.9
    assert math.isclose(reach_of(one, LEVEL, POWER).bias, z / math.sqrt(R), rel_tol=1e-4)


def test_what_does_not_vary_hides_nothing() -> None:
    still = Difference(torch.zeros(2), torch.zeros(2), torch.zeros(2), torch.full((2,), torch.nan), R)
    assert reach_of(still, LEVEL, POWER).bias == 0


def test_a_coordinate_that_is_too_skewed_is_told() -> None:
    skewness = torch.tensor([0.0, 50.0])
    found = reach_of(Difference(torch.zeros(2), torch.ones(2) / R, torch.zeros(2), skewness, R), LEVEL, POWER)
    assert found.skewed == 1
    alone = Difference(torch.zeros(1), torch.ones(1) / R, torch.zeros(1), skewness[1:], R)
    assert math.isinf(reach_of(alone, LEVEL, POWER).bias)
