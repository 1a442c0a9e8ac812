"""A claim of consistency is held against several sample sizes together."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from bench.store.claims import against_consistency

SIZES = [10, 100, 1000, 10_000]


def frame(*biases: float, claim: str = "consistent", dim: int = 1) -> pd.DataFrame:
    rows = [
        {
            "estimator": "a", "device": "cpu", "dtype": "float32", "parameter": "all", "dim": dim,
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
