"""Claims are held against all cells of a run together."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from bench.results.frames import against_consistency, judged
from bench.statistics.multiplicity import holm

SIZES = [10, 100, 1000, 10_000]


def frame(*biases: float, claim: str = "consistent", dim: int = 1) -> pd.DataFrame:
    rows = [
        {
            "problem": "p", "estimator": "a", "device": "cpu", "dtype": "float32", "parameter": "all",
            "dim": dim,
            "claim": claim, "contradiction": "", "sample_size": N, "bias": bias,
            "bias_low": bias - 0.1 / math.sqrt(N), "bias_high": bias + 0.1 / math.sqrt(N),
        }
        for N, bias in zip(SIZES, biases, strict=False)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_a_bias_that_vanishes_is_consistent() -> None:
    assert (against_consistency(frame(*(-4 / N for N in SIZES))) == "").all()


def test_a_bias_that_stays_is_not() -> None:
    assert (against_consistency(frame(*(0.1 - 4 / N for N in SIZES))) == "not consistent").all()


@pytest.mark.parametrize("claim", ["unbiased", "biased"])
def test_nothing_is_said_of_other_claims(claim: str) -> None:
    assert (against_consistency(frame(0.1, 0.1, 0.1, 0.1, claim=claim)) == "").all()


def test_nothing_is_said_of_too_few_sizes_or_of_norms() -> None:
    assert (against_consistency(frame(0.1, 0.1, 0.1)) == "").all()
    assert (against_consistency(frame(0.1, 0.1, 0.1, 0.1, dim=3)) == "").all()


def test_problems_are_apart() -> None:
    one, other = frame(*(-4 / N for N in SIZES)), frame(*(0.1 - 4 / N for N in SIZES)).assign(problem="q")
    found = against_consistency(pd.concat([one, other], ignore_index=True))
    assert found.tolist() == [""] * 4 + ["not consistent"] * 4


def cells(*p: float, claim: str = "unbiased") -> pd.DataFrame:
    same = {
        "problem": "p",
        "estimator": "a",
        "device": "cpu",
        "dtype": "float32",
        "parameter": "all",
        "dim": 3,
    }
    return pd.DataFrame({"bias_p": p, "verdict": "within 1 %"}).assign(claim=claim, **same)


def test_a_row_is_biased_by_all_rows_of_the_run() -> None:
    assert judged(cells(0.009))["verdict"].tolist() == ["biased"]
    assert judged(cells(0.009, 0.5))["verdict"].tolist() == ["within 1 %"] * 2
    assert judged(cells(0.004, 0.5))["verdict"].tolist() == ["biased", "within 1 %"]
    # What was not tested does not count.
    assert judged(cells(0.009, math.nan))["verdict"].tolist() == ["biased", "within 1 %"]


def test_one_that_is_biased_leaves_the_level_to_the_others() -> None:
    # Holm: 0.001 < 0.01/3, then 0.004 < 0.01/2, then 0.009 < 0.01; Bonferroni alone would find the first.
    assert holm(np.array([0.009, 0.001, 0.004]), 0.01).tolist() == [True, True, True]
    # Not beyond the first that is not: 0.006 > 0.01/2, and 0.009 would have been below 0.01.
    assert holm(np.array([0.009, 0.001, 0.006]), 0.01).tolist() == [False, True, False]
    assert holm(np.array([math.nan, math.nan]), 0.01).tolist() == [False, False]


def test_a_claim_is_contradicted_by_what_is_biased() -> None:
    assert judged(cells(0.004, 0.5))["contradiction"].tolist() == ["not unbiased", ""]
    assert judged(cells(0.0, claim="biased"))["contradiction"].tolist() == [""]


def test_of_a_hundred_unbiased_cells_none_is_called_biased_but_in_one_run_of_a_hundred() -> None:
    # Of single rows at 1 % 63 % of runs would accuse; |z| > 4 has probability 6e-5.
    p = np.random.default_rng(0).random((1000, 100))
    assert np.mean((p < 0.01).any(1)) > 0.5
    alarms = sum(holm(run, 0.01).any() for run in p)
    assert abs(alarms - 10) < 4 * math.sqrt(10)
