"""Training: stochastic gradient descent on a problem with data, to get to a θ that is worth measuring at."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from bench.errors import Invalid, invalid, shown
from bench.estimator import Estimator
from bench.noise import drawn_from
from bench.options import construct
from bench.problem import NotApplicable, Problem
from bench.problems.batches import Items, count, taken
from bench.problems.seeds import seed_for


@dataclass(frozen=True)
class Training:
    """Steps of Adam, each on a minibatch and one gradient estimate.

    Kingma & Ba (2015), Adam: a method for stochastic optimization.

    Attributes:
        steps: how many.
        learning_rate: Adam's α.
        estimator: name of the estimator of the gradient, with its default options.
        batch_size: items in a minibatch; None for as many as the problem has.
        seed: of the initial weights, the minibatches and the estimates.
    """

    steps: int = 300
    learning_rate: float = 1e-3
    estimator: str = "reparameterization"
    batch_size: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.steps < 0:
            raise invalid(f"steps must be at least 0, got {self.steps}", "steps")
        if not 0 < self.learning_rate < math.inf:
            raise invalid(f"learning_rate must be positive, got {self.learning_rate}", "learning_rate")
        if self.batch_size is not None and self.batch_size < 1:
            raise invalid(f"batch_size must be at least 1, got {self.batch_size}", "batch_size")


@dataclass(frozen=True)
class DiscreteTraining(Training):
    """Steps of Adam where x is discrete and has no path."""

    estimator: str = "rloo"


Kind = TypeVar("Kind")


def training_of(options: object, kind: type[Kind] = Training) -> Kind:  # type: ignore[assignment]
    """The training that a scenario describes by its options, `{steps: 300, ...}`.

    Args:
        options: as the scenario gives them; None for all defaults.
        kind: the dataclass of the options.

    Raises:
        Invalid: with the path of what is wrong, `theta.train` and on.
    """
    options = {} if options is None else options
    if not isinstance(options, Mapping):
        raise invalid(f"train wants its options as a mapping, got {shown(options)}", "theta", "train")
    with faults_of_training():
        training: Kind = construct(kind, options, "train")
    return training


@contextmanager
def faults_of_training() -> Iterator[None]:
    """Within it what is wrong is told of `theta.train`."""
    try:
        yield
    except Invalid as error:
        raise error.under("theta", "train") from error


def check(problem: Problem, training: Training, batch_size: int, items: int) -> None:
    """Find what is wrong with the options of a training without training: one estimate of a small problem.

    Args:
        problem: small, and otherwise as the one to be trained.
        training: how it will be.
        batch_size: of a minibatch, unless the training says another.
        items: how many there are.

    Raises:
        Invalid: if the estimator is unknown or does not fit, or a minibatch is larger than the data.
    """
    estimator = _estimator(training.estimator)
    batch_size = training.batch_size or batch_size
    if batch_size > items:
        raise invalid(f"batch_size is {batch_size}, but there are {items} items", "batch_size")
    if training.steps:
        working = problem.to("cpu", torch.float32)
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed_for(training.seed, "check"))
            _estimate(estimator, working, working.theta[None].clone().requires_grad_())


def trained(problem: Problem, items: Items, training: Training) -> Tensor:
    """The theta to which a checked training leads from the problem's own, `[P]`.

    It is done in single precision and on one thread, since sums depend on how they are
    shared among threads. Torch's random state is left as it was.

    Args:
        problem: it has the items of a minibatch as its attribute `data`, `[B, D]`.
        items: all items, `[n, D]`, or several tensors of them.
        training: how.

    Raises:
        Invalid: if training diverges.
    """
    estimator = _estimator(training.estimator)
    batch_size = training.batch_size or count(vars(problem)["data"])
    working = problem.to("cpu", torch.float32)
    theta = working.theta[None].clone().requires_grad_()  # [1, P]
    optimizer = torch.optim.Adam([theta], lr=training.learning_rate)
    with torch.random.fork_rng(devices=[]), one_thread(), drawn_from(None):
        # torch.manual_seed would seed the accelerators' generators too, which are not restored.
        torch.default_generator.manual_seed(seed_for(training.seed, "training"))
        for step in range(training.steps):
            batch = torch.randperm(count(items))[:batch_size]  # [B]
            vars(working)["data"] = tree_map(_single, taken(items, batch))  # [B, D]
            theta.grad = _estimate(estimator, working, theta)
            optimizer.step()
            if not theta.isfinite().all():
                raise invalid(f"training diverged at step {step + 1}; try a smaller learning_rate")
    return theta.detach()[0].to(problem.theta.dtype)


def _single(t: Tensor) -> Tensor:
    return t.float() if t.is_floating_point() else t


@contextmanager
def one_thread() -> Iterator[None]:
    """Sums that are the same on every machine, however many threads it has."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _estimate(estimator: Estimator, problem: Problem, theta: Tensor) -> Tensor:
    try:
        return estimator.gradient(problem, theta, estimator.minimum_sample_size)  # [1, P]
    except NotApplicable as reason:
        raise invalid(f"it does not fit this problem: {reason}", "estimator") from reason


def _estimator(name: str) -> Estimator:
    from bench import catalogue  # here, as the catalogue knows this module's users

    try:
        estimator: Estimator = catalogue.build("estimators", name, {})
    except Invalid as error:
        raise error.under("estimator") from error
    return estimator
