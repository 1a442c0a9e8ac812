"""The peak memory of an estimate: of the size that its samples have, and the same every time."""

from __future__ import annotations

import gc
import time
from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch
from torch import Tensor

from bench.catalogue import build
from bench.engine.memory import peak_bytes, peak_of
from bench.engine.streams import Address
from bench.estimator import Claim, Estimator
from bench.problem import NotApplicable, Problem
from tests.cases import BIASED, ESTIMATORS, estimator_of, problem_of

N, ROWS = 1000, 64
REINFORCE = estimator_of("reinforce")


def gaussian(dtype: torch.dtype = torch.float32, device: str = "cpu") -> Problem:
    return problem_of("gaussian").to(device, dtype)


@dataclass(frozen=True)
class Wasteful(Estimator):
    """Fills a hundred numbers for each sample, and gives the mean of them."""

    bias: ClassVar[Claim] = "biased"

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        return theta.new_ones((sample_size, len(theta), 100)).mean((0, 2))[:, None]


@dataclass(frozen=True)
class Frugal(Estimator):
    """One number at a time, which is freed before the next."""

    bias: ClassVar[Claim] = "biased"

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        total = torch.zeros_like(theta)  # [R, 1]
        for _ in range(sample_size):
            total += torch.randn_like(theta)
        return total / sample_size


def test_the_samples_are_held_at_least_once_and_not_too_often() -> None:
    assert N * 4 <= peak_bytes(REINFORCE, gaussian(), N, ROWS) <= 40 * N * 4


def test_the_peak_doubles_with_the_sample_size() -> None:
    few, many = (peak_bytes(REINFORCE, gaussian(), size, ROWS) for size in (N, 2 * N))
    assert many / few == pytest.approx(2, rel=0.2)


def test_the_peak_of_one_estimate_hardly_depends_on_the_rows() -> None:
    few, many = (peak_bytes(REINFORCE, gaussian(), N, rows) for rows in (8, ROWS))
    assert many == pytest.approx(few, rel=0.2)


def test_float64_takes_twice_as_much_as_float32() -> None:
    single, double = (peak_bytes(REINFORCE, gaussian(t), N, ROWS) for t in (torch.float32, torch.float64))
    assert double / single == pytest.approx(2, rel=0.2)


def test_a_large_tensor_shows() -> None:
    assert 100 * N * 4 <= peak_bytes(Wasteful(), gaussian(), N, ROWS) < 101 * N * 4


def test_what_is_freed_on_the_way_does_not_add_up() -> None:
    # Three numbers at once: the sum, the one that is added, the mean.
    assert peak_bytes(Frugal(), gaussian(), N, ROWS) <= 3 * 4


@pytest.mark.parametrize("name", [*ESTIMATORS, *BIASED])
def test_the_peak_is_the_same_every_time(name: str) -> None:
    problem = gaussian()
    try:
        peak_bytes(estimator_of(name), problem, 100, ROWS)
    except NotApplicable:
        problem = problem_of("bernoulli").to("cpu", torch.float32)
    # What is kept for later is made by the first call, as the warm-up of a cell is.
    _, first, *others = (peak_bytes(estimator_of(name), problem, 100, ROWS) for _ in range(4))
    assert others == [first, first]


def test_the_global_generator_and_the_collector_stay_as_they_were() -> None:
    before = torch.get_rng_state()
    assert peak_of(REINFORCE, gaussian(), N, Address(0, "test", N, "memory", 0)) > 0
    assert torch.equal(torch.get_rng_state(), before)
    assert gc.isenabled()


def test_the_peak_of_a_large_problem_is_found_in_a_moment() -> None:
    vae = build("problems", "vae", {"batch_size": 3, "latent": 2, "hidden": 4, "bound": "sampled"})
    address = Address(0, "test", N, "memory", 0)
    peak_of(REINFORCE, vae, N, address)
    start = time.perf_counter()
    peak_of(REINFORCE, vae, N, address)
    assert time.perf_counter() - start < 1  # it takes some milliseconds on an idle machine


@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA device")
def test_on_cuda_the_samples_are_held_too() -> None:
    found = [peak_bytes(REINFORCE, gaussian(device="cuda"), N, ROWS) for _ in range(3)]
    assert found[1] == found[2]
    assert N * 4 <= found[1] <= 40 * N * 4
    assert 100 * N * 4 <= peak_bytes(Wasteful(), gaussian(device="cuda"), N, ROWS) < 110 * N * 4
