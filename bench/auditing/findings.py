"""All findings about the losses of a run: each is tested on fresh random numbers, or not told."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from bench.auditing.blocks import biased_blocks, without_gradient
from bench.auditing.factor import factor
from bench.auditing.finding import Finding
from bench.auditing.fresh import Fresh
from bench.auditing.nonfinite import nonfinite
from bench.auditing.sizes import sizes_of
from bench.auditing.small_steps import small_steps
from bench.auditing.try_repairs import repair
from bench.engine.cell import CellSampler
from bench.engine.plain_estimates import affordable, plain_estimates
from bench.engine.plan import Cell, Experiment
from bench.engine.truth import Truth
from bench.losses.problem import Losses, LossProblem

_ROLE = "findings"
_REPLICATES = 4000
_BIASED = 1e-3


def findings(experiment: Experiment, truth: Truth, cells: Sequence[Cell]) -> Iterator[Finding]:
    """Yield what is wrong with each loss of an experiment, as far as that can be told.

    Args:
        experiment: of a problem of losses; of any other nothing is yielded.
        truth: the gradient, or what is known of it.
        cells: those that were measured.
    """
    if not isinstance(experiment.problem, LossProblem):
        return
    for cell in cells:
        suspect = _Suspect(experiment, truth, cell)
        with suspect.sampler.guarded():
            yield from suspect.findings()


@dataclass(frozen=True)
class _Suspect:
    """One loss, held against what is right."""

    experiment: Experiment
    truth: Truth
    cell: Cell

    @property
    def sampler(self) -> CellSampler:
        return CellSampler(self.experiment, self.cell)

    @property
    def label(self) -> str:
        return self.cell.named.label

    def findings(self) -> Iterator[Finding]:
        size, wanted = len(self.experiment.problem.theta), max(_REPLICATES, self.experiment.replicates)
        count = affordable(size, wanted)
        rows = self._rows(self.sampler, count)
        if not bool(rows.isfinite().all()):
            yield nonfinite(self.label, rows, self.experiment.problem.parameters)
            return
        gradient = self.truth.gradient
        if gradient is None:
            return
        fresh = self._fresh(count)
        if (found := without_gradient(self.label, fresh)) is not None:
            yield found
        elif fresh.p() < _BIASED:
            yield from self._causes(fresh)

    def _causes(self, fresh: Fresh) -> Iterator[Finding]:
        sizes = sizes_of(self.experiment, self.cell)
        if (found := factor(self.label, fresh, sizes)) is not None:
            yield found
            if found.names:
                return
        own = self._own()
        mended = None if own is None else repair(self.label, own, fresh, self._fresh, self._changed)
        if mended is not None:
            yield mended
            return
        some = biased_blocks(self.label, fresh, sizes)
        told = [] if some is None else [some]
        if found is None and own is not None:
            stepped = small_steps(self.label, self._losses.weights, fresh, self._changed)
            told += [] if stepped is None else [stepped]
        yield from told
        if found is None and not told:
            yield Finding(self.label, "bias", _UNKNOWN)

    def _own(self) -> Callable[..., Any] | None:
        own = self._losses
        return own.losses[self.cell.named.name] if own.is_of_torch else None

    @property
    def _losses(self) -> Losses:
        problem = self.experiment.problem
        assert isinstance(problem, LossProblem)
        return problem.own

    def _fresh(self, count: int) -> Fresh:
        """Estimates beside what is right."""
        gradient = self.truth.gradient
        assert gradient is not None
        rows, right = self._rows(self.sampler, count), self._right(gradient, count)
        return Fresh(rows, right, gradient, self.experiment.problem.parameters)

    def _right(self, gradient: Tensor, count: int) -> Tensor:
        """Rows whose mean is the truth: of the loss that gives it, on the same random numbers."""
        if self.truth.kind != "reference":
            return gradient.expand(count, -1)
        named = self.experiment.references[0]
        return self._rows(CellSampler(self.experiment, replace(self.cell, named=named)), count)

    def _rows(self, sampler: CellSampler, count: int) -> Tensor:
        return plain_estimates(sampler, _ROLE, count)

    def _changed(self, change: Callable[[Any], Any], count: int) -> Tensor:
        """Estimates of the loss with a change, on the random numbers of the fresh ones."""
        problem = self.experiment.problem
        assert isinstance(problem, LossProblem)
        changed = copy.copy(problem)
        name = self.cell.named.name
        changed.own = problem.own.exchanged(name, change(problem.own.losses[name]))
        return self._rows(CellSampler(self.experiment.at(changed), self.cell), count)


_UNKNOWN = (
    "it is biased: neither a multiple of the truth, nor right in some blocks alone, and no single change of its "
    "lines was found that makes it right"
)
