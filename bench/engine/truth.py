"""The gradient as it is: exactly where the problem knows it, else as a long run tells."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bench.engine.fitting import fit
from bench.engine.guard import Call, guarded, moved_copy, reason_of
from bench.engine.plan import Experiment, NamedEstimator, not_applicable
from bench.engine.replicate import replicate
from bench.problem import NotApplicable, Problem

# Two rules that differ by more are not a truth; half the digits of float64.
_AGREEMENT = 1e-8
# A gradient that is zero is known to the rounding of the expectation, of which so much may be lost.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Truth:
    """∇F(θ), or what is known of it.

    Attributes:
        kind: "closed_form", "quadrature", "enumeration", "reference" or "none".
        gradient: `[P]` in float64 on the CPU, or None.
        standard_error: of each coordinate, `[P]`: of a reference its sampling error, else
            the difference between two rules.
        note: how it was obtained, or why it was not.
    """

    kind: str
    gradient: Tensor | None
    standard_error: Tensor
    note: str = ""


def truth_of(experiment: Experiment) -> Truth:
    """The exact gradient, else a reference, else none with the reason."""
    experiment = experiment.prepared
    if experiment.resampled:
        return reference_gradient(experiment, "its expectation is over the batches too")
    try:
        return exact_gradient(experiment.problem)
    except NotApplicable as reason:
        return reference_gradient(experiment, str(reason))
    except Exception as error:  # noqa: BLE001 - a problem is anybody's code
        return reference_gradient(experiment, f"its expectation fails with {reason_of(error)}")


def exact_gradient(problem: Problem) -> Truth:
    """Autograd of `expectation`, in float64, checked by a second rule.

    Raises:
        NotApplicable: if the problem has no `expectation`, or the two rules disagree.
        Misbehaved: if the problem changes what is not its own.
    """
    problem = moved_copy(problem, "cpu", "float64")
    with guarded(problem):
        value, first = _gradient(problem, again=False)
        _, second = _gradient(problem, again=True)
    error = (first - second).abs()
    size = float(first.norm())
    allowed = max(_AGREEMENT * size, _AGREEMENT**2, _ROUNDING * abs(value))
    if not bool(first.isfinite().all()):
        raise NotApplicable("its gradient is not finite")
    if not float(error.norm()) <= allowed:
        raise NotApplicable(f"two rules for its gradient differ by {float(error.norm()):.2g} of {size:.2g}")
    return Truth(problem.truth_kind, first, error)


def _gradient(problem: Problem, again: bool) -> tuple[float, Tensor]:
    """F(θ) and its gradient, `[P]`."""
    theta = problem.theta[None].requires_grad_()  # [1, P]
    with Call(problem):
        value = problem.expectation_check(theta) if again else problem.expectation(theta)
    if not value.requires_grad:
        raise NotApplicable("its expectation does not depend on theta as autograd sees it")
    (gradient,) = torch.autograd.grad(value.sum(), theta, allow_unused=True)
    if gradient is None:
        raise NotApplicable("its expectation does not depend on theta as autograd sees it")
    return float(value.detach()), gradient[0]


def reference_gradient(experiment: Experiment, why: str) -> Truth:
    """The mean of a long run of the first reference estimator that applies, with its standard error."""
    for named in experiment.references:
        if not_applicable(named.estimator, experiment):
            continue
        try:
            return _reference(experiment, named, why)
        except Exception as error:  # noqa: BLE001 - an estimator is anybody's code
            why = f"{why}; {named.label} fails with {reason_of(error)}"
    unknown = torch.full_like(experiment.problem.theta, torch.nan, dtype=torch.float64)
    return Truth("none", None, unknown, why)


def _reference(experiment: Experiment, named: NamedEstimator, why: str) -> Truth:
    problem = moved_copy(experiment.problem, "cpu", "float32")
    with guarded(problem):
        return _reference_on(problem, experiment, named, why)


def _reference_on(problem: Problem, experiment: Experiment, named: NamedEstimator, why: str) -> Truth:
    N, R = experiment.reference_sample_size, experiment.reference_replicates
    estimator = fit(named.estimator, problem, N, experiment.address(N, "reference fit"))
    run = replicate(
        estimator,
        problem,
        N,
        R,
        lambda block: experiment.address(N, "reference", block),
        None,
        [slice(0, len(problem.theta))],
        resampled=experiment.resampled,
    )
    moments = run.summary.moments
    error = (moments.variance / moments.count).sqrt()
    return Truth("reference", moments.mean, error, f"{named.label}, N = {N}, R = {R}; {why}")
