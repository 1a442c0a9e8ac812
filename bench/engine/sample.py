"""Estimates of one cell as a judge needs them: on a stream named by its purpose, with what is compared."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import torch

from bench.engine.cell import CellSampler
from bench.engine.truth import Truth
from bench.statistics.evidence import Evidence, evidence_of
from bench.statistics.gating import Size
from bench.statistics.intervals import median_interval


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
        errors = self.evidence.scalars.errors
        kurtosis = errors.kurtosis if errors.mean > 0 else 1.0
        return Size(errors.mean, self._kurtosis(kurtosis), self.evidence.replicates)

    def _kurtosis(self, seen: float) -> float:
        """Return the kurtosis that was seen, or a larger one that is believed; R where no noise was seen."""
        exact = self.evidence.believed_kurtosis
        if not math.isnan(exact):
            return max(seen, exact)
        unseen = self.evidence.variance == 0 and not self.evidence.is_still
        return float(self.evidence.replicates) if unseen else seen

    def size(self, metric: str) -> Size:
        """The variance or the mean squared error, by name."""
        return {"variance": self.variance, "mse": self.mse}[metric]

    @property
    def seconds(self) -> float:
        """The seconds of one estimate: the median of the timed chunks."""
        return median_interval(self.evidence.seconds).value

    @property
    def digest(self) -> str:
        """A fingerprint of every replicate's squared deviation and squared norm, and of the draws."""
        found = hashlib.sha256(self.draws.encode())
        for values in (self.evidence.scalars.deviation, self.evidence.scalars.norm):
            found.update(values.contiguous().numpy().tobytes())
        return found.hexdigest()[:32]


def sample_of(sampler: CellSampler, role: str, replicates: int, truth: Truth | None) -> Sample:
    """R estimates of a cell on the stream of a purpose.

    Args:
        sampler: of the cell, which can run.
        role: the purpose.
        replicates: R.
        truth: the gradient, or None where it is not needed.

    Raises:
        Misbehaved: if the estimator or the problem changes what is not its own.
    """
    gradient = None if truth is None else truth.gradient
    with sampler.guarded():
        replication = sampler.sample(role, replicates, gradient)
    summary = replication.summary
    error = torch.zeros_like(summary.moments.mean) if truth is None else truth.standard_error  # [P]
    ((_, evidence),) = evidence_of(
        summary,
        gradient,
        error,
        replication.seconds,
        replication.evaluations,
        sampler.cell.sample_size,
        {},
        exact=sampler.known[0],
        cost_varied=replication.cost_varied,
        truth_spectra=None if truth is None else truth.spectra,
    )
    R = len(summary.finite)
    return Sample(
        evidence,
        R,
        R - int(summary.finite.sum()),
        replication.gradient_evaluations,
        replication.draws,
    )
