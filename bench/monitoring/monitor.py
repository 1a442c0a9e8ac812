"""The monitor of a training: how noisy its gradients are, and why, along its steps."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench import arguments
from bench.engine.guard import reason_of
from bench.engine.streams import Address, stream
from bench.errors import Invalid, invalid
from bench.losses.batches import batches_of
from bench.losses.problem import Loss
from bench.losses.weights import Model, weights_of
from bench.monitoring.looks import look
from bench.monitoring.pace import Pace
from bench.monitoring.record import record_of, told
from bench.monitoring.reduction import Reduction, reduction_of
from bench.monitoring.steps import Sizes, rows, table
from bench.monitoring.sub_batches import examples_of, sub_batches, without_rest
from bench.results import folder as run_folder
from bench.results.columns import no_rows
from bench.results.folder_lock import CannotWrite, writing
from bench.results.provenance import provenance
from bench.results.run import Run

EACH = 2
"""Estimates of each batch: the least that tells sampling from the data."""

LEAST_BATCHES = 3
"""Batches or parts of a batch in a look: fewer tell no interval."""


class GradientMonitor:
    """Looks at the gradients of a loss while a model is trained, at the weights of the moment.

    Every so many steps some estimates are taken of parts of the batch, two of each part: those of one part
    differ by sampling alone, and those of several parts by their examples too. Weights, gradients, buffers,
    modes, optimizers and generators are as before afterwards. What is seen is a run that grows, in a folder
    of its own, with the step as the option that it ranges over.

    Args:
        loss: of a batch; draws from torch's global generator and returns a scalar, a mean over examples.
        model: a module, or the leaves that require gradients.
        every: steps from one look to the next.
        replicates: estimates of each look, two of each of half as many parts. With the parts of a batch all
            of them together cost as much as two backward passes of the batch.
        data: a loader or a list of batches, half as many of which are drawn once and looked at each time,
            instead of parts of the batch of the step.
        budget: the share of the training's time that looking may take; later looks wait for it.
        out: the folder in which the run gets one of its own; its last part is the name of the run.
        seed: of the random numbers.
        progress: whether to print a line for each look on standard error.

    Raises:
        Invalid: if an argument is of the wrong kind.

    McCandlish, Kaplan et al. (2018), An empirical model of large-batch training, §2.2 and appendix A.

    Example:
        >>> import bench
        >>> import torch
        >>> model = torch.nn.Linear(3, 1)
        >>> def loss(x):
        ...     return model(x).square().mean()
        >>> monitor = bench.GradientMonitor(loss, model, every=1, progress=False)
        >>> [monitor(step, torch.randn(32, 3)) for step in range(2)][0]
        True
        >>> monitor.run.folder.parent.name
        'training'
    """

    def __init__(
        self,
        loss: Loss,
        model: Model,
        *,
        every: int = 500,
        replicates: int = 16,
        data: Iterable[Any] | None = None,
        budget: float = 0.05,
        out: str | os.PathLike[str] = "results/training",
        seed: int = 0,
        progress: bool = True,
    ) -> None:
        if not callable(loss):
            raise arguments.refused("loss", "a function of a batch", loss)
        weights_of(model)
        _rehearse()
        self._loss, self._model = loss, model
        self._label = getattr(loss, "__name__", "loss").strip("<>")
        self._parts = arguments.whole_number("replicates", replicates, EACH * LEAST_BATCHES) // EACH
        self._seed = arguments.whole_number("seed", seed, 0)
        self._progress = arguments.truth("progress", progress)
        self._pace = Pace(arguments.whole_number("every", every, 1), arguments.share("budget", budget))
        self._batches = None if data is None else _enough(batches_of(data, self._parts))
        self._place = Path(arguments.place("out", out, "a folder"))
        self._rows: list[dict[str, Any]] = []
        self._notes: list[str] = []
        self._reduction: Reduction | None = None if data is None else "mean"
        self._origin = {"started": datetime.now(UTC).isoformat(), **provenance()}
        self._folder: Path | None = None

    def __call__(self, step: int, batch: Any = None) -> bool:
        """Look, if it is time; return whether it was.

        Args:
            step: the step of the training, from 0.
            batch: of the step; not needed with `data`.

        Raises:
            Invalid: if the arguments, or at the first look the loss, are of the wrong kind. What goes wrong
                at a later look is a warning: the training goes on.
        """
        step = arguments.whole_number("step", step, 0)
        try:
            is_due = self._pace.is_due(step)
        except Invalid as error:
            self._warn(step, str(error))
            return False
        if not is_due:
            return False
        with self._pace.looking():
            seen = self._seen(step, batch)
        if seen and self._progress:
            print(told(self._rows, self._pace.overhead), file=sys.stderr, flush=True)
        return True

    @property
    def overhead(self) -> float:
        """The time of looking as a share of the training's own, since the first look."""
        return self._pace.overhead

    def _seen(self, step: int, batch: Any) -> bool:
        """Look; return whether that went well."""
        try:
            self._look(step, batch)
            self._write()
        except (Exception, CannotWrite) as error:
            why = str(error) if isinstance(error, Invalid | CannotWrite) else f"loss: {reason_of(error)}"
            if self._folder is None:
                raise invalid(why) from error
            self._warn(step, why)
            return False
        return True

    def _warn(self, step: int, why: str) -> None:
        """Note what went wrong at a look: the training goes on."""
        reason = f"step {step}: {why}"
        self._notes.append(reason)
        warnings.warn(f"gradient monitor: {reason}", stacklevel=4)

    def _look(self, step: int, batch: Any) -> None:
        batches, whole = self._batches, None
        if batch is None and batches is None:
            raise invalid("batch: wanted the batch of the step, got None; or data= with batches")
        if batches is None:
            m = min(self._parts, examples_of(batch) or self._parts)
            order = self._order(step, examples_of(batch) or m)
            batches = _enough(sub_batches(batch, m, order))
            whole = without_rest(batch, m, order) if self._reduction is None else None
        address = Address(self._seed, f"monitor {self._place.name}", 1, "estimates", step)
        found = look(self._loss, self._model, batches, EACH, address, whole)
        if found.is_nothing and self._folder is None:
            raise invalid("loss: no gradient reaches the weights of the model")
        if found.beside is not None and found.is_finite:  # else the next look tells
            self._learn(reduction_of(found.beside, len(batches)))
        trained = None if self._batches is not None else examples_of(batch)
        looked = examples_of(batches[0])
        sizes = Sizes(looked, looked if trained is None else trained, self._reduction or "mean")
        self._rows += rows(self._place.name, self._label, step, found, sizes, weights_of(self._model))

    def _order(self, step: int, examples: int) -> Tensor:
        """A random order of the examples, a function of seed and step."""
        address = Address(self._seed, f"monitor {self._place.name}", 1, "order", step)
        with stream(address, torch.device("cpu")) as draws:
            return draws.uniform((examples, 1), torch.float64, torch.device("cpu"))[:, 0].argsort()

    def _learn(self, reduction: Reduction) -> None:
        self._reduction = reduction
        if reduction == "neither":
            self._notes.append(
                "the gradient of a batch is neither the mean nor the sum of those of its parts, as where "
                "examples are compared or normalized by one another: variances are those of a part, and "
                "there is no noise scale"
            )

    def _write(self) -> None:
        if self._folder is None:
            with run_folder.new_folder(self._place.parent, self._place.name) as folder:
                self._folder = folder
        with writing(self._folder):
            run_folder.write(self.run)

    @property
    def run(self) -> Run:
        """The run of all looks until now."""
        record = record_of(self._place.name, self._label, self._origin, self._notes, self._pace.overhead)
        return Run(table(self._rows), no_rows("replicates"), record, folder=self._folder)


def _rehearse() -> None:
    """Load what is loaded once, so that it takes none of the training's time."""
    leaf = torch.ones(2, requires_grad=True)
    address = Address(0, "rehearsal", 1, "estimates")
    seen = look(lambda batch: (leaf * torch.randn(2)).sum() * batch, leaf, [1, 2, 3], EACH, address)
    table(rows("rehearsal", "rehearsal", 0, seen, Sizes(1, 1), weights_of(leaf)))


def _enough(batches: list[Any]) -> list[Any]:
    if len(batches) < LEAST_BATCHES:
        raise invalid(f"batch: wanted at least {LEAST_BATCHES} examples or batches, got {len(batches)}")
    return batches
