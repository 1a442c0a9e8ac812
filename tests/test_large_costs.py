"""Costs that are large beside the gradient: what their rounding leaves is no bias."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
from torch import Tensor

import bench
from bench import catalogue
from bench.estimator import Claim
from bench.problem import Problem
from estimators.local_expectations import LocalExpectation


@dataclass(frozen=True)
class Shifted(LocalExpectation):
    """Off by a hundred times what rounding may leave in float32."""

    bias: ClassVar[Claim] = "unbiased"

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        return super().gradient(problem, theta, sample_size) + 0.1


@pytest.fixture(autouse=True)
def plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(catalogue._ADDED, "estimators", {"shifted": Shifted})


def verdicts(cost: str, dtype: str, out: Path) -> dict[str, str]:
    scenario: dict[str, Any] = {
        "schema": 1,
        "name": "large",
        "version": 1,
        "problem": {
            "name": "expectation",
            "distribution": {"bernoulli": {"logits": [0.3, -0.2, 0.5]}},
            "parameters": ["logits"],
            "cost": cost,
        },
        "estimators": ["local_expectation", "one_flip", "shifted"],
        "sweep": {"sample_sizes": [2, 3], "dtypes": [dtype]},
        "replicates": 2000,
        "seed": 3,
    }
    frame = bench.run(scenario, out=out, progress=False).measurements
    whole = frame[frame["parameter"] == "all"]
    return dict(zip(whole["estimator"], whole["verdict"], strict=True))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cost", "dtype"),
    [
        ("10000 + z[0]*z[1] - z[2]", "float32"),
        ("0*sum(z) - 1000", "float32"),
        ("0*sum(z) - 1000000", "float64"),
    ],
)
def test_rounding_of_a_large_cost_is_no_bias(cost: str, dtype: str, tmp_path: Path) -> None:
    found = verdicts(cost, dtype, tmp_path)
    assert "biased" not in (found["local_expectation"], found["one_flip"])


def test_more_than_rounding_is_a_bias(tmp_path: Path) -> None:
    assert verdicts("10000 + z[0]*z[1] - z[2]", "float32", tmp_path)["shifted"] == "biased"
