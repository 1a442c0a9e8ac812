"""All that is known of one cell's estimates of a block of parameters: the argument of every metric."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import torch
from torch import Tensor

from bench.statistics.known import ExactMoments
from bench.statistics.scalars import Scalars
from bench.statistics.spectrum import Spectrum, single, spectrum_of
from bench.statistics.summary import Summary
from bench.statistics.unbiasedness import Difference

# Standard errors beyond which estimates refute what is said to be known of them: by chance never, even where
# what is rare gives a mean or a variance a long tail. Rounding is a part of the size of the mean.
_REFUTED, _ROUNDED = 10.0, 1e-4


@dataclass(frozen=True)
class Evidence:
    """One cell, one block of parameters. All tensors are float64 on the CPU.

    Attributes:
        sample_size: N.
        mean: of each coordinate over the R finite replicates, `[P]`.
        variances: unbiased, of each coordinate, `[P]`.
        skewness: of each coordinate, `[P]`; NaN where nothing varies.
        spectrum: of the covariance Σ of one estimate.
        replicates: R, the finite ones.
        scalars: of single replicates, and what is computed of them.
        truth: `[P]`; NaN without one.
        truth_error: standard error of the truth, `[P]`.
        truth_spectrum: of the covariance of the truth.
        seconds: per estimate, one for each timed chunk, `[chunks]`.
        evaluations: of f, per estimate.
        bytes: the most memory that one estimate holds at once; NaN if it was not measured.
        known_kurtosis: of the squared deviations, as other cells tell it; NaN if none does.
        exact: the moments of one estimate that are known without sampling; None if they are not.
        cost_varied: whether the cost was seen to vary over plain draws of x like those of the estimates; it
            need be known only where the estimates did not vary.
        missed: whether these draws missed what is rare and matters, by the exact mean and variance of the
            cost: noise that did not show is then unknown.
        rounding: what the type of numbers may leave in the mean of a cost that is large beside the gradient.
    """

    sample_size: int
    mean: Tensor
    variances: Tensor
    skewness: Tensor
    spectrum: Spectrum
    replicates: int
    scalars: Scalars
    truth: Tensor
    truth_error: Tensor
    truth_spectrum: Spectrum
    seconds: Tensor
    evaluations: float
    bytes: float = math.nan
    known_kurtosis: float = math.nan
    exact: ExactMoments | None = None
    cost_varied: bool = False
    missed: bool = False
    rounding: float = 0.0

    @property
    def variance(self) -> float:
        """The trace of the covariance of one estimate."""
        return float(self.variances.sum())

    @property
    def difference(self) -> Difference:
        """The mean estimate less the truth.

        Where the variance is known exactly, the larger of both is taken: draws that missed what is rare show
        too little. A mean that is rarely far off is then off by few errors on either side, and needs no
        correction for skewness.
        """
        R = max(self.replicates, 1)
        variances, skewness = self.variances, self.skewness
        if self.believed is not None:
            variances = torch.maximum(variances, self.believed.variance)
            skewness = torch.zeros_like(skewness)
        return Difference(
            self.mean - self.truth, variances / R, self.truth_error.square(), skewness, self.replicates
        )

    @property
    def spread(self) -> Spectrum:
        """The spectrum of the covariance of one estimate, larger where variances are known to be."""
        if self.believed is None:
            return self.spectrum
        trace = max(self.variance, float(self.believed.variance.sum()))
        return self.spectrum.scaled(trace / self.variance) if self.variance > 0 else single(trace)

    @property
    def noise(self) -> Spectrum:
        """The spectrum of the covariance of the mean estimate less the truth."""
        return self.spread.scaled(1 / max(self.replicates, 1)).plus(self.truth_spectrum)

    @property
    def is_still(self) -> bool:
        """Whether a coordinate that did not vary is known not to: it is no matter of what was not drawn."""
        return self.cost_varied or self.believed is not None

    @cached_property
    def believed(self) -> ExactMoments | None:
        """The moments that are known without sampling, unless the estimates refute them.

        What an estimator declares of itself may be wrong, and must not hide what was measured.
        """
        return None if self.exact is None or self._refute(self.exact) else self.exact

    @property
    def believed_variance(self) -> float:
        """The exact variance unless estimates refute it; else NaN."""
        return math.nan if self.believed is None else self.exact_variance

    @property
    def believed_kurtosis(self) -> float:
        """The exact kurtosis of the squared deviations unless estimates refute it; else NaN."""
        return math.nan if self.believed is None else self.exact_kurtosis

    def _refute(self, exact: ExactMoments) -> bool:
        size = max(float(self.mean.norm()), float(exact.mean.norm()))
        error = (torch.maximum(self.variances, exact.variance) / max(self.replicates, 1)).sqrt()  # [P]
        off = (self.mean - exact.mean).abs()  # [P]
        if bool((off > _REFUTED * error + _ROUNDED * size).any()):
            return True
        # Rare draws that were missed make a variance too small, by how much only a known kurtosis tells.
        known = not math.isnan(self.exact_kurtosis)
        return self.variance_z > _REFUTED or (known and self.variance_z < -_REFUTED)

    @property
    def variance_z(self) -> float:
        """(measured − exact variance) / its standard error, by the exact kurtosis where that is known.

        NaN where the exact variance is unknown; where it is zero, infinite if there is more than rounding,
        else NaN. For heavy tails it is far from a normal number.
        """
        exact, R, kurtosis = self.exact_variance, self.replicates, self.exact_kurtosis
        if math.isnan(kurtosis):
            known = self.known_kurtosis
            kurtosis = self.kurtosis if math.isnan(known) else max(self.kurtosis, known)
        rounded = _ROUNDED * float(self.mean.norm())
        if exact == 0 and self.variance > rounded * rounded:
            return math.inf
        if not exact > 0 or R < 2 or math.isnan(kurtosis):
            return math.nan
        return (self.variance / exact - 1) / math.sqrt((kurtosis - 1 + 2 / (R - 1)) / R)

    @property
    def exact_variance(self) -> float:
        """The trace of the covariance as it is known exactly; NaN if it is not."""
        return math.nan if self.exact is None else float(self.exact.variance.sum())

    @property
    def exact_kurtosis(self) -> float:
        """The kurtosis of the squared deviations as it is known exactly; NaN if it is not."""
        return math.nan if self.exact is None else next(iter(self.exact.kurtosis.values()))

    @property
    def kurtosis(self) -> float:
        """E u² / (E u)² of the squared deviations u: 3 for a normal estimate in one dimension."""
        return self.scalars.squares.kurtosis

    def without_truth(self) -> Evidence:
        """This evidence where the truth turned out not to be known."""
        unknown = torch.full_like(self.truth, torch.nan)
        return replace(self, truth=unknown, truth_error=unknown, scalars=self.scalars.without_truth())

    @property
    def normal_kurtosis(self) -> float:
        """The kurtosis of normal estimates with the covariance that these have."""
        variance = self.variance  # its square may be too small for a number
        return 1 + 2 * (self.spectrum.square / variance) / variance if variance > 0 else math.nan


def segments_of(parameters: Mapping[str, slice], size: int) -> list[slice]:
    """The stretches of coordinates between all edges of the blocks, in order."""
    edges = sorted({0, size, *(e for block in parameters.values() for e in (block.start, block.stop))})
    return [slice(a, b) for a, b in pairwise(edges)]


def blocks_reported(parameters: Mapping[str, slice], size: int) -> dict[str, slice]:
    """First "all", then the named blocks, unless there is but one of them."""
    named = parameters if len(parameters) > 1 else {}
    return {"all": slice(0, size), **named}


def evidence_of(
    summary: Summary,
    truth: Tensor | None,
    truth_error: Tensor,
    seconds: Tensor,
    evaluations: float,
    sample_size: int,
    parameters: Mapping[str, slice],
    bytes: float = math.nan,
    exact: ExactMoments | None = None,
    cost_varied: bool = False,
    missed: bool = False,
    rounding: float = 0.0,
    truth_spectra: Mapping[str, Spectrum] | None = None,
) -> Iterator[tuple[str, Evidence]]:
    """The evidence on each reported block, "all" first; a truth of unknown spectrum errs in one direction."""
    size = len(summary.moments.mean)
    segments, spectra = segments_of(parameters, size), spectra_of(summary, parameters)
    replicates, known = int(summary.finite.sum()), truth_spectra or {}
    truth = torch.full((size,), torch.nan, dtype=torch.float64) if truth is None else truth
    for name, block in blocks_reported(parameters, size).items():
        inside = within(block, segments)
        variances = summary.moments.variance[block]
        scalars = Scalars(summary, inside, float(variances.sum()), float(truth[block].norm()))
        yield (
            name,
            Evidence(
                sample_size=sample_size,
                mean=summary.moments.mean[block],
                variances=variances,
                skewness=summary.moments.skewness[block],
                spectrum=spectra[name],
                truth=truth[block],
                truth_error=truth_error[block],
                truth_spectrum=known.get(name) or single(float(truth_error[block].square().sum())),
                seconds=seconds,
                evaluations=evaluations,
                bytes=bytes,
                exact=None if exact is None else exact.of(name, block),
                cost_varied=cost_varied,
                missed=missed,
                rounding=rounding,
                replicates=replicates,
                scalars=scalars,
            ),
        )


def within(block: slice, segments: Sequence[slice]) -> list[int]:
    """The places of the segments of which a block consists."""
    return [i for i, s in enumerate(segments) if block.start <= s.start and s.stop <= block.stop]


def spectra_of(summary: Summary, parameters: Mapping[str, slice]) -> dict[str, Spectrum]:
    """The spectrum of the covariance of one estimate, of each reported block."""
    variances = summary.moments.variance  # [P]
    segments = segments_of(parameters, len(variances))
    return {
        name: spectrum_of(
            summary.batches, within(block, segments), float(variances[block].sum()), block.stop - block.start
        )
        for name, block in blocks_reported(parameters, len(variances)).items()
    }


def normal_kurtosis_of(summary: Summary) -> float:
    """`Evidence.normal_kurtosis` of all coordinates together; 3 where nothing varies."""
    variances = summary.moments.variance  # [P]
    trace, inside = float(variances.sum()), range(summary.distance.shape[1])
    square = spectrum_of(summary.batches, inside, trace, len(variances)).square
    return 1 + 2 * (square / trace) / trace if trace > 0 else 3.0
