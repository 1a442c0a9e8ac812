"""Many runs at once: estimates are drawn together, and cut."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.engine.center import PILOT
from bench.engine.streams import Address, stream
from bench.engine.truth import Truth
from bench.estimator import Estimator
from bench.problem import Problem
from bench.statistics.evidence import Evidence, evidence_of
from bench.statistics.known import ExactMoments
from bench.statistics.spectrum import Spectrum
from bench.statistics.summary import summarize
from tests.cases import estimates_of


def runs_of(
    estimator: Estimator, problem: Problem, sample_size: int, replicates: int, runs: int, seed: int
) -> Tensor:
    """The estimates of independent runs, `[runs, R, P]`."""
    estimates = estimates_of(estimator, problem, sample_size, runs * replicates, seed)
    return estimates.reshape(runs, replicates, -1)


def evidence(estimates: Tensor, truth: Truth, exact: ExactMoments | None = None) -> Evidence:
    """The evidence of one run, `[R, P]`, as the engine would gather it where no cost was seen to vary."""
    whole = slice(0, estimates.shape[1])
    summary = summarize(estimates, truth.gradient, [whole], _center(estimates))
    seconds = torch.ones(1, dtype=torch.float64)
    blocks = {"theta": whole}
    [(_, found)] = evidence_of(
        summary,
        truth.gradient,
        truth.standard_error,
        seconds,
        1.0,
        1,
        blocks,
        exact=exact,
        truth_spectra=truth.spectra,
    )
    return found


def _center(estimates: Tensor) -> Tensor:
    """A mean that is off by as much as that of a pilot, `[P]`."""
    off = torch.randn(estimates.shape[1], generator=_PILOTS, dtype=torch.float64)
    return estimates.double().mean(0) + off * estimates.double().std(0) / PILOT**0.5


_PILOTS = torch.Generator().manual_seed(0)


def noise(runs: int, replicates: int, coordinates: int, seed: int) -> Tensor:
    """Standard normal numbers, `[runs, R, P]`."""
    with stream(Address(seed, "noise", 1, "estimates", 0), torch.device("cpu")):
        return torch.randn(runs, replicates, coordinates, dtype=torch.float64)


def repeated(value: float, coordinates: int, error: float = 0.0) -> Truth:
    """A gradient whose coordinates are all the same; a reference if it has an error."""
    at = torch.full((coordinates,), value, dtype=torch.float64)
    spectra = {"all": Spectrum(*(coordinates * error ** (2 * k) for k in (1, 2, 3)))}
    return Truth("reference" if error else "closed_form", at, torch.full_like(at, error), spectra=spectra)
