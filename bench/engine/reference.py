"""References: gradients taken from long runs, by two families of estimators that must agree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from bench.engine.cell import CellSampler
from bench.engine.diagnosis import Stage, contradictions, coordinate, sentences, twice
from bench.engine.gradient_draws import jumps
from bench.engine.guard import reason_of
from bench.engine.plan import Cell, Experiment, NamedEstimator
from bench.engine.trials import not_applicable
from bench.problem import Problem
from bench.statistics.agreement import FEWEST, Disagreement, disagreement, less, means_of_moments
from bench.statistics.evidence import blocks_reported, spectra_of
from bench.statistics.moments import Moments
from bench.statistics.spectrum import Spectrum

# Problems of at most so many numbers are sampled in float64, and by both families alike. Wider
# ones keep the time of float32: there the check alone is in float64, and takes this part of R.
_NARROW = 64
_CHECK_PART = 100


@dataclass(frozen=True)
class Reference:
    """The gradient as long runs tell it.

    Attributes:
        gradient: `[P]` in float64, or None where the runs give none.
        standard_error: of each coordinate, `[P]`.
        note: the runs, or the reason why there is no gradient.
        families: the number of families of estimators that agree on it.
        spectra: of the covariance of the gradient's error, of each block of parameters.
        disputed: whether two families disagree.
    """

    gradient: Tensor | None
    standard_error: Tensor
    note: str
    families: int = 0
    disputed: bool = False
    spectra: Mapping[str, Spectrum] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """A long run of one estimator."""

    named: NamedEstimator
    sample_size: int
    moments: Moments
    spectra: Mapping[str, Spectrum]

    @property
    def noise(self) -> float:
        """The variance of the mean, over all coordinates."""
        return float(self.moments.variance.sum()) / self.moments.count

    @property
    def speaks(self) -> bool:
        """Whether enough replicates contribute to its standard error."""
        return bool(means_of_moments(self.moments).speaks.any())

    def __str__(self) -> str:
        return f"{self.named.label}, N = {self.sample_size}, R = {self.moments.count}"


def reference_of(experiment: Experiment, why: str) -> Reference:
    """The mean of a long run of a reference estimator, held against one of another family.

    Args:
        experiment: with the estimators that may give a reference, in order.
        why: the reason why the gradient is not known exactly.
    """
    stage, found = twice(experiment, contradictions)
    notes = [] if stage is None else sentences(found, stage.problem)
    blind = stage is not None and stage.path is not None and jumps(stage.problem, stage.sampled.x.double())
    if blind:
        notes.append("the cost jumps, which the path cannot see")
    reasons: list[str] = []
    runs = list(_runs(experiment, blind, reasons))
    said = "; ".join([*notes, *reasons, why])
    unknown = torch.full_like(experiment.problem.theta, torch.nan, dtype=torch.float64)  # [P]
    if not runs:
        return Reference(None, unknown, said)
    first, *checks = runs
    for check in checks:
        if (wrong := _disagreement(first, check)) is not None:
            told = _disputed(experiment.problem, first, check, wrong, notes)
            return Reference(None, unknown, f"{told}; {said}", disputed=True)
    # A score whose mean is not zero gives no reference, and supports none.
    trusted = [run for run in runs if "score" not in found or run.named.estimator.needs_continuity]
    if not trusted:
        return Reference(None, unknown, f"the only references are by the score; {said}", disputed=True)
    taken = _taken(experiment, trusted)
    if taken.noise == 0 and not _is_known_constant(experiment, taken, stage, trusted):
        return Reference(None, unknown, f"{taken} never varied: what it did not see is not known; {said}")
    others = ", ".join(str(run) for run in trusted if run is not taken and run.speaks)
    error, widened = _standard_error(taken.moments)
    note = "; ".join(filter(None, [str(taken), others and f"agrees with {others}", widened, said]))
    families, spectra = 2 if others else 1, _spectra(taken, error, experiment.blocks)
    return Reference(taken.moments.mean, error, note, families, spectra=spectra)


def _runs(experiment: Experiment, blind: bool, reasons: list[str]) -> Iterator[Run]:
    """The run of the first estimator that applies, and those that check it; failures go to the reasons."""
    narrow = max(experiment.problem.width, len(experiment.problem.theta)) <= _NARROW
    R, dtype, role = experiment.reference_replicates, "float64" if narrow else "float32", "reference"
    for named in (*experiment.references, *experiment.reference_checks):
        if (blind and named.estimator.needs_continuity) or not_applicable(named.estimator, experiment):
            continue
        try:
            yield _run(experiment, named, R, dtype, role)
        except Exception as error:  # noqa: BLE001 - an estimator is anybody's code
            reasons.append(f"{named.label} fails with {reason_of(error)}")
            continue
        # Random numbers of its own: what shares them agrees by chance.
        dtype, role = "float64", f"reference check {named.label}"
        R = experiment.reference_replicates // (1 if narrow else _CHECK_PART)
        if R < FEWEST:
            return


def _run(experiment: Experiment, named: NamedEstimator, replicates: int, dtype: str, role: str) -> Run:
    N = max(experiment.reference_sample_size, named.estimator.minimum_sample_size)
    cell = Cell(named, N, "cpu", dtype)
    sampler = CellSampler(experiment, cell, fit_role=f"{role} fit")
    with sampler.guarded():
        summary = sampler.sample(role, replicates, parameters=experiment.blocks).summary
    return Run(named, N, summary.moments, spectra_of(summary, experiment.blocks))


def _disagreement(first: Run, second: Run) -> Disagreement | None:
    means = less(means_of_moments(first.moments), means_of_moments(second.moments))
    zero = torch.zeros_like(means.mean)  # [P]
    # What float32 rounds off the sums of a run is no disagreement.
    slack = _ROUNDING * torch.maximum(first.moments.mean.norm(), second.moments.mean.norm())
    return disagreement(means, zero, slack.expand_as(zero), len(zero))


_ROUNDING = 1e-6


def _taken(experiment: Experiment, runs: list[Run]) -> Run:
    """The least noisy of the runs that may be taken and are as long as the longest; the first of equals.

    A run that did not vary is taken where another one varied enough to agree with it, or if all are such.
    """
    may = [run for run in runs if run.named in experiment.references] or runs
    long = [run for run in may if run.moments.count == max(each.moments.count for each in may)]
    agreed = any(run.speaks for run in runs)
    good = [run for run in long if run.speaks or (agreed and run.noise == 0)]
    good = good or [run for run in long if run.noise > 0] or long
    return min(good, key=lambda run: run.noise)


def _is_known_constant(experiment: Experiment, taken: Run, stage: Stage | None, runs: list[Run]) -> bool:
    """Whether a run without noise is right to have none: the cost varied, and its slope did not."""
    if any(run.speaks for run in runs) or taken.named.estimator.cost_varied(experiment.prepared.problem):
        return True
    if stage is None or stage.path is None or not taken.named.estimator.needs_continuity:
        return False
    return float(stage.path.cost.std()) > 0


def _standard_error(moments: Moments) -> tuple[Tensor, str]:
    """The standard errors, wider where few replicates contribute, and a remark if there are such.

    The variance of an estimated variance is about (κ − 1)/R of its square: three of its errors are added.
    """
    means = means_of_moments(moments)
    few = (moments.kurtosis > _HEAVY) & (means.effective < FEWEST)  # [P]
    if not bool(few.any()):
        return means.variance.sqrt(), ""
    wider = 1 + 3 * ((moments.kurtosis - 1) / moments.count).clamp(min=0).sqrt()  # [P]
    variance = torch.where(few, means.variance * wider, means.variance)
    return variance.sqrt(), (
        f"fewer than {FEWEST} replicates contribute to {int(few.sum())} of {len(few)} coordinates, whose "
        "standard error is widened: more reference replicates are needed"
    )


def _spectra(run: Run, error: Tensor, parameters: Mapping[str, slice]) -> dict[str, Spectrum]:
    """The spectra of the covariance of a mean, with the trace that its standard errors, `[P]`, make."""
    blocks = blocks_reported(parameters, len(error))
    squares = {name: float(error[block].square().sum()) for name, block in blocks.items()}
    return {
        name: each.scaled(squares[name] / each.trace) for name, each in run.spectra.items() if each.trace > 0
    }


# Of a normal distribution it is 3: where R is small, that much is no sign of rare contributions.
_HEAVY = 6.0


def _disputed(problem: Problem, first: Run, second: Run, wrong: Disagreement, notes: list[str]) -> str:
    i = wrong.index
    cause = "" if notes else f": {_CAUSES}"
    return (
        f"two references disagree in {coordinate(problem, i)}: {float(first.moments.mean[i]):.6g} by "
        f"{first}, {float(second.moments.mean[i]):.6g} by {second}, {wrong.errors:.3g} standard errors "
        f"apart{cause}"
    )


_CAUSES = (
    "one of sample, rsample and log_prob is not of the same distribution (differentiating through an "
    "accepted proposal of a rejection sampler is a usual mistake), or the cost jumps, which the path "
    "cannot see"
)
