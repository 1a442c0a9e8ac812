"""All findings about the losses of a run: each is tested on fresh random numbers, or not told."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from bench.auditing.blocks import biased_blocks, without_gradient
from bench.auditing.factor import Size, factor, is_unclear
from bench.auditing.finding import Finding
from bench.auditing.fresh import Fresh
from bench.auditing.nonfinite import nonfinite
from bench.auditing.sizes import sizes_in, sizes_of
from bench.auditing.small_steps import small_steps
from bench.auditing.try_repairs import divided, repair, sites_of
from bench.engine.cell import CellSampler
from bench.engine.guard import reason_of
from bench.engine.plain_estimates import affordable, plain_estimates
from bench.engine.plan import Cell, Experiment
from bench.engine.truth import Truth
from bench.losses.problem import Losses, LossProblem

_ROLE = "findings"
_REPLICATES = 4000
_MORE, _ENOUGH = 4, 60_000
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
        try:
            with suspect.sampler.guarded():
                found = list(suspect.findings())
        except Exception as error:  # noqa: BLE001 - a loss is anybody's code, and what was measured is kept
            found = [Finding(suspect.label, "unknown", f"no cause was sought, for {reason_of(error)}")]
        yield from found


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
        fresh = self._clearer(fresh)
        sizes = sizes_of(self.experiment, self.cell)
        multiple = factor(self.label, fresh, sizes)
        if not self._losses.is_of_torch:
            told = [multiple or biased_blocks(self.label, fresh)]
        elif multiple is not None and multiple.names:
            told = [multiple, repair(self.label, fresh, self._fresh, self._changed)]
        else:
            told = [*self._in_code(fresh, sizes, multiple)]
        found = [each for each in told if each is not None]
        yield from found or [Finding(self.label, "bias", _UNKNOWN)]

    def _in_code(
        self, fresh: Fresh, sizes: Sequence[Size], multiple: Finding | None
    ) -> Iterator[Finding | None]:
        """Yield what the loss's own code tells of a bias that is no usual multiple."""
        if multiple is not None:
            yield factor(self.label, fresh, sizes_in(sites_of(self._changed), sizes)) or multiple
        mended = repair(self.label, fresh, self._fresh, self._changed)
        mended = mended or divided(self.label, fresh, sizes, self._changed)
        if mended is not None:
            yield mended
            return
        yield biased_blocks(self.label, fresh)
        if multiple is None:
            yield small_steps(self.label, self._losses.weights, fresh, self._changed)

    def _clearer(self, fresh: Fresh) -> Fresh:
        """So many estimates that they tell whether the gradient is a multiple of the truth, if possible."""
        while is_unclear(fresh) and len(fresh.suspect) < _ENOUGH:
            more = affordable(len(fresh.truth), _MORE * len(fresh.suspect))
            if more <= len(fresh.suspect):
                break
            fresh = self._fresh(more)
        return fresh

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
    "it is biased: neither a multiple of the truth, nor right in some blocks alone, and no single change of "
    "its lines was found that makes it right"
)
