"""The story: the truth, then each cell of the plan, measured one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch

from bench.engine.cell import CellSampler
from bench.engine.fitting import Fitting
from bench.engine.groups import replicate_groups
from bench.engine.guard import reason_of
from bench.engine.memory import peak_of
from bench.engine.pieces import Pieces
from bench.engine.plain_draws import missed, rests_on_rare
from bench.engine.plan import Cell, Experiment
from bench.engine.precision import remark, whole_blocks
from bench.engine.replication import Replication
from bench.engine.truth import Truth
from bench.problem import NotApplicable
from bench.statistics.components import Groups
from bench.statistics.evidence import Evidence, evidence_of
from bench.statistics.known import ExactMoments
from bench.statistics.verdict import BIASED_BELOW, bias_p


@dataclass(frozen=True)
class Result:
    """The outcome of one cell.

    Attributes:
        cell: the cell.
        status: "ok", "nonfinite", "unavailable", "not_applicable" or "error".
        reason: why it is not "ok", as text; of one that is, what is to be known of it.
        replication: the estimates, or None if there are none.
        seconds: per estimate, of every timed chunk, warm-up excluded.
        bytes: the most memory that one estimate holds at once.
        groups: of estimates that share a batch, or None where the data are fixed.
        fitting: what it cost to learn beforehand.
        exact: the moments of an estimate that are known without sampling, or None.
        missed: whether the draws missed what is rare and matters.
        rounding: what the type of numbers may leave of the cost in a mean, which may be large beside the
            gradient; looked for only where a bias is suspected.
        contended: whether other cells were measured beside it, so that its time cannot be compared.
    """

    cell: Cell
    status: str
    reason: str = ""
    replication: Replication | None = None
    seconds: torch.Tensor | None = None
    bytes: float | None = None
    groups: Groups | None = None
    fitting: Fitting | None = None
    exact: ExactMoments | None = None
    missed: bool = False
    rounding: float = 0.0
    contended: bool = False


def run(experiment: Experiment, cells: list[Cell], truth: Truth) -> Iterator[Result]:
    """Measure the cells in order. A cell that fails is a result with a reason, and the others go on."""
    for cell in cells:
        yield result_of(experiment, cell, truth)


def result_of(experiment: Experiment, cell: Cell, truth: Truth, kept: Pieces | None = None) -> Result:
    """Measure a cell, or say why it has no estimates.

    Args:
        experiment: to which it belongs.
        cell: the cell.
        truth: the gradient, or what is known of it.
        kept: where its pieces are kept; None for nowhere.
    """
    if cell.status != "ok":
        return Result(cell, cell.status, cell.reason)
    try:
        return measure(experiment, cell, truth, kept)
    except NotApplicable as reason:
        return Result(cell, "not_applicable", reason_of(reason))
    except Exception as error:  # noqa: BLE001 - an estimator is anybody's code
        return Result(cell, "error", reason_of(error))


def measure(experiment: Experiment, cell: Cell, truth: Truth, kept: Pieces | None = None) -> Result:
    """Fit, warm up, replicate, on a copy of the problem that no other cell shares; see `result_of`.

    Raises:
        NotApplicable: if the estimator needs what the problem lacks.
        Misbehaved: if the estimator or the problem changes what is not its own.
    """
    sampler = CellSampler(experiment.prepared, cell)
    with sampler.guarded() as deeds:
        result = _measured(sampler, truth, kept)
    return replace(result, reason="; ".join(filter(None, (result.reason, deeds.text))))


def _measured(sampler: CellSampler, truth: Truth, kept: Pieces | None) -> Result:
    experiment, problem, N = sampler.experiment, sampler.problem, sampler.cell.sample_size
    R, precision = experiment.replicates, experiment.precision
    if precision is not None:
        R = whole_blocks(problem, N, sampler.device.type, R, precision)
    fitting = sampler.fitting
    seconds = sampler.warm_up("warm-up", R)
    exact, fault = sampler.known
    if precision is not None and exact is not None:
        precision = replace(precision, exact_kurtosis=exact.kurtosis["all"])
    replication = sampler.sample(
        _ROLE, R, truth.gradient, experiment.blocks, precision, experiment.kept_coordinates, kept
    )
    suspect = _suspected(sampler, replication, truth, exact)
    rare = exact is None and suspect is not None and _missed(sampler, suspect, R)
    rounding = 0.0 if suspect is None else _rounding(sampler)
    peak = peak_of(sampler.estimator, problem, N, sampler.address("memory"), experiment.resampled)
    timings = torch.cat([replication.seconds, torch.tensor(seconds, dtype=torch.float64)])
    summary = replication.summary
    more = "" if precision is None else remark(summary, precision)
    missing, R = int((~summary.finite).sum()), len(summary.finite)
    groups = _groups(sampler, R) if experiment.resampled else None
    more = "; ".join(filter(None, (more, fault)))
    if missing:
        some = f"{missing} of {R} estimates are not finite; the numbers are of the others"
        reason = some if missing < R else f"none of {R} estimates is finite"
        more = f"{reason}; {more}" if more else reason
    status = "nonfinite" if missing else "ok"
    return Result(
        sampler.cell, status, more, replication, timings, peak, groups, fitting, exact, rare, rounding
    )


_ROLE = "estimates"
"""The purpose of the random numbers of a run."""


def _groups(sampler: CellSampler, replicates: int) -> Groups:
    """As many estimates in groups that share a batch: in pairs, or a group for each batch that there is."""
    problem, N = sampler.problem, sampler.cell.sample_size
    segments = sampler.segments(sampler.experiment.blocks)
    groups = max(1, replicates // 2)
    if problem.most_groups is not None:
        groups = min(groups, problem.most_groups)
    size = max(2, replicates // groups)
    address = sampler.address("pairs")
    return replicate_groups(sampler.estimator, problem, N, groups, size, address, segments, sampler.center)


def _suspected(
    sampler: CellSampler, replication: Replication, truth: Truth, exact: ExactMoments | None
) -> Evidence | None:
    """The evidence on all coordinates where some block of them looks biased, and x can be enumerated."""
    if sampler.experiment.known_moments is None or truth.gradient is None:
        return None
    every = evidence_of(
        replication.summary,
        truth.gradient,
        truth.standard_error,
        replication.seconds,
        replication.evaluations,
        sampler.cell.sample_size,
        sampler.experiment.blocks,
        exact=exact,
        cost_varied=replication.cost_varied,
        truth_spectra=truth.spectra,
    )
    found = [evidence for _, evidence in every]
    return found[0] if any(bias_p(evidence) < BIASED_BELOW for evidence in found) else None


def _missed(sampler: CellSampler, suspect: Evidence, replicates: int) -> bool:
    """Whether what looks like a bias may be what the draws missed."""
    known, problem, N = sampler.experiment.known_moments, sampler.problem, sampler.cell.sample_size
    assert known is not None
    R = replicates
    if known.draws is not None and missed(problem, known.draws[0], N, R, sampler.address(_ROLE)):
        return True
    if known.spread is None:
        return False
    skewness, rare = known.spread[1][1:], known.rare_share(N * R)
    return rests_on_rare(suspect.difference, skewness, rare, N * R)


def _rounding(sampler: CellSampler) -> float:
    """The rest that rounding leaves of a difference of costs times a score, in a mean of estimates."""
    known = sampler.experiment.known_moments
    return 0.0 if known is None else torch.finfo(sampler.problem.theta.dtype).eps * known.size
