"""Questions from practice as losses of at most fifteen lines: right verdicts, right numbers, right causes."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from torch import Tensor
from torch.distributions import Bernoulli, Categorical, Normal
from torch.nn.functional import logsigmoid

import bench
from bench.results.run import Run
from tests.losses_at_hand import leaf

# Means and variances are held to 4.5 of their standard errors, some thirty of them: a false alarm has
# probability below 3e-4, at seeds that are fixed.
LIMIT, MOST_LINES = 4.5, 15
FLOAT64 = torch.float64


def audited(tmp_path: Path, losses: dict[str, Callable[[], Tensor]], model: Any, **settings: Any) -> Run:
    for loss in losses.values():
        assert len(inspect.getsource(loss).splitlines()) <= MOST_LINES
    return bench.audit(losses, model, out=tmp_path, progress=False, **settings)


def whole(run: Run) -> pd.DataFrame:
    return run.measurements[run.measurements["parameter"] == "all"].set_index("estimator")


def findings_of(run: Run, name: str) -> str:
    return "; ".join(line for line in run.findings if line.startswith(f"{name}: "))


# --- does the mean cost of the batch as a baseline preserve the gradient? -----------------------------

LOGIT = torch.tensor(0.8, dtype=FLOAT64, requires_grad=True)


def coin_cost(z: Tensor) -> Tensor:
    return (z - 0.45) ** 2


def batch_mean(N: int) -> dict[str, Callable[[], Tensor]]:
    def own() -> Tensor:
        p = Bernoulli(logits=LOGIT)
        z = p.sample((N,))
        cost = coin_cost(z)
        return (p.log_prob(z) * (cost - cost.mean())).mean()

    def corrected() -> Tensor:
        p = Bernoulli(logits=LOGIT)
        z = p.sample((N,))
        cost = coin_cost(z)
        return (p.log_prob(z) * (cost - cost.mean())).mean() * N / (N - 1)

    return {"own": own, "corrected": corrected}


def coin_objective() -> Tensor:
    p = LOGIT.sigmoid()
    return p * 0.55**2 + (1 - p) * 0.45**2


@pytest.mark.parametrize("N", [pytest.param(2, marks=pytest.mark.slow), 8])
def test_the_mean_of_the_batch_shrinks_the_gradient(tmp_path: Path, N: int) -> None:
    run = audited(tmp_path, batch_mean(N), LOGIT, truth=coin_objective, replicates=20_000, sample_size=N)
    rows = whole(run)
    assert rows["truth_norm"].tolist() == pytest.approx([0.021391] * 2, abs=5e-7)
    error = math.sqrt(rows["variance"]["own"] / 20_000)
    assert rows["bias"]["own"] == pytest.approx(-0.021391 / N, abs=LIMIT * error)
    assert rows["verdict"]["own"] == "biased"
    assert rows["verdict"]["corrected"] != "biased"
    assert f"(N−1)/N for N = {N}" in findings_of(run, "own")
    assert findings_of(run, "corrected") == ""


# --- which term for the divergence from a reference is unbiased once samples are of an older policy? ----

LOGITS = torch.tensor([0.4, -0.3, 0.9, -1.0], dtype=FLOAT64, requires_grad=True)
REFERENCE = torch.tensor([-0.2, 0.5, 0.1, 0.3], dtype=FLOAT64).log_softmax(-1)
OLD = torch.tensor([0.1, 0.2, 0.6, -0.4], dtype=FLOAT64)
DIVERGENCE = [0.072491, -0.168966, 0.216733, -0.120257]


def k(kind: str, weight: str) -> Callable[[], Tensor]:
    def loss() -> Tensor:
        p, old = Categorical(logits=LOGITS), Categorical(logits=OLD)
        a = old.sample((16,))
        ratio = p.log_prob(a) - REFERENCE[a]
        value = {"k1": ratio, "k2": ratio**2 / 2, "k3": (-ratio).exp() - 1 + ratio}[kind]
        importance = (p.log_prob(a) - old.log_prob(a)).exp()
        factor = {"none": 1.0, "live": importance, "detached": importance.detach()}[weight]
        return (factor * value).mean()

    return loss


def divergence() -> Tensor:
    log_p = LOGITS.log_softmax(-1)
    return (log_p.exp() * (log_p - REFERENCE)).sum()


KINDS = {
    f"{kind} {weight}": k(kind, weight) for kind in ("k2", "k3") for weight in ("none", "live", "detached")
}
RIGHT = {"k2 detached", "k3 live"}


@pytest.mark.slow
def test_of_terms_for_a_divergence_two_are_unbiased(tmp_path: Path) -> None:
    run = audited(
        tmp_path, {"k1 none": k("k1", "none"), **KINDS}, LOGITS, truth=divergence, replicates=50_000
    )
    rows = whole(run)
    truths = run.coordinates[run.coordinates["cell"] == rows["cell"].iloc[0]]["truth"]
    assert truths.tolist() == pytest.approx(DIVERGENCE, abs=1e-6)
    assert {name for name in rows.index if rows["verdict"][name] != "biased"} == RIGHT
    assert {line.partition(": ")[0] for line in run.findings} == set(rows.index) - RIGHT


# --- a discrete latent without a score term -----------------------------------------------------------

COIN = torch.tensor([0.6], dtype=FLOAT64, requires_grad=True)


def log_joint(z: Tensor) -> Tensor:
    prior = z * math.log(0.3) + (1 - z) * math.log(0.7)
    return prior + Normal(-0.5 + 1.7 * z, 0.7).log_prob(torch.tensor(0.8, dtype=FLOAT64))


def without_score() -> Tensor:
    q = Bernoulli(logits=COIN)
    z = q.sample((4,))
    return (q.log_prob(z) - log_joint(z)).mean()


def with_score() -> Tensor:
    q = Bernoulli(logits=COIN)
    z = q.sample((4,))
    cost = q.log_prob(z) - log_joint(z)
    return (cost.detach() * q.log_prob(z) + cost).mean()


def bound() -> Tensor:
    q, z = Bernoulli(logits=COIN), torch.tensor([[0.0], [1.0]], dtype=FLOAT64)
    return (q.log_prob(z).exp() * (q.log_prob(z) - log_joint(z))).sum()


@pytest.mark.slow
def test_a_discrete_latent_without_a_score_term_has_a_gradient_of_mean_zero(tmp_path: Path) -> None:
    losses = {"without": without_score, "with": with_score}
    run = audited(tmp_path, losses, COIN, truth=bound, replicates=20_000)
    rows = whole(run)
    assert rows["truth_norm"]["with"] == pytest.approx(0.0260646, abs=5e-8)
    error = math.sqrt(rows["variance"]["without"] / 20_000)
    assert rows["bias"]["without"] == pytest.approx(0.0260646, abs=LIMIT * error)
    assert rows["verdict"].eq("biased").tolist() == [True, False]


# --- is leaving γ^t out a bias, and what does the reward to go save? -----------------------------------

POLICY = torch.tensor([0.4, -0.7, 0.9], dtype=FLOAT64, requires_grad=True)
GAMMA = 0.5
FIRST = torch.tensor([0.3, 1.0], dtype=FLOAT64)
SECOND = torch.tensor([[2.0, -1.0], [0.5, 3.0]], dtype=FLOAT64)


def steps(a: Tensor, b: Tensor) -> Tensor:
    """log π of both actions, `[..., 2]`."""
    later = torch.where(a > 0, POLICY[2], POLICY[1])
    signs = torch.where(a > 0, POLICY[0], -POLICY[0]), torch.where(b > 0, later, -later)
    return logsigmoid(torch.stack(signs, -1))


def policy_gradient(returns: str) -> Callable[[], Tensor]:
    def loss() -> Tensor:
        a = (torch.rand(8, dtype=FLOAT64) < POLICY[0].sigmoid()).long()
        later = torch.where(a > 0, POLICY[2], POLICY[1]).sigmoid()
        b = (torch.rand(8, dtype=FLOAT64) < later).long()
        first, second = FIRST[a], SECOND[a, b]
        total = first + GAMMA * second
        last = {"total": total, "to_go": GAMMA * second, "no_gamma": second}[returns]
        return -(steps(a, b) * torch.stack([total, last], -1)).sum(-1).mean()

    return loss


def expected_return() -> Tensor:
    a, b = torch.tensor([0, 0, 1, 1]), torch.tensor([0, 1, 0, 1])
    return -(steps(a, b).sum(-1).exp() * (FIRST[a] + GAMMA * SECOND[a, b])).sum()


@pytest.mark.slow
def test_without_gamma_the_second_step_is_biased_by_it(tmp_path: Path) -> None:
    losses = {name: policy_gradient(name) for name in ("total", "to_go", "no_gamma")}
    run = audited(tmp_path, losses, POLICY, truth=expected_return, replicates=20_000)
    rows = whole(run)
    wanted = {"total": 0.112871, "to_go": 0.077704, "no_gamma": 0.110855}
    for name, variance in wanted.items():
        error = math.log(rows["variance_high"][name] / rows["variance_low"][name]) / (2 * 1.96)
        assert abs(math.log(rows["variance"][name] / variance)) < LIMIT * error
    assert {name for name in wanted if rows["verdict"][name] == "biased"} == {"no_gamma"}
    assert rows["bias_low"]["no_gamma"] < 0.203626 < rows["bias_high"]["no_gamma"]


# --- must importance weights be detached? -------------------------------------------------------------

Q = leaf(-0.3, math.log(0.9))


def weighted(detach: bool) -> Callable[[], Tensor]:
    def loss() -> Tensor:
        q = Normal(Q[0], Q[1].exp())
        z = q.rsample((4, 5))
        log_w = Normal(0.0, 1.0).log_prob(z) + Normal(z, 1.0).log_prob(torch.tensor(1.5)) - q.log_prob(z)
        w = log_w.softmax(-1)
        if detach:
            w = w.detach()
        return -(w * log_w).sum(-1).mean()

    return loss


def logarithm() -> Tensor:
    q = Normal(Q[0], Q[1].exp())
    z = q.rsample((4, 5))
    log_w = Normal(0.0, 1.0).log_prob(z) + Normal(z, 1.0).log_prob(torch.tensor(1.5)) - q.log_prob(z)
    return -log_w.logsumexp(-1).mean()


@pytest.mark.slow
def test_importance_weights_must_be_detached(tmp_path: Path) -> None:
    losses = {"detached": weighted(True), "live": weighted(False), "bound": logarithm}
    run = audited(tmp_path, losses, Q, truth="bound", replicates=5000)
    rows = whole(run)
    assert rows["verdict"].eq("biased").to_dict() == {"detached": False, "live": True, "bound": False}
    assert "a detach is missing: the first factor carries a gradient" in findings_of(run, "live")
    assert rows["variance"]["detached"] == pytest.approx(rows["variance"]["bound"], rel=1e-3)
