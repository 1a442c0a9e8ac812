"""Help, lists and the schema are there at once: they do not wait for torch; a plan waits for little else."""

from __future__ import annotations

import subprocess
import sys
import time
from statistics import median

import pytest

from bench.cards import KINDS as CARDS
from tests.speed.conftest import record

VERBS = ["run", "plan", "list", "show", "validate"]
KINDS = [*CARDS, "scenarios"]


def seconds(*command: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, *command], capture_output=True, check=True)
    return time.perf_counter() - start


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["schema"],
        *([verb, "--help"] for verb in VERBS),
        *(["list", kind] for kind in KINDS),
        ["show", "reinforce"],
        ["show", "metric:variance"],
    ],
    ids=" ".join,
)
def test_it_takes_less_than_half_of_importing_torch(words: list[str]) -> None:
    ratios = [seconds("-m", "bench", *words) / seconds("-c", "import torch") for _ in range(5)]
    record(f"python -m bench {' '.join(words)}: time / time of importing torch", median(ratios), 0.5)
    assert median(ratios) < 0.5


def test_a_plan_takes_little_longer_than_importing_torch() -> None:
    plan = ["-m", "bench", "plan", "scenarios/gaussian.yaml"]
    ratios = [seconds(*plan) / seconds("-c", "import torch") for _ in range(5)]
    record("python -m bench plan gaussian: time / time of importing torch", median(ratios), 2.0)
    assert median(ratios) < 2.0
