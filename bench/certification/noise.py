"""The noise of an estimate: it falls with N, is what is declared, and its mean is the same in float32."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch

from bench.certification.bias import in_both_stages, nonfinite
from bench.certification.trial import Trial
from bench.certification.verdicts import Fault
from bench.engine.sample import Sample
from bench.engine.truth import Truth
from bench.statistics.gating import change, log_error, upper_quantile
from bench.statistics.verdict import ROUNDING, bias_p


def falling(trial: Trial, level: float) -> Iterator[Fault]:
    """With four times the samples the variance is a quarter or less; half or more is flagged.

    What an estimator learns may be worth more at one N than at the other: those that learn are left out.
    """
    if trial.learns:
        return
    small, large = trial.sizes
    most = math.sqrt(small / large)

    def flagged(role: str, times: int) -> bool:
        if role == "certify":
            few, many = (trial.screened(N) for N in trial.sizes)
        else:
            few, many = (trial.sample(trial.sampler(N), role, times) for N in trial.sizes)
        if _is_quiet(few):
            return False
        return change(many.variance, few.variance).exceeds(most - 1, level)

    if in_both_stages(flagged):
        yield Fault("noise", f"at N = {large} more than {most:.0%} of the variance at N = {small} is left")


def as_declared(trial: Trial, level: float) -> Iterator[Fault]:
    """The measured variance is the one that is known without sampling, where it is known."""
    for N in trial.sizes:

        def flagged(role: str, times: int, N: int = N) -> bool:
            sample = trial.screened(N) if role == "certify" else trial.sample(trial.sampler(N), role, times)
            evidence = sample.evidence
            exact, kurtosis = evidence.exact_variance, evidence.exact_kurtosis
            if _is_quiet(sample) and not exact > _rounding(sample):
                return False
            if not (exact > 0 and kurtosis >= 1 and evidence.variance > 0):
                return bool(exact == 0)
            ratio = evidence.variance / exact
            # Variances of few large squares err to one side as they are, to the other as logarithms.
            off = min(abs(ratio - 1), abs(math.log(ratio)))
            return off > upper_quantile(level / 2) * log_error(kurtosis, evidence.replicates)

        if in_both_stages(flagged):
            evidence = trial.screened(N).evidence
            yield Fault(
                "exact variance",
                f"at N = {N} the variance is {evidence.variance:.3g} where {evidence.exact_variance:.3g} "
                "is what its `exact_moments` says",
            )


def agreeing(trial: Trial, level: float) -> Iterator[Fault]:
    """In float32 the mean estimate is what it is in float64."""
    N = trial.sizes[1]
    coarse = trial.sampler(N, "float32")
    first = trial.sample(coarse, "certify float32", 1, _as_truth(trial.screened(N)))
    faults = [
        *nonfinite(trial, trial.screened(N), N),
        *nonfinite(trial, first, N, "certify float32", "float32"),
    ]
    yield from faults
    if faults or not bias_p(first.evidence) < level:
        return
    fine = trial.sample(trial.sampler(N), "certify float64 confirm", 4)
    again = trial.sample(coarse, "certify float32 confirm", 4, _as_truth(fine))
    if bias_p(again.evidence) < level:
        gap = float(again.evidence.difference.value.norm()) / float(again.evidence.truth.norm())
        yield Fault("float32", f"the mean in float32 differs from that in float64 by {100 * gap:.2g} %")


def _as_truth(sample: Sample) -> Truth:
    evidence = sample.evidence
    error = (evidence.variances / evidence.replicates).sqrt()  # [P]
    spectra = {"all": evidence.spectrum.scaled(1 / evidence.replicates)}
    return Truth("reference", evidence.mean, error, spectra=spectra)


def _is_quiet(sample: Sample) -> bool:
    return sample.evidence.variance <= _rounding(sample)


def _rounding(sample: Sample) -> float:
    """Return a variance that may be of rounding alone."""
    return (100 * ROUNDING * float(torch.linalg.vector_norm(sample.evidence.mean))) ** 2
