"""The problem of somebody's losses: a model at its weights, and an estimator for each loss."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Protocol, Self

import torch
from torch import Tensor

from bench.errors import invalid, shown
from bench.estimator import Claim, Estimator, NotApplicable
from bench.losses.batches import BATCHES, batches_of
from bench.losses.in_rows import Call, Rows, Vectorize
from bench.losses.manners import Manners
from bench.losses.state import State
from bench.losses.weights import Model, weights_of
from bench.noise.current import current_draws
from bench.noise.draws import Draws
from bench.problem import Distribution, Problem

Loss = Callable[..., Tensor]
"""A function that draws from torch's global generator and returns a scalar; it may take a batch."""


class Differentiated(Protocol):
    """Gives gradients in rows.

    Attributes:
        manners: how, as far as it is known.
    """

    manners: Manners

    def gradients(self, calls: Sequence[tuple[Call, Sequence[int]]], draws: Draws) -> Tensor:
        """Gradients of all rows, `[R, P]`, given the rows of each batch."""


class Losses:
    """Some losses of one model, ready to be differentiated in rows.

    Problems that are copied share it: the losses close over the model itself.

    Args:
        losses: by name.
        model: a module, or the leaves.
        data: a loader or a list of batches, one of which a loss is given; None if losses take nothing.
        most: batches that are drawn of a loader.
        vectorize: whether rows may be computed together.

    Raises:
        Invalid: if there is no loss, or no parameter that requires gradients.
    """

    is_of_torch = True

    def __init__(
        self,
        losses: Mapping[str, Loss],
        model: Model,
        data: Iterable[Any] | None = None,
        most: int = BATCHES,
        vectorize: Vectorize = "auto",
    ) -> None:
        if not losses:
            raise invalid("losses: wanted at least one, by name, got none")
        for name, loss in losses.items():
            if not callable(loss):
                raise invalid(f"losses: wanted a function, got {shown(loss)}", name)
        self.names = tuple(losses)
        self.losses, self.data, self.most = dict(losses), data, most
        self.batches = [] if data is None else batches_of(data, most)
        self.weights = weights_of(model)
        self.state = State({"the model": model, "the batch": self.batches, **losses})
        self.rows: Mapping[str, Differentiated] = {
            name: Rows(self.weights, self.state, vectorize) for name in losses
        }

    def remarks(self) -> Iterator[str]:
        """Yield a line for each loss whose rows were computed one by one, though they were to be together."""
        for name, rows in self.rows.items():
            if rows.manners.together is False:
                yield f"{name}: computed one by one, since {rows.manners.why}"

    def exchanged(self, name: str, loss: Loss) -> Losses:
        """These losses with another one in the place of one of them, computed in the same manner.

        Its random numbers are those of the loss that it replaces.
        """
        changed = object.__new__(Losses)
        vars(changed).update(vars(self))
        rows = Rows(self.weights, self.state)
        rows.manners = copy.deepcopy(self.rows[name].manners)
        changed.losses, changed.rows = {**self.losses, name: loss}, {**self.rows, name: rows}
        return changed

    def gradients(self, name: str, theta: Tensor, batch: Tensor) -> Tensor:
        """Gradients of a loss, a row for each replicate, `[R, P]`, given the place of its batch, `[R]`."""
        draws = _draws_for(len(theta))
        loss = self.losses[name]
        if self.data is None:
            calls: list[tuple[Call, Sequence[int]]] = [(loss, range(len(theta)))]
        else:
            rows = {int(i): (batch == i).nonzero()[:, 0].tolist() for i in set(batch.tolist())}
            calls = [(self.of_batch(loss, self.batches[i]), own) for i, own in rows.items()]
        return self.rows[name].gradients(calls, draws).to(theta)

    def of_batch(self, loss: Loss, batch: Any) -> Call:
        """A call of a loss of a batch."""
        return partial(loss, batch)

    def __copy__(self) -> Losses:
        return self

    def __deepcopy__(self, _: Any) -> Losses:
        return self

    def __getstate__(self) -> dict[str, Any]:
        # Its contents are compared here, not by whoever compares what a problem holds.
        return {}


def _draws_for(rows: int) -> Draws:
    """Draws of so many rows: those of the stream that is set, outside of the engine of torch's generator."""
    draws = current_draws()
    if draws is not None:
        return draws if draws.rows == rows else Draws(draws.key, draws.first, rows)
    first, second = torch.randint(1 << 32, (2,)).tolist()
    return Draws((first, second), 0, rows)


class LossProblem(Problem):
    """A model at its weights. Its losses say by themselves what is drawn and what it costs.

    There is no distribution of x and no cost that estimators could ask for: those that fit are its own.

    Attributes:
        own: the losses.
        gradient: the exact gradient, `[P]` in float64, where it is known.
        batch: the place of the batch of each row, `[R]`, or one for all, `[1]`.
    """

    truth_kind = "given"

    def __init__(self, own: Losses, gradient: Tensor | None = None) -> None:
        self.own, self.gradient = own, gradient
        self.theta = own.weights.theta
        self.parameters = own.weights.blocks
        self.batch = torch.zeros(1, dtype=torch.int64)
        self.most_groups = own.most if own.data is not None else None

    @property
    def fingerprint(self) -> str:  # type: ignore[override]
        """A hash of the weights: of what else numbers depend on beside the losses and their options."""
        return hashlib.sha256(self.theta.cpu().numpy().tobytes()).hexdigest()[:20]

    def own_estimators(self) -> Mapping[str, Estimator]:
        """An estimator for each loss, by its name."""
        return {name: LossGradient(name) for name in self.own.names}

    def distribution(self, theta: Tensor) -> Distribution:
        raise NotApplicable(f"it is of losses, whose estimators are their own: {', '.join(self.own.names)}")

    def cost(self, x: Tensor, theta: Tensor) -> Tensor:
        """Zeros: what a loss costs is known to it alone. A call counts as an evaluation of each sample."""
        return x

    def expectation(self, theta: Tensor) -> Tensor:
        """A function with the gradient that was given, `[R, P] -> [R]`."""
        if self.gradient is None:
            raise NotApplicable("no exact gradient was given")
        return theta @ self.gradient.to(theta)

    def resampled(self, rows: int, copies: int = 1) -> Self:
        """A copy that gives the batches in turn, so that all are used equally often."""
        if self.own.data is None:
            return super().resampled(rows, copies)
        draws = current_draws()
        first = 0 if draws is None else draws.first
        drawn = copy.copy(self)
        groups = rows // copies
        index = torch.arange(first, first + groups) % len(self.own.batches)
        drawn.batch = index.repeat_interleave(copies, 0)
        drawn.data_per_row = True
        return drawn

    def to(self, device: torch.device | str, dtype: torch.dtype) -> Self:
        moved = super().to(device, dtype)
        moved.batch = self.batch
        return moved


@dataclass(frozen=True)
class LossGradient(Estimator):
    """The gradient of a loss of somebody's own: one call and one backward pass for each estimate.

    Attributes:
        loss: its name among those of the problem.
    """

    bias: ClassVar[Claim] = "unbiased"
    loss: str = ""

    def cost_varied(self, problem: Problem) -> bool:
        if not isinstance(problem, LossProblem) or self.loss not in problem.own.names:
            return False
        manners = problem.own.rows[self.loss].manners
        low, high = manners.values
        return low < high or manners.draws_nothing

    def gradient(self, problem: Problem, theta: Tensor, sample_size: int) -> Tensor:
        if not isinstance(problem, LossProblem) or self.loss not in problem.own.names:
            raise NotApplicable("it is the loss of another model")
        problem.cost(theta.new_zeros(()).expand(sample_size, len(theta)), theta)
        return problem.own.gradients(self.loss, theta, problem.batch.expand(len(theta)))
