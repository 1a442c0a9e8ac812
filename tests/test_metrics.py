"""Each metric on a case worked out by hand, at the edges, and as often right as its interval says."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch
from scipy import stats
from torch import Tensor

from bench.catalogue import build
from bench.engine.truth import exact_gradient
from bench.statistics.evidence import Evidence, blocks_reported, evidence_of, segments_of
from bench.statistics.intervals import Interval, log_interval, normal_interval
from bench.statistics.metrics import EQUIVALENCE, METRICS, measure
from bench.statistics.summary import summarize
from bench.store.frames import MEASUREMENTS
from tests.cases import estimates_of, estimator_of, expectation

NAN, INF = math.nan, math.inf
Z = 1.959963984540054  # the 97.5 % quantile of the normal law


def tensor(*values: Any) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def evidence(
    estimates: Tensor,
    truth: Tensor | None,
    truth_error: Tensor | None = None,
    parameters: Mapping[str, slice] | None = None,
) -> dict[str, Evidence]:
    P = estimates.shape[1]
    parameters = parameters or {"theta": slice(0, P)}
    error = torch.zeros(P, dtype=torch.float64) if truth_error is None else truth_error
    summary = summarize(estimates, truth, segments_of(parameters, P))
    return dict(evidence_of(summary, truth, error, tensor(0.5, 0.2, 0.3), 7.0, 5, parameters))


def one(values: list[float], truth: float | None, truth_error: float = 0.0) -> Evidence:
    """The evidence of some estimates of one number."""
    at = None if truth is None else tensor(truth)
    return evidence(tensor(*values)[:, None], at, tensor(truth_error))["all"]


# Four estimates of the number 2: mean 3, deviations −2, 0, 0, 2, variance 8/3;
# errors −1, 1, 1, 3.
BY_HAND = [1.0, 3.0, 3.0, 5.0]
# Four estimates of (3, 4), whose norm is 5: mean (3, 5); deviations (±3, 0) and (0, ±3), so
# that each variance is 18/3 = 6 and the trace 12; errors (−3, 1), (3, 1), (0, −2), (0, 4).
PLANE = [[0.0, 5.0], [6.0, 5.0], [3.0, 2.0], [3.0, 8.0]]


def plane(truth_error: float = 0.0) -> Evidence:
    return evidence(tensor(*PLANE), tensor(3.0, 4.0), tensor(truth_error, truth_error))["all"]


# --- by hand --------------------------------------------------------------------------------------


def test_bias_of_a_number_by_hand() -> None:
    # 3 − 2 = 1 with standard error √(8/3/4) = √(2/3), z = √1.5.
    error = math.sqrt(2 / 3)
    assert METRICS["bias"](one(BY_HAND, 2.0)) == pytest.approx(
        {
            "bias": 1.0,
            "bias_low": 1 - Z * error,
            "bias_high": 1 + Z * error,
            "bias_p": 2 * stats.norm.sf(math.sqrt(1.5)),
            "verdict": "unresolved",
        }
    )


def test_bias_of_a_vector_by_hand() -> None:
    # |(0, 1)|² = 1 less tr(S)/R = 12/4 = 3 leaves nothing: 0. Its standard error is √(2 · 3²),
    # hence the upper end √(−2 + z √18). The larger z is 1/√(6/4), and there are two.
    assert METRICS["bias"](plane()) == pytest.approx(
        {
            "bias": 0.0,
            "bias_low": 0.0,
            "bias_high": math.sqrt(-2 + Z * math.sqrt(18)),
            "bias_p": 2 * 2 * stats.norm.sf(1 / math.sqrt(1.5)),
            "verdict": "unresolved",
        }
    )


def test_the_norm_of_a_bias_is_freed_of_noise() -> None:
    # Mean (3, 5) from (0, 1): 9 + 16 = 25, less 3 is 22; standard error √(4 · 22 · 3 + 2 · 9) = √282.
    found = METRICS["bias"](evidence(tensor(*PLANE), tensor(0.0, 1.0))["all"])
    half = Z * math.sqrt(282)
    assert found["bias"] == pytest.approx(math.sqrt(22))
    assert found["bias_low"] == pytest.approx(math.sqrt(max(0.0, 22 - half)))
    assert found["bias_high"] == pytest.approx(math.sqrt(22 + half))


def test_variance_by_hand() -> None:
    # Unbiased squared deviations 4/3 · (4, 0, 0, 4): mean 8/3, deviation from it ± 8/3, so that
    # their standard error is √(4/3) · 8/3 / √4 and that of the logarithm 1/√3.
    error = 1 / math.sqrt(3)
    assert METRICS["variance"](one(BY_HAND, 2.0)) == pytest.approx(
        {
            "variance": 8 / 3,
            "variance_low": 8 / 3 / math.exp(Z * error),
            "variance_high": 8 / 3 * math.exp(Z * error),
            "kurtosis": 2.0,  # 4 · (16 + 16) / 8²
            "effective_dof": 6.0,  # 2 / (1/3)
        }
    )


def test_mean_squared_error_by_hand() -> None:
    # 1, 1, 1, 9: mean 3 = 1² + 3/4 · 8/3; variance 48/3 = 16, relative standard error 4/3/2.
    factor = math.exp(Z * 2 / 3)
    assert METRICS["mse"](one(BY_HAND, 2.0)) == pytest.approx(
        {"mse": 3.0, "mse_low": 3 / factor, "mse_high": 3 * factor}
    )


def test_signal_to_noise_by_hand() -> None:
    assert METRICS["snr"](one(BY_HAND, 2.0)) == pytest.approx({"snr": 2 / math.sqrt(8 / 3)})
    assert METRICS["snr"](plane()) == pytest.approx({"snr": 5 / math.sqrt(12)})


def test_cosine_by_hand() -> None:
    # (3, 4)/5 with (0, 5): 4/5; with (6, 5): 38/5√61; with (3, 2): 17/5√13; with (3, 8): 41/5√73.
    cosines = [0.8, 7.6 / math.sqrt(61), 3.4 / math.sqrt(13), 8.2 / math.sqrt(73)]
    assert METRICS["cosine"](plane()) == pytest.approx({"cosine": sum(cosines) / 4})
    assert METRICS["cosine"](one([-1.0, 2.0, 3.0, 4.0], 0.5)) == pytest.approx({"cosine": 0.5})


def test_cost_by_hand() -> None:
    assert METRICS["cost"](one(BY_HAND, 2.0)) == pytest.approx(
        {"seconds": 0.3, "evaluations": 7.0, "work_normalized_variance": 0.8}
    )


def test_intervals_by_hand() -> None:
    assert normal_interval(3.0, 2.0) == Interval(3.0, pytest.approx(3 - 2 * Z), pytest.approx(3 + 2 * Z), 2.0)
    assert log_interval(0.0, tensor(0.0, 0.0)) == Interval(0.0, 0.0, 0.0, 0.0)
    assert math.isnan(log_interval(1.0, tensor(1.0)).low)
    assert math.isnan(log_interval(1.0, tensor()).high)


# --- verdicts and edges ---------------------------------------------------------------------------


@pytest.mark.parametrize("truth", [3.0, -(2.0**-30), 1e9, 0.0])
@pytest.mark.parametrize("P", [1, 4])
def test_an_estimator_without_noise_that_is_right_is_not_biased(P: int, truth: float) -> None:
    at = torch.full((P,), truth, dtype=torch.float64)
    found = measure(evidence(at.expand(10, P), at)["all"])
    assert found["bias"] == 0
    assert found["bias_p"] == 1.0
    assert found["verdict"] == "within 1 %"
    assert (found["variance"], found["variance_low"], found["variance_high"]) == (0, 0, 0)
    assert found["mse"] == 0
    assert found["work_normalized_variance"] == 0
    # A signal without noise; and a law without spread has no kurtosis.
    assert found["snr"] == INF if truth else math.isnan(float(found["snr"]))
    assert math.isnan(float(found["kurtosis"]))


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("P", [1, 4])
def test_an_estimator_without_noise_that_is_wrong_is_biased(P: int, scale: float) -> None:
    truth = torch.full((P,), scale, dtype=torch.float64)
    wrong = truth.clone()
    wrong[-1] *= 1.001
    found = measure(evidence(wrong.expand(10, P), truth)["all"])
    assert found["bias_p"] == 0.0
    assert found["verdict"] == "biased"
    assert abs(float(found["bias"])) == pytest.approx(scale / 1000)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("slope", ["3*z", "3.7*z", "1e-6*z", "1e6*z/3"])
def test_rounding_is_not_called_bias(slope: str, dtype: torch.dtype) -> None:
    # A cost that is linear has the same pathwise gradient for every sample, up to its last bits,
    # whose own variance is no measure of how far they are from the truth.
    options = expectation(slope, ["loc"], normal={"loc": 0.4, "scale": 1.3})
    problem = build("problems", options.pop("name"), options)
    truth = exact_gradient(problem)
    estimates = estimates_of(estimator_of("reparameterization"), problem.to("cpu", dtype), 10, 100)
    found = measure(evidence(estimates, truth.gradient, truth.standard_error)["all"])
    assert found["verdict"] == "within 1 %"


def test_a_bias_that_is_plain_is_called_one() -> None:
    values = [3.0 + 0.1 * (-1) ** i for i in range(100)]
    assert measure(one(values, 2.9))["verdict"] == "biased"
    assert measure(one(values, 3.0))["verdict"] == "within 1 %"
    # ± z · 0.1/√99 is more than 1 % of 1: nothing is found, and nothing is excluded.
    assert measure(one([value - 2 for value in values], 1.0))["verdict"] == "unresolved"


def test_equivalence_needs_the_whole_interval() -> None:
    # Standard error 0.1/√99 ≈ 0.01005 about the truth: within 1 % from |∇F| = z · 1.005 on.
    values = [0.1 * (-1) ** i for i in range(100)]
    edge = Z * 0.1 / math.sqrt(99) / EQUIVALENCE
    below, above = ([value + size for value in values] for size in (edge * 0.99, edge * 1.01))
    assert measure(one(below, edge * 0.99))["verdict"] == "unresolved"
    assert measure(one(above, edge * 1.01))["verdict"] == "within 1 %"


@pytest.mark.parametrize("P", [1, 3])
def test_without_a_truth_nothing_is_said_that_needs_one(P: int) -> None:
    generator = torch.Generator().manual_seed(0)
    estimates = torch.randn(20, P, generator=generator, dtype=torch.float64)
    found = measure(evidence(estimates, None, torch.full((P,), NAN, dtype=torch.float64))["all"])
    needs = ("bias", "bias_low", "bias_high", "bias_p", "mse", "mse_low", "mse_high", "snr", "cosine")
    assert {name for name, value in found.items() if isinstance(value, float) and math.isnan(value)} == set(
        needs
    )
    assert found["verdict"] == "unknown"


@pytest.mark.parametrize("P", [1, 3])
def test_one_replicate_says_nothing_of_noise_and_so_nothing_of_bias(P: int) -> None:
    found = measure(evidence(torch.ones(1, P, dtype=torch.float64), torch.zeros(P).double())["all"])
    assert found["verdict"] == "unknown"
    assert found["mse"] == P
    for name in ("bias_p", "bias_low", "bias_high", "variance", "variance_low", "kurtosis", "effective_dof"):
        assert math.isnan(float(found[name])), name


def test_no_finite_replicate_says_nothing_at_all() -> None:
    found = measure(evidence(torch.full((3, 2), NAN), torch.ones(2).double())["all"])
    known = {"evaluations": 7.0, "seconds": 0.3, "verdict": "unknown"}
    assert {
        name: value for name, value in found.items() if isinstance(value, str) or not math.isnan(value)
    } == known


@pytest.mark.parametrize("P", [1, 3])
def test_with_noise_and_truth_every_number_is_finite(P: int) -> None:
    generator = torch.Generator().manual_seed(0)
    estimates = torch.randn(20, P, generator=generator, dtype=torch.float64) + 1
    found = measure(evidence(estimates, torch.ones(P).double())["all"])
    assert all(math.isfinite(value) for value in found.values() if not isinstance(value, str))


def test_a_replicate_alone_in_its_block_does_not_spoil_the_variance() -> None:
    whole = one([*BY_HAND, 3.0], 2.0)
    alone = replace(whole, deviation=torch.cat([whole.deviation[:4], tensor(NAN)]))
    assert math.isfinite(float(METRICS["variance"](alone)["variance_low"]))


@pytest.mark.parametrize("P", [1, 2])
def test_the_error_of_a_reference_widens_the_interval_and_softens_the_verdict(P: int) -> None:
    generator = torch.Generator().manual_seed(0)
    estimates = 0.01 * torch.randn(1000, P, generator=generator, dtype=torch.float64) + 1.1
    truth = torch.ones(P, dtype=torch.float64)
    exact = measure(evidence(estimates, truth)["all"])
    vague = measure(evidence(estimates, truth, 0.1 * truth)["all"])
    assert exact["verdict"] == "biased"
    assert vague["verdict"] == "unresolved"
    assert float(vague["bias_high"]) - float(vague["bias_low"]) > 0.2
    assert float(exact["bias_high"]) - float(exact["bias_low"]) < 0.02
    # A reference tells nothing of an estimate's own noise.
    assert vague["variance"] == exact["variance"]


def test_an_estimate_or_a_truth_of_norm_zero_has_no_cosine() -> None:
    some = evidence(tensor([0.0, 0.0], [3.0, 4.0]), tensor(3.0, 4.0))["all"]
    assert METRICS["cosine"](some) == pytest.approx({"cosine": 1.0})
    none = evidence(tensor([1.0, 0.0], [3.0, 4.0]), tensor(0.0, 0.0))["all"]
    assert math.isnan(float(METRICS["cosine"](none)["cosine"]))
    assert METRICS["snr"](none)["snr"] == 0.0


@pytest.mark.parametrize("factor", [1e-5, 1e5])
def test_metrics_scale_with_the_estimates(factor: float) -> None:
    generator = torch.Generator().manual_seed(0)
    estimates = torch.randn(50, 3, generator=generator, dtype=torch.float64)
    truth = tensor(0.3, -0.2, 0.1)
    plain = measure(evidence(estimates, truth)["all"])
    scaled = measure(evidence(factor * estimates, factor * truth)["all"])
    powers = {"bias": 1, "bias_low": 1, "bias_high": 1, "work_normalized_variance": 2}
    powers |= {name: 2 for name in plain if name.startswith(("variance", "mse"))}
    for name, value in plain.items():
        if isinstance(value, str):
            assert scaled[name] == value
        else:
            assert scaled[name] == pytest.approx(value * factor ** powers.get(name, 0), rel=1e-5), name


# --- blocks of parameters and columns -------------------------------------------------------------


def test_blocks_of_parameters_are_measured_apart() -> None:
    generator = torch.Generator().manual_seed(0)
    estimates = torch.randn(30, 5, generator=generator, dtype=torch.float64)
    truth = tensor(0.1, 0.2, 0.3, 0.4, 0.5)
    parameters = {"outer": slice(1, 5), "inner": slice(2, 3), "first": slice(0, 1)}
    found = evidence(estimates, truth, None, parameters)
    assert list(found) == ["all", "outer", "inner", "first"]
    for name, block in {"all": slice(0, 5), **parameters}.items():
        alone = evidence(estimates[:, block], truth[block])["all"]
        for column, value in measure(alone).items():
            wanted = value if isinstance(value, str) else pytest.approx(value, rel=1e-12, abs=1e-12)
            assert measure(found[name])[column] == wanted, (name, column)


def test_a_single_block_is_not_reported_twice() -> None:
    assert blocks_reported({"loc": slice(0, 3)}, 3) == {"all": slice(0, 3)}


def test_every_key_of_a_metric_is_a_column_and_no_two_metrics_share_one() -> None:
    keys = [key for metric in METRICS.values() for key in metric(one(BY_HAND, 2.0))]
    assert set(keys) <= set(MEASUREMENTS)
    assert len(keys) == len(set(keys))
    assert list(measure(one(BY_HAND, 2.0))) == keys


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_is_described(name: str) -> None:
    assert METRICS[name].__doc__


# --- coverage -------------------------------------------------------------------------------------

TRIALS = 400
REPLICATES = 2000
# Coverage of 400 intervals of level 0.95 is a binomial with deviation √(0.95 · 0.05/400) = 0.0109.
# A false alarm has probability 1e-5 (both sides) at 4.42 deviations.
FALSE_ALARM = 1e-5


def coverage(ends_of: Callable[[Mapping[str, Any]], tuple[float, float]]) -> int:
    """How many of the intervals for the variance of normal samples, which is 1, hold it."""
    generator = torch.Generator().manual_seed(0)
    samples = torch.randn(TRIALS, REPLICATES, 1, generator=generator, dtype=torch.float64)
    ends = [ends_of(METRICS["variance"](evidence(sample, None)["all"])) for sample in samples]
    return sum(a <= 1 <= b for a, b in ends)


def plausible(covered: int) -> bool:
    low = stats.binom.ppf(FALSE_ALARM / 2, TRIALS, 0.95)
    high = stats.binom.isf(FALSE_ALARM / 2, TRIALS, 0.95)
    return bool(low <= covered <= high)


def test_the_interval_of_a_variance_covers_as_often_as_it_says() -> None:
    assert plausible(coverage(lambda found: (found["variance_low"], found["variance_high"])))


def test_an_interval_of_half_the_width_is_seen_to_cover_too_little() -> None:
    def halved(found: Mapping[str, Any]) -> tuple[float, float]:
        value = found["variance"]
        return math.sqrt(value * found["variance_low"]), math.sqrt(value * found["variance_high"])

    assert not plausible(coverage(halved))
