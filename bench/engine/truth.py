"""The gradient as it is: exactly where the problem knows it, else as a long run tells."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bench.engine.plan import Experiment, not_applicable
from bench.engine.replicate import fit, replicate
from bench.problem import NotApplicable, Problem

# Two rules that differ by more are not a truth; half the digits of float64.
_AGREEMENT = 1e-8


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
    try:
        return exact_gradient(experiment.problem)
    except NotApplicable as reason:
        return reference_gradient(experiment, str(reason))


def exact_gradient(problem: Problem) -> Truth:
    """Autograd of `expectation`, in float64, checked by a second rule.

    Raises:
        NotApplicable: if the problem has no `expectation`, or the two rules disagree.
    """
    problem = problem.to("cpu", torch.float64)
    first = _gradient(problem, again=False)
    second = _gradient(problem, again=True)
    error = (first - second).abs()
    size = float(first.norm())
    if not bool(first.isfinite().all()) or float(error.norm()) > _AGREEMENT * max(size, _AGREEMENT):
        raise NotApplicable(f"two rules for it differ by {float(error.norm()):.2g} of {size:.2g}")
    return Truth(problem.truth_kind, first, error)


def _gradient(problem: Problem, again: bool) -> Tensor:
    theta = problem.theta[None].requires_grad_()  # [1, P]
    value = problem.expectation_again(theta) if again else problem.expectation(theta)
    if not value.requires_grad:
        return torch.zeros_like(problem.theta)
    (gradient,) = torch.autograd.grad(value.sum(), theta)
    return gradient[0]


def reference_gradient(experiment: Experiment, why: str) -> Truth:
    """The mean of a long run of the first reference estimator that applies, with its standard error."""
    problem = experiment.problem.to("cpu", torch.float32)
    N, R = experiment.reference_sample_size, experiment.reference_replicates
    for named in experiment.references:
        if not_applicable(named.estimator, experiment):
            continue
        estimator = fit(named.estimator, problem, N, experiment.address(N, "reference fit"))
        run = replicate(
            estimator,
            problem,
            N,
            R,
            lambda block: experiment.address(N, "reference", block),
            None,
            [slice(0, len(problem.theta))],
        )
        moments = run.summary.moments
        error = (moments.variance / moments.count).sqrt()
        return Truth("reference", moments.mean, error, f"{named.label}, N = {N}, R = {R}; {why}")
    return Truth("none", None, torch.full_like(problem.theta, torch.nan, dtype=torch.float64), why)
