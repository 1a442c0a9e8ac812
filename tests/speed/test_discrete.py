"""Estimators of many bits against the same formulas in plain torch, and sums over the states of 20 bits."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from bench import noise
from bench.catalogue import build
from bench.engine.blocks import blocks_of
from bench.engine.streams import Address, stream
from bench.engine.truth import exact_gradient
from bench.estimator import Estimator
from bench.problem import Problem
from tests.cases import expectation
from tests.speed.conftest import median_ratio, record, seconds_of
from tests.speed.test_rates import estimates

D, N, R = 200, 10, 1000
SLOWEST = 1.5
ROUNDS = 9
ROUNDING = 1e-5
SECONDS = 2.0
TARGET, CENTER = 0.45, 90.0
CPU = torch.device("cpu")

Draw = Callable[[tuple[int, ...]], Tensor]
"""Uniform numbers in a shape."""


def bits() -> Problem:
    logits = [((37 * i) % 100 - 50) / 25 for i in range(D)]
    options = expectation(f"(sum(z) - {CENTER})**2", ["logits"], bernoulli={"logits": logits})
    problem: Problem = build("problems", options.pop("name"), options)
    return problem.to("cpu", torch.float32)


def cost(x: Tensor) -> Tensor:
    return (x.sum(-1) - CENTER).square()


def score_function(logits: Tensor, draw: Draw, baseline: bool) -> Tensor:
    probs = logits.sigmoid()
    x = (draw((N, *logits.shape)) <= probs).to(logits.dtype)
    weights = cost(x)
    if baseline:
        weights = (weights - weights.mean(0)) * (N / (N - 1))
    leaf = logits.detach().requires_grad_()
    density = torch.lerp(logsigmoid(-leaf), logsigmoid(leaf), x).sum(-1)
    (found,) = torch.autograd.grad((weights * density).mean(0).sum(), leaf)
    return found


def disarm(logits: Tensor, draw: Draw) -> Tensor:
    u, probs = draw((N, *logits.shape)), logits.sigmoid()
    x, other = (u <= probs).to(logits.dtype), (u >= 1 - probs).to(logits.dtype)
    gap = (cost(x) - cost(other))[..., None]
    return (0.5 * gap * (x - other)).mean(0) * logits.abs().sigmoid()


def gumbel_softmax(logits: Tensor, draw: Draw) -> Tensor:
    u = draw((N, *logits.shape))
    leaf = logits.detach().requires_grad_()
    points = (leaf + u.log() - (-u).log1p()).sigmoid()
    (found,) = torch.autograd.grad(cost(points).mean(0).sum(), leaf)
    return found


FORMULAS: dict[str, Callable[[Tensor, Draw], Tensor]] = {
    "reinforce": lambda logits, draw: score_function(logits, draw, False),
    "leave_one_out": lambda logits, draw: score_function(logits, draw, True),
    "disarm": disarm,
    "gumbel_softmax": gumbel_softmax,
}
OPTIONS = {"leave_one_out": ("reinforce", {"baseline": "leave_one_out"})}


def by_hand(name: str, problem: Problem, draw: Callable[[str, Tensor], Draw]) -> Callable[[], Tensor]:
    """The formula in pieces as large as ours, on the same streams; it gives the last of them."""
    blocks = blocks_of(problem, N, "cpu", R)

    def work() -> Tensor:
        for block in blocks:
            with stream(Address(0, "speed", N, "estimates"), CPU, block.start) as draws:
                for rows in block.chunks():
                    count = rows.stop - rows.start
                    draws.begin(block.start + rows.start, count)
                    logits = problem.theta.expand(count, -1)
                    found = FORMULAS[name](logits, draw(name, logits))
        return found

    return work


def same_numbers(name: str, like: Tensor) -> Draw:
    drawn = noise.uniform if name == "gumbel_softmax" else noise.unit
    return lambda shape: drawn(shape, like)


DRAWS: dict[str, Callable[[str, Tensor], Draw]] = {
    "the same numbers": same_numbers,
    "torch.rand": lambda _, like: lambda shape: torch.rand(shape, dtype=like.dtype),
}


def ours(name: str) -> Estimator:
    estimator: Estimator = build("estimators", *OPTIONS.get(name, (name, {})))
    return estimator


@pytest.mark.parametrize("name", FORMULAS)
def test_the_formula_by_hand_is_ours(name: str) -> None:
    problem = bits()
    hand = by_hand(name, problem, same_numbers)()
    count = len(hand)
    with stream(Address(0, "speed", N, "estimates"), CPU, blocks_of(problem, N, "cpu", R)[-1].start) as draws:
        draws.begin(R - count, count)
        found = ours(name).gradient(problem, problem.theta.expand(count, -1).requires_grad_(), N)
    assert float((found - hand).norm()) < ROUNDING * float(found.norm())


@pytest.mark.parametrize("drawn", DRAWS)
@pytest.mark.parametrize("name", FORMULAS)
def test_time_against_the_formula_by_hand(name: str, drawn: str) -> None:
    problem = bits()
    works = (
        estimates(ours(name), problem, N, R),
        by_hand(name, problem, DRAWS[drawn]),
    )
    slower = 1 / median_ratio(*map(seconds_of, works), ROUNDS)
    record(f"{name}, {D} bits, N = {N}: time / that of torch by hand with {drawn}", slower, SLOWEST)
    assert slower <= SLOWEST


def test_all_states_of_twenty_bits() -> None:
    """Bits that are coupled, so that no shortcut by the distribution of a sum serves."""
    weights = [((53 * i) % 40 - 20) / 30 for i in range(20)]
    options = {
        **expectation(
            "abs(dot(w, z) - 0.7) * exp(z[0]*z[1])", ["logits"], bernoulli={"logits": weights[::-1]}
        ),
        "let": {"w": weights},
    }
    problem: Problem = build("problems", options.pop("name"), options)
    problem = problem.to("cpu", torch.float64)
    start = time.perf_counter()
    truth = exact_gradient(problem)
    seconds = time.perf_counter() - start
    record("value and gradient by enumeration of 2^20 states: seconds", seconds, SECONDS)
    assert truth.gradient is not None
    assert seconds <= SECONDS
