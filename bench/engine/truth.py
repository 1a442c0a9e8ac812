"""The gradient as it is: exactly where the problem knows it, else as a long run tells."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache

import torch
from torch import Tensor

from bench.engine.confirmation import Claim, confirm
from bench.engine.gradient_draws import affordable
from bench.engine.guard import Call, guarded, moved_copy, reason_of
from bench.engine.plan import Experiment
from bench.engine.reference import reference_of
from bench.problem import NotApplicable, Problem
from bench.statistics.spectrum import Spectrum

# Two rules that differ by more are not a truth; half the digits of float64.
_AGREEMENT = 1e-8
# A gradient that is zero is known to the rounding of the expectation, of which so much may be lost.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Truth:
    """∇F(θ), or what is known of it.

    Attributes:
        kind: "closed_form", "quadrature", "enumeration", "given", "reference", "disputed" or "none".
        gradient: `[P]` in float64 on the CPU; None if the kind is one of the last two.
        standard_error: of each coordinate, `[P]`: of a reference its sampling error, else
            the difference between two rules.
        note: how it was obtained, why it was not, and the faults of the problem that were seen.
        value: F(θ) where the gradient is exact.
        families: the number of families of estimators that agree on a reference.
        spectra: of the covariance of a reference's error, of each block of parameters.
    """

    kind: str
    gradient: Tensor | None
    standard_error: Tensor
    note: str = ""
    value: float = math.nan
    families: int = 0
    spectra: Mapping[str, Spectrum] = field(default_factory=dict)


Truths = Callable[[], Truth]
"""Gives the truth of an experiment, and finds it when it is first asked for."""


def truths_of(experiment: Experiment) -> Truths:
    """The truth of an experiment, found when it is first asked for."""
    return cache(lambda: truth_of(experiment))


def truth_of(experiment: Experiment) -> Truth:
    """The exact gradient if plain draws do not refute it, else a reference, else none with the reason."""
    experiment = experiment.prepared
    if experiment.problem.truth_kind == "given":
        return _given(experiment)
    if experiment.resampled:
        return reference_gradient(experiment, "its expectation is over the batches too")
    try:
        exact = exact_gradient(experiment.problem)
    except NotApplicable as reason:
        return reference_gradient(experiment, str(reason))
    except Exception as error:  # noqa: BLE001 - a problem is anybody's code
        return reference_gradient(experiment, f"its expectation fails with {reason_of(error)}")
    return confirmed(experiment, exact)


def _given(experiment: Experiment) -> Truth:
    """The gradient that somebody gave, of which nobody else knows anything; else a reference."""
    try:
        return exact_gradient(experiment.problem)
    except NotApplicable as reason:
        return reference_gradient(experiment, str(reason))


def confirmed(experiment: Experiment, exact: Truth, count: int | None = None) -> Truth:
    """An exact truth as it is, with what plain draws say of the problem; disputed if they refute it.

    Args:
        experiment: the problem with its streams.
        exact: the truth.
        count: how many draws; None for as many as take a few hundredths of a second.
    """
    assert exact.gradient is not None
    try:
        told = confirm(experiment, Claim(exact.value, exact.gradient, exact.standard_error), count)
    except Exception as error:  # noqa: BLE001 - a problem is anybody's code
        return replace(exact, note=f"plain draws cannot confirm it: {reason_of(error)}")
    note = "; ".join(filter(None, (told.refuted, *told.notes)))
    if not told.refuted:
        return replace(exact, note=note)
    unknown = torch.full_like(exact.standard_error, torch.nan)  # [P]
    return Truth("disputed", None, unknown, note)


def confirmed_again(experiment: Experiment, exact: Truth, count: int) -> Truth:
    """An exact truth by which an estimator is to be accused, held against as many draws as accuse it.

    As it is where so many would take too long, or have been drawn before.

    Args:
        experiment: the problem with its streams.
        exact: the truth.
        count: how many draws.
    """
    problem = experiment.prepared.problem
    count = min(count, _MOST_NUMBERS // max(problem.width, len(problem.theta)))
    return exact if count <= affordable(problem) else confirmed(experiment.prepared, exact, count)


_MOST_NUMBERS = 1 << 22


def exact_gradient(problem: Problem) -> Truth:
    """Autograd of `expectation`, in float64, checked by a second rule.

    Raises:
        NotApplicable: if the problem has no `expectation`, or the two rules disagree.
        Misbehaved: if the problem changes what is not its own.
    """
    problem = moved_copy(problem, "cpu", "float64")
    with guarded(problem):
        value, first = _gradient(problem, again=False)
        again, second = _gradient(problem, again=True)
    error = (first - second).abs()
    size = float(first.norm())
    allowed = max(_AGREEMENT * size, _AGREEMENT**2, _ROUNDING * abs(value))
    if not bool(first.isfinite().all()):
        raise NotApplicable("its gradient is not finite")
    if not abs(value - again) <= max(allowed, _AGREEMENT * abs(value)):
        raise NotApplicable(f"two rules for it differ: {value:.10g} and {again:.10g}")
    if not float(error.norm()) <= allowed:
        raise NotApplicable(f"two rules for its gradient differ by {float(error.norm()):.2g} of {size:.2g}")
    return Truth(problem.truth_kind, first, error, value=value)


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
    """The mean of a long run, checked by another family of estimators where one applies."""
    found = reference_of(experiment, why)
    kind = "disputed" if found.disputed else "none" if found.gradient is None else "reference"
    return Truth(
        kind,
        found.gradient,
        found.standard_error,
        found.note,
        families=found.families,
        spectra=found.spectra,
    )
