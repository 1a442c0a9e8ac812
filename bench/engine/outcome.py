"""Results of cells as they are kept in memory: nothing of single replicates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from bench.engine.fitting import Fitting
from bench.engine.plan import Cell, Experiment
from bench.engine.result import Result
from bench.engine.truth import Truth
from bench.statistics.components import Components, components_of
from bench.statistics.evidence import Evidence, evidence_of
from bench.statistics.moments import Moments
from bench.statistics.pooling import with_pooled_kurtosis
from bench.statistics.verdict import BIASED_BELOW, bias_p


@dataclass(frozen=True)
class Estimates:
    """Facts of the estimates of a cell.

    Attributes:
        evidence: on each reported block of parameters, "all" first.
        moments: of every coordinate, over the finite replicates.
        center: about which powers were summed, `[P]` in float64.
        nonfinite: how many replicates are not finite.
        kept: whether the first estimates of some coordinates were kept as they are.
        gradient_evaluations: of the gradient of f, per estimate.
        draws: a fingerprint of the random numbers that were drawn.
        components: the parts of the variance on some blocks, where batches were drawn afresh.
    """

    evidence: dict[str, Evidence]
    moments: Moments
    center: Tensor
    nonfinite: int
    kept: bool
    gradient_evaluations: float
    draws: str
    components: dict[str, Components]


@dataclass(frozen=True)
class Outcome:
    """The result of a cell without its replicates; the attributes are those of `Result`, but for `estimates`.

    There are no estimates of a cell that was not measured.
    """

    cell: Cell
    status: str
    reason: str
    fitting: Fitting | None
    estimates: Estimates | None


def outcome_of(experiment: Experiment, truth: Truth, result: Result) -> Outcome:
    """The outcome of a cell, with all that is computed of its replicates."""
    return Outcome(
        result.cell, result.status, result.reason, result.fitting, _estimates(experiment, truth, result)
    )


def without_truth(outcome: Outcome) -> Outcome:
    """An outcome where the truth turned out not to be known."""
    estimates = outcome.estimates
    if estimates is None:
        return outcome
    evidence = {name: each.without_truth() for name, each in estimates.evidence.items()}
    return replace(outcome, estimates=replace(estimates, evidence=evidence))


def accusing(experiment: Experiment, truth: Truth, outcome: Outcome) -> int:
    """N R of a cell whose estimates contradict its claim to be unbiased, by themselves; else 0."""
    claim = outcome.cell.named.estimator.claim(experiment.problem)
    if outcome.estimates is None or truth.gradient is None or claim != "unbiased":
        return 0
    evidence = outcome.estimates.evidence["all"]
    return outcome.cell.sample_size * evidence.replicates if bias_p(evidence) < BIASED_BELOW else 0


def pooled(outcomes: Sequence[Outcome]) -> list[dict[str, Evidence]]:
    """The evidence on each cell's blocks; cells of one estimator know of one another's kurtosis."""
    found = [{} if each.estimates is None else dict(each.estimates.evidence) for each in outcomes]
    alike: dict[tuple[str, str, str, str], list[dict[str, Evidence]]] = defaultdict(list)
    for outcome, blocks in zip(outcomes, found, strict=True):
        for name in blocks:
            alike[outcome.cell.named.label, outcome.cell.device, outcome.cell.dtype, name].append(blocks)
    for (*_, name), cells in alike.items():
        for blocks, known in zip(cells, with_pooled_kurtosis([each[name] for each in cells]), strict=True):
            blocks[name] = known
    return found


def _estimates(experiment: Experiment, truth: Truth, result: Result) -> Estimates | None:
    replication, seconds = result.replication, result.seconds
    if replication is None or seconds is None:
        return None
    summary, parameters = replication.summary, experiment.blocks
    found = evidence_of(
        summary,
        truth.gradient,
        truth.standard_error,
        _contended(seconds) if result.contended else seconds,
        replication.evaluations,
        result.cell.sample_size,
        parameters,
        np.nan if result.bytes is None else result.bytes,
        result.exact,
        replication.cost_varied,
        result.missed,
        result.rounding,
        truth.spectra,
    )
    evidence = {}
    for name, each in found:
        each.scalars.reduce()
        evidence[name] = each
    return Estimates(
        evidence,
        summary.moments,
        summary.center.double().cpu(),
        int((~summary.finite).sum()),
        len(replication.first) > 0,
        replication.gradient_evaluations,
        replication.draws,
        {} if result.groups is None else dict(components_of(result.groups, parameters)),
    )


def _contended(seconds: Tensor) -> Tensor:
    """Timings that were taken beside other cells: of their median they tell the size alone."""
    if not len(seconds):
        return seconds
    spread = torch.tensor([1 / _FACTOR] * _MANY + [1.0] + [_FACTOR] * _MANY, dtype=seconds.dtype)
    return seconds.median() * spread


_FACTOR, _MANY = 4.0, 5
