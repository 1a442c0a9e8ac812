"""Questions from practice get the right value, or the right words, by a run as a user makes it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from torch import Tensor

from bench import catalogue
from bench.api import load
from bench.estimator import Claim, Estimator, NotApplicable, gradient_of
from bench.problem import MultiSampleProblem, Problem
from tests.practice import Quadratic
from tests.runs import run_of

# Means are held to 4 of their standard errors, twelve of them: a false alarm has probability below 1e-3, at
# seeds that are fixed.
Z_LIMIT = 4.0


@dataclass(frozen=True)
class BatchMean(Estimator):
    """The score function less the mean cost of the whole batch, the own sample included."""

    bias: ClassVar[Claim] = "unbiased"
    minimum_sample_size: int = 2
    corrected: bool = False

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        p = problem.distribution(theta)
        x = p.sample((sample_size,))
        own = problem.cost(x, theta)
        weights = own.detach() - own.detach().mean(0)
        if self.corrected:
            weights = weights * (sample_size / (sample_size - 1))
        return gradient_of(theta, (p.log_prob(x), weights), own, problem.analytic_term(theta, p))


@dataclass(frozen=True)
class WeightedLoss(Estimator):
    """Σ_k w_k (−log weight_k) with w the normalized weights, detached or not."""

    bias: ClassVar[Claim] = "unbiased"
    detach: bool = True

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        if not isinstance(problem, MultiSampleProblem):
            raise NotApplicable("it is no bound of K weights")
        x = problem.distribution(theta).rsample((sample_size,))
        log_weights = problem.log_weights(x, theta)
        weights = log_weights.softmax(-1)
        weights = weights.detach() if self.detach else weights
        return gradient_of(theta, -(weights * log_weights).sum(-1))


@pytest.fixture(autouse=True)
def plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    own = {"batch_mean": BatchMean, "weighted_loss": WeightedLoss}
    monkeypatch.setitem(catalogue._ADDED, "estimators", own)


def measured(
    root: Path, problem: str, estimators: str, sizes: str, replicates: int, seed: int = 0
) -> pd.DataFrame:
    text = (
        f"schema: 1\nname: case\nversion: 1\nproblem: {problem}\nestimators: {estimators}\n"
        f"sweep: {{sample_sizes: {sizes}}}\nreplicates: {replicates}\nseed: {seed}\n"
    )
    frame = load(run_of(root, text)).measurements
    return frame[frame["parameter"] == "all"].set_index("estimator")


def expectation_of(distribution: str, parameter: str, cost: str) -> str:
    known = f"distribution: {{{distribution}}}, parameters: [{parameter}]"
    return f'{{name: expectation, {known}, cost: "{cost}"}}'


BATCH_MEANS = (
    "[batch_mean, {batch_mean: {corrected: true}, label: corrected}, "
    "{reinforce: {baseline: leave_one_out}, label: loo}]"
)


def test_a_baseline_that_holds_the_own_sample_loses_a_part_of_1_over_n(tmp_path: Path) -> None:
    # ∇F = p (1 − p)(f(1) − f(0)) = 0.021391 at logit 0.8; the bias is −∇F/N.
    coin = expectation_of("bernoulli: {logits: 0.8}", "logits", "(z - 0.45)**2")
    frame = measured(tmp_path, coin, BATCH_MEANS, "[2, 8]", 20_000)
    for N in (2, 8):
        at = frame[frame["sample_size"] == N]
        error = np.sqrt(at["variance"] / 20_000)
        assert abs(at.loc["batch_mean", "bias"] + 0.021391 / N) < Z_LIMIT * error["batch_mean"]
        assert at.loc["batch_mean", "verdict"] == "biased"
        assert at.loc["batch_mean", "contradiction"] == "not unbiased"
        for label in ("corrected", "loo"):
            assert abs(at.loc[label, "bias"]) < Z_LIMIT * error[label]
            assert at.loc[label, "verdict"] != "biased"


def test_importance_weights_must_be_detached(tmp_path: Path) -> None:
    inner = "{name: gaussian_elbo, loc: -0.3, scale: 0.9, data: [1.5]}"
    bound = f"{{name: importance_weighted, samples: 5, problem: {inner}}}"
    lost = "{weighted_loss: {detach: false}, label: not}"
    some = f"[{{weighted_loss: {{detach: true}}, label: detached}}, {lost}, dreg]"
    frame = measured(tmp_path, bound, some, "[4]", 4000)
    assert frame.loc["not", "verdict"] == "biased"
    assert frame.loc["not", "bias"] == pytest.approx(0.653, abs=0.05)
    assert not frame.loc[["detached", "dreg"], "verdict"].eq("biased").any()


SPARSE = expectation_of("bernoulli: {probs: 0.0001}", "probs", "z")
RARE = expectation_of("categorical: {logits: [1.0, 0.5, -8.0]}", "logits", "z + 5000 * (z == 2)")
FAR = expectation_of("normal: {loc: 0.0, scale: 1.0}", "loc", "z > 4")
SCORES = "[reinforce, {reinforce: {baseline: leave_one_out}, label: loo}, batch_mean]"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("problem", [SPARSE, RARE, FAR], ids=["sparse", "rare", "far"])
def test_what_is_rare_accuses_nobody(tmp_path: Path, problem: str, seed: int) -> None:
    frame = measured(tmp_path, problem, SCORES, "[8]", 1000, seed)
    unbiased = frame.loc[["reinforce", "loo"]]
    assert not unbiased["verdict"].eq("biased").any()
    assert unbiased["contradiction"].eq("").all()
    # The interval of a bias of one coordinate holds zero, and that of the variance the exact one, or is open.
    if problem != RARE:
        assert not (unbiased["bias_low"] > 0).any()
        assert not (unbiased["bias_high"] < 0).any()
    assert (unbiased["variance_high"] >= unbiased["variance_exact"]).all()
    # A baseline that loses an eighth is beyond what such draws can tell.
    assert frame.loc["batch_mean", "verdict"] != "biased"


def test_the_variance_of_a_sparse_reward_is_known_without_a_success(tmp_path: Path) -> None:
    frame = measured(tmp_path, SPARSE, SCORES, "[8]", 1000)
    assert frame.loc["reinforce", "variance_exact"] == pytest.approx((1e4 - 1) / 8)
    assert frame.loc["reinforce", "bias_exact"] == pytest.approx(0, abs=1e-9)


@pytest.mark.slow
def test_an_expectation_that_is_one_percent_wrong_accuses_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def off_by(factor: float) -> type[Problem]:
        class Off(Quadratic):
            def __init__(self) -> None:
                super().__init__(lambda loc, s: factor * (1.3 * loc**2 + (2 * s).exp()))

        return Off

    monkeypatch.setitem(catalogue._ADDED, "problems", {"off": off_by(1.01), "right": off_by(1.0)})
    found = {}
    for name in ("off", "right"):
        (tmp_path / name).mkdir()
        problem = f"{{name: {name}}}"
        found[name] = measured(tmp_path / name, problem, "[reparameterization]", "[1000]", 1000)
    assert set(found["off"]["truth"]) == {"disputed"}
    assert set(found["off"]["verdict"]) == {"unknown"}
    assert found["off"]["mse"].isna().all()
    # The control.
    assert set(found["right"]["truth"]) == {"closed_form"}
    assert not set(found["right"]["verdict"]) & {"biased", "unknown"}


def test_a_path_through_a_jump_stays_biased(tmp_path: Path) -> None:
    jump = expectation_of("normal: {loc: 0.1, scale: 0.2}", "loc", "z > 0")
    frame = measured(tmp_path, jump, "[reinforce, reparameterization]", "[8]", 1000)
    assert frame["verdict"].tolist()[1] == "biased"
    assert frame.loc["reparameterization", "variance_high"] == 0
    assert frame.loc["reinforce", "verdict"] != "biased"


def test_the_bias_at_the_edge_of_a_simplex_is_that_of_the_estimator(tmp_path: Path) -> None:
    coin = expectation_of("bernoulli: {probs: 1.0}", "probs", "(z - 0.45)**2")
    frame = measured(tmp_path, coin, "[reinforce, measure_valued]", "[8]", 400)
    assert frame.loc["measure_valued", "bias"] == pytest.approx(0, abs=1e-6)
    assert frame.loc["reinforce", "truth_norm"] == pytest.approx(0.1, abs=1e-6)
