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


def verdicts(
    logits: list[float], R: int, seed: int, out: Path, cost: str = "sum(z) + z[0]*z[1]"
) -> dict[str, str]:
    scenario: dict[str, Any] = {
        "schema": 1,
        "name": "rare",
        "version": 1,
        "problem": {
            "name": "expectation",
            "distribution": {"bernoulli": {"logits": logits}},
            "parameters": ["logits"],
            "cost": cost,
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
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_a_class_that_was_never_drawn_accuses_nobody(seed: int, tmp_path: Path) -> None:
    found = verdicts([-9.2, 0.3], 1000, seed, tmp_path)
    assert "biased" not in (found["arms"], found["carms"])


# The first bit is 1 in 4 of 4000 draws, and then the cost is a hundred times the usual one; pairs that differ
# in the second bit alone, which make up the estimates of its coordinate by couplings, hardly ever meet that.
_COSTLY = "sin(3*z[1]) - 100*z[0]*z[1] - 7*z[0]**2"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_what_is_rare_in_one_choice_accuses_nobody_in_another(seed: int, tmp_path: Path) -> None:
    found = verdicts([-6.9, 3.5], 2000, seed, tmp_path, _COSTLY)
    assert "biased" not in (found["arms"], found["carms"])


@pytest.mark.slow
def test_what_is_biased_by_more_than_rare_choices_explain_is_found(tmp_path: Path) -> None:
    assert verdicts([-6.9, 0.3], 20_000, 0, tmp_path, "3*z[1] - z[0]*z[1]")["too_long"] == "biased"


@pytest.mark.slow
def test_what_is_biased_in_other_coordinates_is_found(tmp_path: Path) -> None:
    assert verdicts([-9.2, 0.3], 20_000, 0, tmp_path)["too_long"] == "biased"


@pytest.mark.slow
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
    ("values", "count", "share", "rare"),
    [
        ([0.2, 0.01], 1000, 0.0, True),  # 20 errors off, where 4 of 10 000 draws contribute
        ([0.2, 0.01], 10**7, 0.0, False),  # and where 40 000 do
        ([0.2, 0.1], 1000, 0.0, False),  # the other is 10 errors off, too
        ([0.2, 0.1], 1000, 0.06, True),  # by no more than rare values may explain
        ([0.2, 0.1], 1000, 0.04, False),
    ],
)
def test_a_bias_rests_on_rare_draws_or_not(values: list[float], count: int, share: float, rare: bool) -> None:
    skewness, shares = torch.tensor([100.0, 0.3]).double(), torch.tensor([0.0, share]).double()
    assert rests_on_rare(difference(values), skewness, shares, count) is rare
