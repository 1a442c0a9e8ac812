"""All findings about the losses of a run: each is tested on fresh random numbers, or not told."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from torch import Tensor

from bench.auditing.own_calls import Site
from bench.auditing.sizes import sizes_in, sizes_of
from bench.auditing.small_steps import small_steps
from bench.auditing.term_factor import term_factor
from bench.auditing.try_repairs import ENOUGH, MORE, divided, repair, sites_of
from bench.diagnosing.factor import Size, factor, is_unclear
from bench.diagnosing.finding import Finding
from bench.diagnosing.fresh import Fresh, fresh_of
from bench.diagnosing.nonfinite import nonfinite
from bench.diagnosing.some_blocks import biased_blocks, without_gradient
from bench.engine.cell import CellSampler
from bench.engine.guard import reason_of
from bench.engine.outcome import Estimates, Outcome
from bench.engine.plain_estimates import affordable, plain_estimates
from bench.engine.plan import Cell, Experiment
from bench.engine.truth import Truth
from bench.losses.problem import Losses, LossProblem
from bench.statistics.verdict import BIASED_BELOW, bias_p

_ROLE = "findings"
_REPLICATES = 4000
_BIASED = 1e-3
# Seconds for one look at a loss, and estimates that it takes in any case.
_SECONDS, _LEAST = 20.0, 64


def findings(experiment: Experiment, truth: Truth, outcomes: Sequence[Outcome]) -> Iterator[Finding]:
    """Yield what is wrong with each loss of an experiment, as far as that can be told.

    Args:
        experiment: of a problem of losses; of any other nothing is yielded.
        truth: the gradient, or what is known of it.
        outcomes: of its cells.
    """
    if not isinstance(experiment.problem, LossProblem):
        return
    seconds = {each.cell.named.label: _seconds(each.estimates) for each in outcomes if each.estimates}
    beside = seconds.get(experiment.references[0].label, 0.0) if truth.kind == "reference" else 0.0
    for outcome in outcomes:
        if outcome.estimates is None or not _is_suspect(outcome.estimates):
            continue
        yield from causes(experiment, truth, outcome.cell, seconds[outcome.cell.named.label] + beside)


def remarks(experiment: Experiment) -> Iterator[str]:
    """Yield lines on the way in which losses were computed; none if the problem is not of losses."""
    if isinstance(experiment.problem, LossProblem):
        yield from experiment.problem.own.remarks()


def causes(experiment: Experiment, truth: Truth, cell: Cell, seconds: float = 0.0) -> list[Finding]:
    """Causes of what is wrong with one loss.

    Args:
        experiment: of a problem of losses, ready to be measured.
        truth: the gradient, or what is known of it.
        cell: of the loss.
        seconds: that one estimate takes, with one of the truth; zero if that is not known.
    """
    suspect = _Suspect(experiment, truth, cell, seconds)
    try:
        with suspect.sampler.guarded():
            return list(suspect.findings())
    except Exception as error:  # noqa: BLE001 - a loss is anybody's code, and what was measured is kept
        return [
            Finding(
                suspect.label, "unknown", f"no cause was found: the search failed with {reason_of(error)}"
            )
        ]


def _is_suspect(estimates: Estimates) -> bool:
    """Whether something may be wrong with a loss: by itself a look at each of its blocks proves nothing."""
    return estimates.nonfinite > 0 or any(bias_p(each) < BIASED_BELOW for each in estimates.evidence.values())


def _seconds(estimates: Estimates) -> float:
    """The seconds of one estimate; zero if they were not measured."""
    seconds = estimates.evidence["all"].seconds
    return float(seconds.median()) if len(seconds) else 0.0


@dataclass(frozen=True)
class _Suspect:
    """One loss, held against what is right.

    Attributes:
        experiment: of the losses.
        truth: the gradient.
        cell: of the loss.
        seconds: that one estimate takes, with one of the truth.
    """

    experiment: Experiment
    truth: Truth
    cell: Cell
    seconds: float = 0.0

    @property
    def sampler(self) -> CellSampler:
        return CellSampler(self.experiment, self.cell)

    @property
    def label(self) -> str:
        return self.cell.named.label

    def findings(self) -> Iterator[Finding]:
        count = self._affordable(max(_REPLICATES, self.experiment.replicates))
        if self.truth.gradient is None:
            rows = self._rows(self.sampler, count)
        else:
            fresh = self._fresh(count)
            rows = fresh.suspect
        if not bool(rows.isfinite().all()):
            yield nonfinite(self.label, rows, self.experiment.problem.parameters)
        elif self.truth.gradient is None:
            return
        elif (found := without_gradient(self.label, fresh)) is not None:
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
            told = [multiple, repair(self.label, self._sites, fresh, self._more, self._changed, self.seconds)]
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
        mended = repair(self.label, self._sites, fresh, self._more, self._changed, self.seconds)
        mended = mended or divided(self.label, self._sites, fresh, sizes, self._changed)
        if mended is None:
            whole = [size.value for size in (*sizes, *sizes_in(self._sites, sizes)) if size.value % 1 == 0]
            clearer = self._more(ENOUGH) or self._more(MORE * len(fresh.suspect)) or fresh
            mended = term_factor(self.label, self._sites, clearer, whole, self._changed)
        if mended is not None:
            yield mended
            return
        yield biased_blocks(self.label, fresh)
        if multiple is None:
            clearer = self._more(MORE * len(fresh.suspect)) or fresh
            yield small_steps(self.label, self._losses.weights, clearer, self._changed)

    def _clearer(self, fresh: Fresh) -> Fresh:
        """So many estimates that they tell whether the gradient is a multiple of the truth, if possible."""
        while is_unclear(fresh) and len(fresh.suspect) < ENOUGH:
            more = self._affordable(MORE * len(fresh.suspect))
            if more <= len(fresh.suspect):
                break
            fresh = self._fresh(more)
        return fresh

    def _affordable(self, wanted: int) -> int:
        """The number of estimates that fit into memory and take no longer than may be waited for."""
        in_time = max(_LEAST, int(_SECONDS / self.seconds)) if self.seconds > 0 else wanted
        return affordable(len(self.experiment.problem.theta), min(wanted, in_time))

    @cached_property
    def _sites(self) -> list[Site]:
        """The calls in the loss's own code."""
        return sites_of(self._changed)

    @property
    def _losses(self) -> Losses:
        problem = self.experiment.problem
        assert isinstance(problem, LossProblem)
        return problem.own

    def _fresh(self, count: int) -> Fresh:
        """Estimates beside what is right."""
        return fresh_of(self.experiment, self.truth, self.cell, count, _ROLE)

    def _more(self, count: int) -> Fresh | None:
        """So many estimates beside what is right; None if that takes too long."""
        return self._fresh(count) if self._affordable(count) == count else None

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
