"""Rates of estimates: against the random numbers that they need, and against a loop in NumPy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from bench.engine.blocks import blocks_of
from bench.engine.center import center_of_cell
from bench.engine.replicate import replicate, timed
from bench.engine.streams import Address, stream
from bench.estimator import Estimator
from bench.problem import Problem
from tests.cases import estimator_of, problem_of
from tests.speed.conftest import Ratio

SIZES = [10, 100, 1000, 10_000, 100_000]
NAMES = ["reinforce", "leave_one_out", "reparameterization"]
NUMBERS = 4_000_000
LOOPS = ["reinforce", "reparameterization"]
TRUTH = torch.tensor([4.0], dtype=torch.float64)


def gaussian() -> Problem:
    return problem_of("gaussian").to("cpu", torch.float32)


def gradients(name: str, N: int, R: int) -> Callable[[], None]:
    """All that it takes to have R estimates of the Gaussian example, see `estimates`."""
    return estimates(estimator_of(name), gaussian(), N, R)


def estimates(estimator: Estimator, problem: Problem, N: int, R: int) -> Callable[[], None]:
    """All that it takes to have R estimates, streams included, fitting and statistics not."""
    blocks = blocks_of(problem, N, "cpu", R)

    def work() -> None:
        for block in blocks:
            address = Address(0, "speed", N, "estimates")
            with stream(address, torch.device("cpu"), block.start) as draws:
                for rows in block.chunks():
                    draws.begin(block.start + rows.start, rows.stop - rows.start)
                    timed(estimator, problem, N, rows.stop - rows.start)

    return work


def replication(name: str, N: int, R: int) -> Callable[[], object]:
    """The same with all statistics."""
    estimator, problem = estimator_of(name), gaussian()
    center = center_of_cell(estimator, problem, N, Address(0, "speed", N, "center"))
    return lambda: replicate(
        estimator, problem, N, R, Address(0, "speed", N, "estimates"), TRUTH, [slice(0, 1)], center
    )


def normals(count: int) -> Callable[[], None]:
    """As many normal numbers, in pieces that fit the cache."""
    piece = 1 << 18

    def work() -> None:
        for start in range(0, count, piece):
            torch.empty(min(piece, count - start)).normal_()

    return work


@pytest.mark.parametrize("N", SIZES)
@pytest.mark.parametrize("name", NAMES)
def test_rate_with_all_statistics_against_the_random_numbers(ratio: Ratio, name: str, N: int) -> None:
    R = NUMBERS // N
    least = (0.9 if N >= 100 else 0.7) if name == "reparameterization" else (0.75 if N >= 100 else 0.55)
    ratio(
        f"{name}, N = {N}, statistics: rate / rate of normal_()",
        replication(name, N, R),
        normals(N * R),
        least,
    )


@pytest.mark.parametrize("N", SIZES)
@pytest.mark.parametrize("name", NAMES)
def test_overhead_of_statistics(ratio: Ratio, name: str, N: int) -> None:
    R = NUMBERS // N
    least = 1 / 1.1 if N >= 100 else 1 / 1.25
    ratio(
        f"{name}, N = {N}: rate with statistics / without",
        replication(name, N, R),
        gradients(name, N, R),
        least,
    )


def by_hand(name: str, N: int, R: int) -> Callable[[], None]:
    """The same gradients in three lines of torch, as one would write them who knows the derivatives."""
    rows = max(1, (1 << 18) // N)

    def reinforce(e: Tensor) -> Tensor:
        return ((2 + e).square() * e).mean(0)

    def leave_one_out(e: Tensor) -> Tensor:
        f = (2 + e).square()
        return ((f - f.mean(0)) * e).mean(0) * (N / (N - 1))

    def reparameterization(e: Tensor) -> Tensor:
        return (2 * (2 + e)).mean(0)

    estimate = {
        "reinforce": reinforce,
        "leave_one_out": leave_one_out,
        "reparameterization": reparameterization,
    }[name]

    def work() -> None:
        for start in range(0, R, rows):
            estimate(torch.randn(N, min(rows, R - start)))

    return work


@pytest.mark.parametrize("N", [10, 1000, 100_000])
@pytest.mark.parametrize("name", NAMES)
def test_rate_against_the_closed_form_by_hand(ratio: Ratio, name: str, N: int) -> None:
    R = NUMBERS // N
    ratio(f"{name}, N = {N}: rate / rate of torch by hand", gradients(name, N, R), by_hand(name, N, R), 1.0)


def loop(name: str, N: int, R: int) -> Callable[[], None]:
    def score() -> None:
        for _ in range(R):
            x = np.random.randn(N) + 2
            np.mean(x**2 * (x - 2))

    def path() -> None:
        for _ in range(R):
            np.mean(2 * (2 + np.random.randn(N)))

    return score if name == "reinforce" else path


@pytest.mark.parametrize("N", SIZES)
@pytest.mark.parametrize("name", LOOPS)
def test_rate_against_a_loop_in_numpy(ratio: Ratio, name: str, N: int) -> None:
    ratio(
        f"{name}, N = {N}, R = 100: rate / rate of a NumPy loop",
        gradients(name, N, 100),
        loop(name, N, 100),
        2.5,
    )


@pytest.mark.parametrize("name", LOOPS)
def test_the_whole_sweep_against_a_loop_in_numpy(ratio: Ratio, name: str) -> None:
    """With statistics, of which the loop has none: a tenth less than without is allowed for them."""
    ours, theirs = [replication(name, N, 100) for N in SIZES], [loop(name, N, 100) for N in SIZES]
    ratio(
        f"{name}, all N, R = 100, with statistics: rate / rate of a NumPy loop",
        lambda: [work() for work in ours],
        lambda: [work() for work in theirs],
        2.25,
    )
