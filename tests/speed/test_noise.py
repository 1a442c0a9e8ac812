"""Noise by counter against the generator of torch, both into memory that is there, on one thread."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
import pytest
import torch

from bench.engine.timing import threads
from bench.noise import kernels
from bench.noise.philox import NORMAL, UNIFORM

ROUNDS, REPEATS = 15, 5


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    for _ in range(REPEATS):
        work()
    return time.perf_counter() - start


@pytest.mark.parametrize("shape", [(100, 2621), (1000, 262), (100_000, 2)])
@pytest.mark.parametrize(("kind", "least"), [("normal", 2.0), ("uniform", 1.5)])
def test_noise_is_drawn_faster_than_by_torch(kind: str, least: float, shape: tuple[int, int]) -> None:
    N, R = shape
    fill = kernels.fill_columns if N <= R else kernels.fill_rows
    memory = np.empty(shape if N <= R else shape[::-1], np.float32)
    code, theirs = {"normal": NORMAL, "uniform": UNIFORM}[kind], getattr(torch.empty(shape), f"{kind}_")
    with threads(1):
        zero, one = np.zeros(1, np.float32), np.ones(1, np.float32)
        fill(memory, code, 1, 2, 0, 0, zero, one)
        ratios = []
        for _ in range(ROUNDS):
            own = seconds(lambda: fill(memory, code, 1, 2, 0, 0, zero, one))
            ratios.append(seconds(theirs) / own)
    print(f"{kind} {shape}: {statistics.median(ratios):.2f} times as fast")
    assert statistics.median(ratios) >= least
