"""The claim of an estimator about its bias, tested in two stages."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from bench.certification.trial import Trial
from bench.certification.verdicts import BiasFault, BiasTest, Fault
from bench.diagnosing.nonfinite import nonfinite as where_not_finite
from bench.engine.plain_estimates import affordable, plain_estimates
from bench.engine.sample import Sample
from bench.statistics.evidence import Evidence
from bench.statistics.gating import CONFIRMATION, POWER, upper_quantile
from bench.statistics.power import reach_of
from bench.statistics.unbiasedness import squared_norm
from bench.statistics.verdict import ROUNDING, bias_p

# Of a claim of consistency: N of the second size over that of the first, and how much of the
# squared bias may be left. A bias of the order of 1/N leaves 1/256 of it, one of 1/√N a sixteenth.
_GROWTH, _LEFT = 16, 0.25

JUMPS = "the cost jumps, and what is claimed is of costs that do not"
"""The reason not to test the claim of an estimator that follows a path."""


def untested(trial: Trial) -> str:
    """Return why no claim to be unbiased is to be tested here; empty if there is."""
    estimator, reference = trial.estimator, trial.setting.reference
    if estimator.needs_continuity and not reference.continuous:
        return JUMPS
    if trial.setting.truths().gradient is None:
        return f"the gradient is not known: {trial.setting.truths().note}"
    claim = estimator.claim(trial.problem())
    if claim == "unbiased":
        return ""
    if _is_exact(trial):
        return ""
    if claim == "biased":
        return "it says that it is biased"
    return "" if trial.is_small else "it says that it is consistent, and there are many parameters"


def is_consistent_only(trial: Trial) -> bool:
    """Whether all that is claimed here is that the bias vanishes as N grows."""
    return trial.estimator.claim(trial.problem()) == "consistent" and not _is_exact(trial)


def _is_exact(trial: Trial) -> bool:
    """Whether no bias is claimed here by the degree of F in θ, or of f in the choices of x."""
    reference, estimator = trial.setting.reference, trial.estimator
    pairs = (
        (reference.degree, estimator.exact_degree),
        (reference.cost_degree, estimator.exact_cost_degree),
    )
    return any(degree is not None and degree <= exact for degree, exact in pairs)


def no_bias(trial: Trial, sample_size: int, level: float) -> tuple[BiasTest, list[Fault]]:
    """The test for bias at an N."""
    screen = trial.screened(sample_size)
    evidence = screen.evidence
    reach = reach_of(evidence.difference, level, POWER)
    p = bias_p(evidence)
    # However quiet an estimate, what may be rounding is not called a bias.
    seen = max(ROUNDING, reach.bias / float(evidence.truth.norm()))
    test = BiasTest(sample_size, screen.replicates, p, seen, reach.skewed)
    faults = list(nonfinite(trial, screen, sample_size))
    if p < level and not faults:
        confirm = trial.sample(trial.sampler(sample_size), "certify confirm", CONFIRMATION)
        # Both stages share the error of a reference: the second must then do for the whole level.
        stricter = level if trial.truth_is_exact else level**2
        if (again := bias_p(confirm.evidence)) < stricter:
            faults.append(_found(confirm, sample_size, max(p, again)))
    return test, faults


def vanishing(trial: Trial, level: float) -> Iterator[Fault]:
    """Test a claim of consistency: at sixteen times N less than half of the bias may be left."""
    small, large = trial.sizes[0], _GROWTH * trial.sizes[0]

    def excess(role: str, times: int) -> float:
        """In standard errors, how much more is left."""
        squares = []
        for N in (small, large):
            evidence = trial.sample(trial.sampler(N), role, times).evidence
            squares.append(squared_norm(evidence.difference, evidence.noise))
        (before, its_error), (after, error) = squares
        scale = math.hypot(error, _LEFT * its_error)
        return (after - _LEFT * before) / scale if scale > 0 else 0.0

    if in_both_stages(lambda role, times: excess(role, times) > upper_quantile(level)):
        yield Fault("bias", f"half of the bias at N = {small}, or more, is left at N = {large}")


def in_both_stages(flagged: Callable[[str, int], bool]) -> bool:
    """Whether a test flags on its first random numbers, and on others with four times the replicates."""
    return flagged("certify", 1) and flagged("certify confirm", CONFIRMATION)


def nonfinite(
    trial: Trial, sample: Sample, sample_size: int, role: str = "certify", dtype: str = "float64"
) -> Iterator[Fault]:
    """Return the remark on estimates that are not finite: which coordinates, and how many."""
    if not sample.nonfinite:
        return
    problem, sampler = trial.experiment.problem, trial.sampler(sample_size, dtype)
    # The same random numbers again, and this time they are kept.
    with sampler.guarded():
        rows = plain_estimates(sampler, role, affordable(len(problem.theta), sample.replicates))
    said = f"{sample.nonfinite} of {sample.replicates} estimates are not finite"
    if not bool(rows.isfinite().all()):
        said = where_not_finite(trial.named.label, rows, problem.parameters).text
    yield Fault("finite", f"{said} at N = {sample_size}{'' if dtype == 'float64' else f' in {dtype}'}")


def _found(sample: Sample, sample_size: int, p: float) -> BiasFault:
    evidence: Evidence = sample.evidence
    size = float(evidence.difference.value.norm() / evidence.truth.norm())
    message = (
        f"biased by {100 * size:.3g} % of the gradient's norm at N = {sample_size}: "
        f"p = {p:.1e} or less in both stages, R = {sample.replicates} in the second"
    )
    return BiasFault("bias", message, sample_size, size, p)
