"""Estimates of one cell for the gate: on a stream named by its purpose, with what is compared."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch

from bench.engine.fitting import fit
from bench.engine.guard import guarded, moved_copy
from bench.engine.plan import Cell, Experiment, cell_id
from bench.engine.replicate import Replication, replicate
from bench.engine.truth import Truth
from bench.estimator import Estimator
from bench.problem import Problem
from bench.statistics.evidence import Evidence, evidence_of
from bench.statistics.gating import Size
from bench.statistics.intervals import median_interval
from bench.statistics.known import ExactMoments


@dataclass(frozen=True)
class Sample:
    """R estimates of one cell.

    Attributes:
        evidence: of the finite ones, over all coordinates.
        replicates: R.
        nonfinite: how many are not finite.
        gradient_evaluations: of the gradient of f, per estimate.
        draws: a fingerprint of the random numbers that were drawn.
    """

    evidence: Evidence
    replicates: int
    nonfinite: int
    gradient_evaluations: float
    draws: str

    @property
    def variance(self) -> Size:
        """The trace of the covariance of one estimate."""
        kurtosis = self.evidence.kurtosis if self.evidence.variance > 0 else 1.0
        return Size(self.evidence.variance, self._kurtosis(kurtosis), self.evidence.replicates)

    @property
    def mse(self) -> Size:
        """The mean squared error; NaN without a truth."""
        errors = self.evidence.error.clamp(min=0.0)
        mean = float(errors.mean())
        kurtosis = float((errors / mean).square().mean()) if mean > 0 else 1.0
        return Size(mean, self._kurtosis(kurtosis), self.evidence.replicates)

    def _kurtosis(self, seen: float) -> float:
        """What was seen of a kurtosis, or what is known of it: as large as R where no noise was seen."""
        exact = self.evidence.exact_kurtosis
        if not math.isnan(exact):
            return max(seen, exact)
        unseen = self.evidence.variance == 0 and not self.evidence.is_still
        return float(self.evidence.replicates) if unseen else seen

    def size(self, metric: str) -> Size:
        """The variance or the mean squared error, by name."""
        return {"variance": self.variance, "mse": self.mse}[metric]

    @property
    def seconds(self) -> float:
        """Of one estimate: the median of the timed chunks."""
        return median_interval(self.evidence.seconds).value

    @property
    def digest(self) -> str:
        """Of every replicate's squared deviation and squared norm, to the last bit, and of the draws."""
        found = hashlib.sha256(self.draws.encode())
        for values in (self.evidence.deviation, self.evidence.norm):
            found.update(values.contiguous().numpy().tobytes())
        return found.hexdigest()[:32]


class Subject:
    """A cell that is ready to be estimated, as often as is wanted: it is fitted once.

    Args:
        experiment: to which the cell belongs.
        cell: one that can run.
    """

    def __init__(self, experiment: Experiment, cell: Cell) -> None:
        self.experiment = experiment
        self.cell = cell

    @property
    def name(self) -> str:
        """The cell's id."""
        return cell_id(self.experiment, self.cell)

    @cached_property
    def _problem(self) -> Problem:
        return moved_copy(self.experiment.prepared.problem, self.cell.device, self.cell.dtype)

    @cached_property
    def _estimator(self) -> Estimator:
        """Fitted on the stream on which every run fits it, so that what it learns is the same too."""
        N, named = self.cell.sample_size, self.cell.named
        return fit(named.estimator, self._problem, N, self.experiment.address(N, named.fit_role))

    @cached_property
    def _exact(self) -> ExactMoments | None:
        known = self.experiment.prepared.known_moments
        return None if known is None else known.of(self._estimator, self.cell.sample_size)[0]

    def sample(self, role: str, replicates: int, truth: Truth | None) -> Sample:
        """R estimates on the stream of a purpose.

        Args:
            role: the purpose.
            replicates: R.
            truth: the gradient, or None where it is not needed.

        Raises:
            Misbehaved: if the estimator or the problem changes what is not its own.
        """
        N, experiment = self.cell.sample_size, self.experiment
        gradient = None if truth is None else truth.gradient
        with guarded(self._problem):
            replication = replicate(
                self._estimator,
                self._problem,
                N,
                replicates,
                lambda block: experiment.address(N, role, block),
                gradient,
                [slice(0, len(experiment.problem.theta))],
                resampled=experiment.resampled,
            )
        return _sample(replication, truth, N, self._exact)


def _sample(
    replication: Replication, truth: Truth | None, sample_size: int, exact: ExactMoments | None
) -> Sample:
    summary = replication.summary
    P = len(summary.moments.mean)
    gradient = None if truth is None else truth.gradient
    error = torch.zeros(P, dtype=torch.float64) if truth is None else truth.standard_error
    ((_, evidence),) = evidence_of(
        summary,
        gradient,
        error,
        replication.seconds,
        replication.evaluations,
        sample_size,
        {},
        exact=exact,
        cost_varied=replication.cost_varied,
    )
    R = len(summary.finite)
    return Sample(
        evidence,
        R,
        R - int(summary.finite.sum()),
        replication.gradient_evaluations,
        replication.draws,
    )


Truths = Callable[[], Truth]
"""Gives the truth of an experiment, and finds it when it is first asked for."""
