"""Claims are held against all cells of a run together."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from bench.store.claims import against_consistency, contradictions

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
    verdicts = ["biased" if each < 0.01 else "unresolved" for each in p]
    return pd.DataFrame({"bias_p": p, "verdict": verdicts}).assign(claim=claim, **same)


def test_a_claim_is_contradicted_by_all_tests_together() -> None:
    assert contradictions(cells(0.009)).tolist() == ["not unbiased"]
    assert contradictions(cells(0.009, 0.5)).tolist() == ["", ""]
    assert contradictions(cells(0.004, 0.5)).tolist() == ["not unbiased", ""]
    # What was not tested does not count.
    assert contradictions(cells(0.009, math.nan)).tolist() == ["not unbiased", ""]
    assert contradictions(cells(0.0, claim="biased")).tolist() == [""]


def test_of_a_hundred_unbiased_cells_one_is_called_biased_and_none_contradicts() -> None:
    # The false alarm of 1000 runs of 100 cells: 1 % of runs, not 63 %; |z| > 4 has probability 6e-5.
    p = np.random.default_rng(0).random((1000, 100))
    runs = [cells(*run) for run in p]
    assert np.mean([(run["verdict"] == "biased").any() for run in runs]) > 0.5
    alarms = sum((contradictions(run) != "").any() for run in runs)
    assert abs(alarms - 10) < 4 * math.sqrt(10)
