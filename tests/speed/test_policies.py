"""Answers per second of updates of policies, and their exact moments over a thousand answers."""

from __future__ import annotations

import time
from typing import Any

import pytest
import torch

from bench.catalogue import build
from bench.estimator import Estimator
from bench.problem import Problem
from tests.policies import exact, gradient, policy
from tests.speed.conftest import record, seconds_of
from tests.speed.test_rates import estimates

R = 8000
RATE = 1e6  # answers a second
# Of a table with a row for each prefix an estimate writes 1110 numbers for four answers: memory decides.
RATES = {"three tokens, logits of 111 prefixes": 0.7e6}
SECONDS = 2.0
THREE_TOKENS = {"length": 3, "reward": "z[0] == z[2]", "logits": {"tokens": 10}}
PROBLEMS: dict[str, tuple[str, dict[str, Any], int]] = {
    "a bandit": ("group_bandit", {}, 8),
    "one token of an older policy": ("kl_regularized", {"behavior": [0.5, 0.2, 0.3]}, 8),
    "three tokens, logits of places": ("sequence_policy", {**THREE_TOKENS, "sharing": "places"}, 4),
    "three tokens, logits of 111 prefixes": ("sequence_policy", {**THREE_TOKENS, "sharing": "prefixes"}, 4),
}
UPDATES: dict[str, dict[str, Any]] = {
    "leave-one-out": {},
    "GRPO": {"baseline": "mean", "scale": "std", "length": "own", "ratio": "clipped"},
}


@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize("place", PROBLEMS)
def test_answers_per_second(place: str, update: str) -> None:
    name, options, N = PROBLEMS[place]
    problem: Problem = build("problems", name, options).to("cpu", torch.float32)
    estimator: Estimator = build("estimators", "group_policy", UPDATES[update])
    took = seconds_of(estimates(estimator, problem, N, R))
    seconds = min(took() for _ in range(5))
    least = RATES.get(place, RATE)
    record(f"{update}, {place}, groups of {N}: seconds / those of 10⁶ answers a second",
           seconds * RATE / (N * R), RATE / least)  # fmt: skip
    assert N * R / seconds >= least


@pytest.mark.parametrize("update", UPDATES)
def test_exact_moments_of_three_tokens(update: str) -> None:
    problem = policy("sequence_policy", **THREE_TOKENS, sharing="prefixes")
    start = time.perf_counter()
    gradient(problem)
    found = exact(problem, 4, **UPDATES[update])
    seconds = time.perf_counter() - start
    record(f"{update}, truth and exact moments of 1000 answers in groups of 4: seconds", seconds, SECONDS)
    assert bool(found.variance.isfinite().all())
    assert seconds <= SECONDS
