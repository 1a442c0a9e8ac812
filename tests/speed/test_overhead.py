"""Cost of all statistics on top of the gradients, streams included."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.speed import test_rates as gaussian
from tests.speed import test_vae as vae
from tests.speed.conftest import Ratio


@pytest.mark.parametrize("N", [100, 1000])
def test_overhead_on_the_gaussian_example(ratio: Ratio, N: int) -> None:
    R = 4_000_000 // N
    ours, gradients = gaussian.replication("reinforce", N, R), gaussian.gradients("reinforce", N, R)
    ratio(f"reinforce, N = {N}: gradients / gradients with statistics", ours, gradients, 1 / 1.10, 9)


def test_overhead_on_the_large_vae(ratio: Ratio, tmp_path: Path) -> None:
    problem = vae.problem_of(vae.LARGE, tmp_path)
    ours, gradients = vae.replication(vae.LARGE, problem), vae.gradients(vae.LARGE, problem)
    ratio(f"{vae.LARGE}: gradients / gradients with statistics", ours, gradients, 1 / 1.35, 5)
