"""Rare classes: what no draw met is no evidence of a bias, and what is biased elsewhere is found."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor

import bench
from bench import catalogue
from bench.engine.plain_draws import rests_on_rare
from bench.estimator import Claim
from bench.problem import Problem
from bench.statistics.unbiasedness import Difference
from estimators.carms import Carms


@dataclass(frozen=True)
class TooLong(Carms):
    """A fifth too long in every coordinate."""

    bias: ClassVar[Claim] = "unbiased"

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        return 1.2 * super().gradient(problem, theta, sample_size)


def verdicts(logits: list[float], R: int, seed: int, out: Path) -> dict[str, str]:
    scenario: dict[str, Any] = {
        "schema": 1,
        "name": "rare",
        "version": 1,
        "problem": {
            "name": "expectation",
            "distribution": {"bernoulli": {"logits": logits}},
            "parameters": ["logits"],
            "cost": "sum(z) + z[0]*z[1]",
        },
        "estimators": ["arms", "carms", "too_long"],
        "sweep": {"sample_sizes": [2], "dtypes": ["float64"]},
        "replicates": R,
        "seed": seed,
    }
    frame = bench.run(scenario, out=out, progress=False).measurements
    whole = frame[frame["parameter"] == "all"]
    return dict(zip(whole["estimator"], whole["verdict"], strict=True))


@pytest.fixture(autouse=True)
def plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(catalogue._ADDED, "estimators", {"too_long": TooLong})


# Of three seeds with two right estimators each; a false alarm has probability 1e-4 in a row.
@pytest.mark.parametrize("seed", range(3))
def test_a_class_that_was_never_drawn_accuses_nobody(seed: int, tmp_path: Path) -> None:
    found = verdicts([-9.2, 0.3], 1000, seed, tmp_path)
    assert "biased" not in (found["arms"], found["carms"])


def test_what_is_biased_in_other_coordinates_is_found(tmp_path: Path) -> None:
    assert verdicts([-9.2, 0.3], 20_000, 0, tmp_path)["too_long"] == "biased"


def test_what_is_biased_where_all_classes_are_drawn_is_found(tmp_path: Path) -> None:
    found = verdicts([-0.9, 0.3], 4000, 0, tmp_path)
    assert found["too_long"] == "biased"
    assert "biased" not in (found["arms"], found["carms"])


def difference(values: list[float]) -> Difference:
    value = torch.tensor(values, dtype=torch.float64)
    return Difference(
        value, 1e-4 * torch.ones(2).double(), torch.zeros(2).double(), torch.zeros(2).double(), 1000
    )


@pytest.mark.parametrize(
    ("values", "count", "rare"),
    [
        ([0.2, 0.01], 1000, True),  # 20 errors off, where 4 of 10 000 draws contribute
        ([0.2, 0.01], 10**7, False),  # and where 40 000 do
        ([0.2, 0.1], 1000, False),  # the other is 10 errors off, too
    ],
)
def test_a_bias_rests_on_rare_draws_or_not(values: list[float], count: int, rare: bool) -> None:
    assert rests_on_rare(difference(values), torch.tensor([100.0, 0.3]).double(), count) is rare
