"""Rates of gradients against JAX, `jit(vmap(grad))` with one key per replicate, where JAX is installed."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from bench.catalogue import build
from bench.problem import Problem
from tests.speed.conftest import Ratio, median_ratio, record, seconds_of
from tests.speed.test_rates import estimates

INTERPRETER = Path(__file__).parents[2] / ".venv-jax/bin/python"
D, WIDE = 20, 200
NUMBERS = 1 << 18
"""Of one call, for both: as many as the engine draws at once."""


class Peer:
    """A process of an interpreter that has JAX."""

    def __init__(self) -> None:
        script = Path(__file__).with_name("jax_peer.py")
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [INTERPRETER, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        self.version = self._answer().split()[1]

    def seconds(self, name: str, sample_size: int, replicates: int) -> float:
        """The time of some estimates, compiled before."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{name} {sample_size} {replicates}\n")
        self._process.stdin.flush()
        return float(self._answer())

    def _answer(self) -> str:
        assert self._process.stdout is not None
        answer = self._process.stdout.readline()
        assert answer, "the process that has JAX ended"
        return answer

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()  # which closes the pipes, too


@pytest.fixture(scope="module")
def peer() -> Iterator[Peer]:
    if not INTERPRETER.exists():
        pytest.skip("JAX is not installed: `make jax` does that")
    found = Peer()
    yield found
    found.close()


def linear(count: int) -> list[float]:
    return torch.linspace(-1, 1, count).tolist()


SQUARES = "sum(z**2)"
NORMAL: dict[str, Any] = {"distribution": {"normal": {"loc": 2.0, "scale": 1.0}}, "parameters": ["loc"]}
FULL: dict[str, Any] = {
    "distribution": {
        "multivariate_normal": {
            "loc": linear(D),
            "scale_tril": [[0.3] * i + [1.0] for i in range(D)],
        }
    },
    "parameters": ["loc", "scale_tril"],
    "cost": SQUARES,
}
PROBLEMS: dict[str, dict[str, Any]] = {
    "bernoulli": {
        "distribution": {"bernoulli": {"logits": 0.3}},
        "parameters": ["logits"],
        "cost": "(z - 0.45)**2",
    },
    "categorical": {
        "distribution": {"categorical": {"logits": linear(8)}},
        "parameters": ["logits"],
        "cost": "(z - 2.5)**2",
    },
    "normals": {
        "distribution": {"normal": {"loc": linear(WIDE), "log_scale": [0.0] * WIDE}},
        "parameters": ["loc", "log_scale"],
        "cost": SQUARES,
    },
    "full path": FULL,
    "full score": FULL,
}
ESTIMATORS: dict[str, tuple[str, dict[str, Any]]] = {
    "reinforce": ("reinforce", {}),
    "leave_one_out": ("reinforce", {"baseline": "leave_one_out"}),
    "reparameterization": ("reparameterization", {}),
    "bernoulli": ("reinforce", {}),
    "categorical": ("reinforce", {}),
    "normals": ("reparameterization", {}),
    "full path": ("reparameterization", {}),
    "full score": ("reinforce", {}),
}


def ours(name: str, sample_size: int, replicates: int) -> Callable[[], None]:
    options = PROBLEMS.get(name, {**NORMAL, "cost": "z**2"})
    problem: Problem = build("problems", "expectation", options)
    estimator, given = ESTIMATORS[name]
    return estimates(
        build("estimators", estimator, given), problem.to("cpu", torch.float32), sample_size, replicates
    )


@pytest.mark.parametrize("N", [10, 1000, 100_000])
@pytest.mark.parametrize("name", ["reinforce", "leave_one_out", "reparameterization"])
def test_the_gaussian_example(ratio: Ratio, peer: Peer, name: str, N: int) -> None:
    R = max(1, NUMBERS // N)
    what = f"{name}, N = {N}: rate / rate of JAX {peer.version}"
    ratio.of_seconds(what, ours(name, N, R), lambda: peer.seconds(name, N, R), 1.3)


WIDTHS = {"normals": WIDE, "full path": D, "full score": D}


@pytest.mark.parametrize("N", [10, 1000])
@pytest.mark.parametrize("name", PROBLEMS)
def test_others(peer: Peer, name: str, N: int) -> None:
    # Reported; at least as fast is the aim.
    R = max(1, NUMBERS // N // WIDTHS.get(name, 1))
    found = median_ratio(seconds_of(ours(name, N, R)), lambda: peer.seconds(name, N, R), 9)
    record(f"{name}, N = {N}: rate / rate of JAX {peer.version}", found, 1.0)
