"""Estimators that change what is not their own, with the words in which the engine must name the change."""

from __future__ import annotations

import gc
import os
import random
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from bench.estimator import Claim, Estimator, gradient_of
from bench.problem import NotApplicable, Problem

Act = Callable[[Problem, Tensor], object]
"""Does something to the process or to the problem; given the problem and the rows of θ."""

CALLS: dict[str, int] = {}
"""Calls of each estimator so far, by name; a test clears it."""


@dataclass(frozen=True)
class Path(Estimator):
    """The path of a sample, with a claim that holds."""

    bias: ClassVar[Claim] = "unbiased"

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        x = problem.distribution(theta).rsample((sample_size,))
        return gradient_of(theta, problem.cost(x, theta))


@dataclass(frozen=True)
class Hostile(Path):
    """Acts in some of its calls.

    Attributes:
        name: its own.
        act: what it does.
        step: the method in which it acts.
        when: whether it acts, by N and by the number of its calls before.
        first: whether it acts before it estimates.
    """

    name: str
    act: Act
    step: str = "gradient"
    when: Callable[[int, int], bool] = lambda *_: True
    first: bool = False

    def fitted(self, problem: Problem, theta: Tensor, sample_size: int) -> Estimator:
        if self.step == "fitted" and self._is_time(sample_size):
            self.act(problem, theta)
        return self

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        acts = self.step == "gradient" and self._is_time(sample_size)
        if acts and self.first:
            self.act(problem, theta)
        estimates = super().gradient(problem, theta, sample_size).detach()
        if acts and not self.first:
            self.act(problem, theta)
        return estimates

    def _is_time(self, sample_size: int) -> bool:
        CALLS[self.name] = CALLS.get(self.name, -1) + 1
        return self.when(sample_size, CALLS[self.name])


@dataclass(frozen=True)
class Noisy(Path):
    """Adds noise of its own to estimates that do not vary, or estimates within a fork.

    Attributes:
        noise: numbers in the shape of θ, given θ.
    """

    noise: Callable[[Tensor], Tensor]

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        return 4 + self.noise(theta.detach())


@dataclass(frozen=True)
class Forked(Path):
    """Draws from a generator that it seeds, and puts back.

    Attributes:
        draws: whether it also draws from the stream, to no end.
    """

    draws: bool = False

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        if self.draws:
            torch.randn(3)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(7)
            return super().gradient(problem, theta, sample_size)


@dataclass(frozen=True)
class Rewinding(Path):
    """Draws the same numbers of torch in each call on a stream: it begins where the first call began."""

    name: str = "rewinds"

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        key = (len(theta), torch.default_generator.initial_seed())
        torch.default_generator.set_state(_STATES.setdefault(key, torch.default_generator.get_state()))
        return 4 + torch.randn_like(theta)


_STATES: dict[tuple[int, int], Tensor] = {}


def raising(error: type[BaseException], *words: Any) -> Act:
    def act(*_: object) -> None:
        raise error(*words)

    return act


def both(*acts: Act) -> Act:
    def act(problem: Problem, theta: Tensor) -> None:
        for each in acts:
            each(problem, theta)

    return act


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


class Ends(BaseException):
    pass


def seeded_noise(theta: Tensor) -> Tensor:
    generator = torch.Generator().manual_seed(3)
    return torch.randn(theta.shape, generator=generator, dtype=theta.dtype)


def seeded_noise_and_a_draw(theta: Tensor) -> Tensor:
    torch.randn(3)
    return seeded_noise(theta)


def numpys_noise(theta: Tensor) -> Tensor:
    return torch.from_numpy(np.random.default_rng().standard_normal(theta.shape)).to(theta)


def no_gradients(*_: object) -> None:
    torch.set_grad_enabled(False)


def leave_a_gradient(problem: Problem, theta: Tensor) -> None:
    with torch.enable_grad():
        problem.theta.requires_grad_().sum().backward()


_MODES: list[Any] = []


def enter_inference(*_: object) -> None:
    _MODES.append(torch.inference_mode())
    _MODES[-1].__enter__()


class _Doubling(TorchFunctionMode):
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        return 2 * found if getattr(func, "__name__", "") == "square" else found


class _Watching(TorchDispatchMode):
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return func(*args, **(kwargs or {}))


STATE: dict[str, tuple[Act, str]] = {
    "no_grad": (no_gradients, "whether torch records gradients"),
    "inference": (enter_inference, "torch's inference mode"),
    "default_type": (lambda *_: torch.set_default_dtype(torch.float64), "torch's default type"),
    "default_device": (lambda *_: torch.set_default_device("meta"), "torch's default device"),
    "threads": (lambda *_: torch.set_num_threads(3), "torch's number of threads"),
    "deterministic": (
        lambda *_: torch.use_deterministic_algorithms(True, warn_only=True),
        "whether torch is deterministic",
    ),
    "products": (lambda *_: torch.set_float32_matmul_precision("medium"), "torch's precision of products"),
    "anomalies": (
        lambda *_: torch.autograd.set_detect_anomaly(True, check_nan=False),
        "torch's detection of anomalies",
    ),
    "denormals": (lambda *_: torch.set_flush_denormal(True), "how torch treats denormal numbers"),
    "function_mode": (lambda *_: _Doubling().__enter__(), "torch's modes"),
    "dispatch_mode": (lambda *_: _Watching().__enter__(), "torch's modes"),
    "hooks": (
        lambda *_: torch.autograd.graph.saved_tensors_hooks(lambda x: 2 * x, lambda x: x).__enter__(),
        "torch's hooks on saved tensors",
    ),
    "autocast": (lambda *_: torch.set_autocast_enabled("cpu", True), "whether torch casts automatically"),
    "validation": (
        lambda *_: Distribution.set_default_validate_args(not Distribution._validate_args),
        "whether distributions check their arguments",
    ),
    "filters": (lambda *_: warnings.simplefilter("ignore"), "the filters of warnings"),
    "numpy_seed": (lambda *_: np.random.seed(3), "NumPy's random numbers"),
    "numpy_errors": (lambda *_: np.seterr(all="raise"), "how NumPy treats errors"),
    "python_seed": (lambda *_: random.seed(3), "Python's random numbers"),
    "collection": (lambda *_: gc.disable(), "Python's garbage collection"),
    "environment": (lambda *_: os.environ.update(OMP_NUM_THREADS="7"), "the environment"),
    "folder": (lambda *_: os.chdir("/"), "the working folder"),
    "seeds": (lambda *_: torch.manual_seed(0), "reseeded torch's generator"),
    "moves": (lambda problem, _: problem.theta.add_(0.1), "the problem's theta"),
    "moves_rows": (lambda _, theta: theta.data[0].add_(0.1), "the problem's theta"),
    "moves_data": (lambda problem, _: problem.theta.data.mul_(1.5), "the problem's theta"),
    "moves_by_numpy": (lambda problem, _: problem.theta.numpy().fill(3), "the problem's theta"),
    "resizes": (lambda problem, _: problem.theta.resize_(3), "the problem's theta"),
    "records": (lambda problem, _: problem.theta.requires_grad_(), "the problem's theta"),
    "leaves_a_gradient": (leave_a_gradient, "the problem's theta"),
    "replaces_theta": (
        lambda problem, _: setattr(problem, "theta", problem.theta + 1),
        "the problem's theta",
    ),
    "moves_what_is_private": (lambda problem, _: vars(problem)["_fixed"].mul_(2), "the problem's _fixed"),
    "writes": (lambda problem, _: setattr(problem, "seen", True), "the problem's seen"),
    "shadows_the_cost": (
        lambda problem, _: setattr(problem, "cost", lambda x, _: x),
        "the problem's cost",
    ),
    "widens": (lambda problem, _: setattr(problem, "width", 99), "the problem's width"),
    "deletes": (lambda problem, _: delattr(problem, "width"), "the problem's width"),
    "names_a_block": (
        lambda problem, _: vars(problem)["parameters"].update(more=slice(0, 0)),
        "the problem's parameters.more",
    ),
    "writes_on_the_class": (lambda problem, _: setattr(type(problem), "width", 7), "width of the class"),
    "replaces_the_cost": (
        lambda problem, _: setattr(type(problem), "cost", lambda *_: torch.zeros(())),
        "cost of the class",
    ),
}
"""Name -> an act, and how it is named."""


def acting(suffix: str, names: str, **how: Any) -> dict[str, tuple[Estimator, str]]:
    """Estimators that act in another way, named by a suffix."""
    return {
        f"{name}_{suffix}": (Hostile(f"{name}_{suffix}", STATE[name][0], **how), STATE[name][1])
        for name in names.split()
    }


def failing(names: str) -> dict[str, tuple[Estimator, str]]:
    """Estimators that act, and then raise."""
    return {
        f"{name}_and_fails": (
            Hostile(f"{name}_and_fails", both(STATE[name][0], raising(ValueError, "no"))),
            f"{STATE[name][1]}; ValueError: no",
        )
        for name in names.split()
    }


HOSTILE: dict[str, tuple[Estimator, str]] = {
    **{name: (Hostile(name, act), words) for name, (act, words) in STATE.items()},
    **acting("when_fitted", "no_grad seeds moves moves_rows environment numpy_seed writes", step="fitted"),
    **acting("first", "no_grad seeds moves moves_by_numpy default_type", when=lambda _, call: call == 0),
    **acting("later", "no_grad seeds moves moves_rows writes python_seed", when=lambda _, call: call > 4),
    **failing("no_grad seeds moves"),
    "no_grad_and_does_not_apply": (
        Hostile("no_grad_and_does_not_apply", both(no_gradients, raising(NotApplicable, "never"))),
        "whether torch records gradients; never",
    ),
    "exits": (Hostile("exits", raising(SystemExit, 0)), "SystemExit: 0"),
    "exits_at_once": (Hostile("exits_at_once", lambda *_: os._exit(3)), "os._exit(3)"),
    "exits_when_fitted": (Hostile("exits_when_fitted", raising(SystemExit, 0), "fitted"), "SystemExit: 0"),
    "closes": (Hostile("closes", raising(GeneratorExit)), "GeneratorExit"),
    "ends": (Hostile("ends", raising(Ends, "all")), "Ends: all"),
    "stops": (Hostile("stops", raising(StopIteration)), "StopIteration"),
    "has_no_words": (
        Hostile("has_no_words", raising(Unspeakable)),
        "Unspeakable: its text fails with RuntimeError",
    ),
    "forks": (Forked(), "reseeded torch's generator"),
    "forks_and_draws": (Forked(draws=True), "reseeded torch's generator"),
    "rewinds": (Rewinding(), "drew nothing from torch's generator"),
    "generator_of_its_own": (Noisy(seeded_noise), "drew nothing from torch's generator"),
    "generator_of_its_own_and_a_draw": (Noisy(seeded_noise_and_a_draw), "the same whatever is drawn"),
    "numpys_noise": (Noisy(numpys_noise), "drew nothing from torch's generator"),
}
"""Name -> the estimator, and the words that must be in the reason of its cells."""
