"""Questions from practice, asked of modules: the right value and the right verdict, in few lines."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bench
from bench import catalogue
from tests import practice_modules
from tests.practice_modules import CoinOfLogit, MixtureElbo, NormalMean, NoSurrogate
from tests.test_practice import BatchMean, WeightedLoss

# Means are held to 4 of their standard errors, eight of them: a false alarm has probability below 1e-3, at a
# seed that is fixed.
Z_LIMIT = 4.0


@pytest.fixture(autouse=True)
def plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    own = {"batch_mean": BatchMean, "weighted_loss": WeightedLoss, "no_surrogate": NoSurrogate}
    monkeypatch.setitem(catalogue._ADDED, "estimators", own)
    monkeypatch.setitem(catalogue._ADDED, "problems", {})
    for cls in (CoinOfLogit, MixtureElbo, NormalMean):
        bench.plugin(cls)


def measured(problem: object, estimators: list[object], N: list[int], R: int, out: Path) -> pd.DataFrame:
    scenario = {
        "schema": 1,
        "name": "case",
        "version": 1,
        "problem": problem,
        "estimators": estimators,
        "sweep": {"sample_sizes": N},
        "replicates": R,
    }
    frame = bench.run(scenario, out=out, progress=False).measurements
    return frame[frame["parameter"] == "all"].set_index("estimator")


@pytest.mark.slow
def test_a_baseline_that_holds_the_own_sample_loses_a_part_of_1_over_n(tmp_path: Path) -> None:
    # ∇F = p (1 − p)(f(1) − f(0)) = 0.021391 at logit 0.8; the bias is −∇F/N.
    estimators: list[object] = ["batch_mean", {"reinforce": {"baseline": "leave_one_out"}, "label": "loo"}]
    frame = measured({"name": "coin_of_logit"}, estimators, [2, 8], 20_000, tmp_path)
    assert set(frame["truth"]) == {"enumeration"}
    for N in (2, 8):
        at = frame[frame["sample_size"] == N]
        error = np.sqrt(at["variance"] / 20_000)
        assert at["truth_norm"].tolist() == pytest.approx([0.021391] * 2, abs=1e-6)
        assert abs(at.loc["batch_mean", "bias"] + 0.021391 / N) < Z_LIMIT * error["batch_mean"]
        assert at.loc["batch_mean", "verdict"] == "biased"
        assert abs(at.loc["loo", "bias"]) < Z_LIMIT * error["loo"]
        assert at.loc["loo", "verdict"] != "biased"
        assert at.loc["loo", "variance"] == pytest.approx(at.loc["loo", "variance_exact"], rel=0.1)


@pytest.mark.slow
def test_a_discrete_latent_needs_its_surrogate(tmp_path: Path) -> None:
    # ∇F = −0.0260646; without the surrogate the mean is 0.
    estimators: list[object] = ["reinforce", "no_surrogate", "sticking_the_landing"]
    frame = measured({"name": "mixture_elbo"}, estimators, [4], 20_000, tmp_path)
    error = np.sqrt(frame["variance"] / 20_000)
    assert frame.loc["reinforce", "truth_norm"] == pytest.approx(0.0260646, abs=1e-7)
    assert abs(frame.loc["no_surrogate", "bias"] - 0.0260646) < Z_LIMIT * error["no_surrogate"]
    assert frame.loc["no_surrogate", "verdict"] == "biased"
    assert abs(frame.loc["reinforce", "bias"]) < Z_LIMIT * error["reinforce"]
    assert frame.loc["reinforce", "verdict"] != "biased"
    assert frame.loc["sticking_the_landing", "status"] == "not_applicable"


@pytest.mark.slow
def test_importance_weights_must_be_detached(tmp_path: Path) -> None:
    bound = {"name": "importance_weighted", "samples": 5, "problem": {"name": "normal_mean"}}
    estimators: list[object] = [
        {"weighted_loss": {"detach": True}, "label": "detached"},
        {"weighted_loss": {"detach": False}, "label": "not"},
        "dreg",
    ]
    frame = measured(bound, estimators, [4], 4000, tmp_path)
    assert set(frame["truth"]) == {"quadrature"}
    assert frame.loc["not", "bias"] == pytest.approx(0.653, abs=0.05)
    assert frame.loc["not", "verdict"] == "biased"
    assert not frame.loc[["detached", "dreg"], "verdict"].eq("biased").any()


def test_each_takes_at_most_fifteen_lines_of_its_own() -> None:
    text = Path(practice_modules.__file__).read_text("utf-8")
    cases = re.split(r"^# (?:case: \w+|end)\n", text, flags=re.MULTILINE)[1:-1]
    counts = [sum(bool(line.strip()) for line in case.splitlines()) for case in cases]
    assert len(counts) == 3
    assert max(counts) <= 15
