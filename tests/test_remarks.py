"""Remarks beside the table: contradictions, suspicions, weak intervals, rates."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from bench.results.columns import MEASUREMENTS
from bench.text.remarks import fitting, noise, rates, remarks
from tests.runs import in_memory


def frame(*rows: dict[str, Any]) -> pd.DataFrame:
    usual = {
        "parameter": "all", "status": "ok", "reason": "", "problem": "p", "device": "cpu", "dtype": "float32",
        "sample_size": 10, "claim": "unbiased", "contradiction": "", "verdict": "within 1 %", "bias": 0.1,
        "effective_dof": 1000.0, "variance_z": 0.5, "kurtosis_exact": 3.0,
        "largest_share": 0.01, "variance": 1.0, "sampling_variance": float("nan"),
        "truth": "reference", "truth_families": 1.0,
    }  # fmt: skip
    records = [
        {**dict.fromkeys(MEASUREMENTS, ""), **usual, "cell": str(i), **row} for i, row in enumerate(rows)
    ]
    return pd.DataFrame(records)


def biased(name: str, bias: float = 0.1) -> dict[str, Any]:
    return {"estimator": name, "verdict": "biased", "contradiction": "not unbiased", "bias": bias}


def test_nothing_to_say() -> None:
    assert remarks(frame({"estimator": "a"}, {"estimator": "b"})) == []


def test_a_contradiction_is_told() -> None:
    (said,) = remarks(frame(biased("a"), {"estimator": "b"}))
    assert said == "contradicts its claim to be unbiased: a"


def test_the_truth_is_suspect_if_most_fail_in_the_same_direction() -> None:
    said = remarks(frame(biased("a"), biased("b"), {"estimator": "c"}))
    assert said[1] == "2 of 3 estimators are biased in the same direction: suspect the truth"


@pytest.mark.parametrize(
    "rows",
    [
        (biased("a"), biased("b", -0.1), {"estimator": "c"}),  # not in the same direction
        (biased("a"), {"estimator": "b"}, {"estimator": "c"}),  # not most
        (biased("a"), biased("b")),  # too few to tell
        tuple(biased(name) | {"truth": "enumeration", "truth_families": float("nan")} for name in "abc"),
        tuple(biased(name) | {"truth_families": 2.0} for name in "abc"),  # two families agree on it
    ],
)
def test_the_truth_is_not_suspect_otherwise(rows: tuple[dict[str, Any], ...]) -> None:
    assert len(remarks(frame(*rows))) == 1


def test_a_dispute_is_told_first_and_where_it_is() -> None:
    unknown = {"truth": "disputed", "verdict": "unknown", "truth_families": float("nan")}
    (said,) = remarks(frame({"estimator": "a"} | unknown, {"estimator": "b"} | unknown))
    assert said.startswith("the true gradient is disputed: two ways to obtain it disagree")
    said, *_ = remarks(frame({"estimator": "a"} | unknown, {"estimator": "b"}, {"estimator": "c"}))
    assert said.startswith("the true gradient is disputed for a: ")


def test_weak_intervals_are_told() -> None:
    few, alone = remarks(
        frame({"estimator": "a", "effective_dof": 20.0}, {"estimator": "b", "largest_share": 0.3})
    )
    assert "effective degrees of freedom" in few
    assert few.endswith(": a")
    assert "more than 5 % of the variance" in alone
    assert alone.endswith(": b")


def test_rates_of_those_that_have_sample_sizes_enough() -> None:
    cells = [{"estimator": "a", "sample_size": N, "variance": 87 / N} for N in (10, 100, 1000, 10_000)]
    (said,) = rates(in_memory(frame(*cells, {"estimator": "b"})))
    assert said.startswith("a: N^-1.000 (-1.0")
    assert said.endswith("1/N")


def test_what_was_learned_beforehand_is_told_once_for_each_estimator() -> None:
    cells = [
        {"estimator": "a", "sample_size": N, "fit_evaluations": 16384.0, "fit_seconds": seconds}
        for N, seconds in ((10, 0.003), (100, 0.0051))
    ]
    (said,) = fitting(frame(*cells, {"estimator": "b", "fit_evaluations": 0.0, "fit_seconds": 1e-5}))
    assert said == "a: 16 384 evaluations of f and 3.00 ms to 5.10 ms, once per cell"


def test_the_parts_of_the_variance_are_told_where_data_are_resampled() -> None:
    parts = {"sampling_variance": 4.0, "sampling_variance_low": 3.0, "sampling_variance_high": 5.0}
    parts |= {"data_variance": 2.0, "data_variance_low": 1.0, "data_variance_high": 3.0}
    (said,) = noise(frame({"estimator": "a", **parts}, {"estimator": "b"}))
    assert said == "a, N = 10: sampling noise 4.00 (3.0 … 5.0), data noise 2.00 (1.0 … 3.0)"


def test_a_variance_far_from_the_exact_one_is_told() -> None:
    near, far = {"estimator": "a", "variance_z": -5.9}, {"estimator": "b", "variance_z": 6.1}
    (line,) = remarks(frame(near, far))
    assert "`exact_moments` or its samples are wrong: b" in line
    # Without an exact kurtosis heavy tails might have done it.
    assert remarks(frame(near, far | {"kurtosis_exact": float("nan")})) == []
