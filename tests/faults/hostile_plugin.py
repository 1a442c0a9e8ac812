"""Estimators that do what none should: each is to be a row with its reason, no other cell to suffer."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from bench import Estimator, Problem
from bench.estimator import Claim


@dataclass(frozen=True)
class Plain(Estimator):
    """Noise about the right answer."""

    bias: ClassVar[Claim] = "biased"

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        return problem.distribution(theta).sample((sample_size,)).mean(0)[:, None]


class Raises(Plain):
    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        raise ValueError("no")


class Exits(Plain):
    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        raise SystemExit(0)


class ExitsAtOnce(Plain):
    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        os._exit(5)


class KillsItself(Plain):
    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        if len(theta) > 2:  # not in the trial of the plan
            os.kill(os.getpid(), signal.SIGKILL)
        return super().gradient(problem, theta, sample_size)


class Hangs(Plain):
    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        while len(theta) > 2:  # not in the trial of the plan
            time.sleep(0.01)
        return super().gradient(problem, theta, sample_size)


class Forks(Plain):
    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        child = os.fork()
        if child:
            os.waitpid(child, 0)
        return super().gradient(problem, theta, sample_size)


class Allocates(Plain):
    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        return torch.ones(1 << 45, dtype=torch.float64)[:1]


class Devours(Plain):
    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        taken = []
        while len(theta) > 2:  # not in the trial of the plan
            taken.append(bytearray(1 << 26))
        return super().gradient(problem, theta, sample_size)


class NotFinite(Plain):
    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        return super().gradient(problem, theta, sample_size) * torch.nan


class WrongShape(Plain):
    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        return super().gradient(problem, theta, sample_size).T


class Prints(Plain):
    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        print("\n".join(map(str, range(100_000))))
        return super().gradient(problem, theta, sample_size)


ESTIMATORS = {
    "plain": Plain,
    "raises": Raises,
    "exits": Exits,
    "exits_at_once": ExitsAtOnce,
    "kills_itself": KillsItself,
    "hangs": Hangs,
    "forks": Forks,
    "allocates": Allocates,
    "devours": Devours,
    "not_finite": NotFinite,
    "wrong_shape": WrongShape,
    "prints": Prints,
}
