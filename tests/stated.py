"""Means and variances that are stated of estimates, held against measured and exact ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from bench.catalogue import build
from bench.exact import exact_moments, single_draws
from bench.problem import NotApplicable, Problem
from bench.statistics.evidence import blocks_reported
from tests.cases import estimates_of, fitted_to

STANDARD_ERRORS = 4.0
"""Two-sided p = 6e-5 for each number that is held against a measured one; the seeds are fixed."""
_LEAST, _MOST = 1 << 14, 1 << 20
_WANTED = 0.02  # the relative standard error of a variance


@dataclass(frozen=True)
class Stated:
    """What is stated of one estimate.

    Attributes:
        estimator: its name and its options.
        problem: its name, as `name`, and its options.
        mean: of each coordinate; None where it is not stated.
        variance: of each coordinate, or of one number the trace; None where it is not stated.
        sample_size: N.
        digits: how many digits after the point are stated.
        known: whether the exact moments must be there.
    """

    estimator: tuple[str, Mapping[str, Any]]
    problem: Mapping[str, Any]
    mean: Sequence[float] | None = None
    variance: Sequence[float] | float | None = None
    sample_size: int = 1
    digits: int = 8
    known: bool = False

    def built(self) -> Problem:
        options = dict(self.problem)
        made: Problem = build("problems", options.pop("name"), options)
        return made.to("cpu", torch.float64)


def faults_of(stated: Stated) -> list[str]:
    """Return everything stated that is not so, as text."""
    problem, N = stated.built(), stated.sample_size
    estimator = build("estimators", *stated.estimator)
    faults = list(_exact_faults(stated, problem, estimator))
    estimates, errors = _estimates(estimator, problem, N)
    if stated.mean is not None:
        wanted = torch.tensor(list(stated.mean), dtype=torch.float64)
        error = estimates.std(0) / len(estimates) ** 0.5
        away = (estimates.mean(0) - wanted).abs() > STANDARD_ERRORS * error + 10.0**-stated.digits
        if bool(away.any()):
            faults.append(f"mean {estimates.mean(0).tolist()} ± {error.tolist()}, stated {wanted.tolist()}")
    if stated.variance is not None:
        found, error = errors
        if isinstance(stated.variance, float | int):
            found, error = _of_total(estimates)
        wanted = torch.as_tensor(stated.variance, dtype=torch.float64).reshape(-1)
        away = (found - wanted).abs() > STANDARD_ERRORS * error + 10.0**-stated.digits
        if bool(away.any()):
            faults.append(f"variance {found.tolist()} ± {error.tolist()}, stated {wanted.tolist()}")
    return faults


def _estimates(estimator: Any, problem: Problem, N: int) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Estimates, `[R, P]`, and their variances with standard errors, `[P]` each, of 2 % or less."""
    R = _LEAST
    while True:
        estimates = estimates_of(estimator, problem, N, R).to(torch.float64)
        square = (estimates - estimates.mean(0)).square()
        variance, error = square.sum(0) / (R - 1), square.std(0) / R**0.5
        if R >= _MOST or bool((error <= _WANTED * variance).all()):
            return estimates, (variance, error)
        R *= 4


def _of_total(estimates: Tensor) -> tuple[Tensor, Tensor]:
    square = (estimates - estimates.mean(0)).square().sum(1)  # [R]
    R = len(square)
    return square.sum()[None] / (R - 1), square.std()[None] / R**0.5


def _exact_faults(stated: Stated, problem: Problem, estimator: Any) -> Sequence[str]:
    try:
        draws = single_draws(problem, blocks_reported(problem.parameters, len(problem.theta)))
        fitted = fitted_to(estimator, problem, stated.sample_size)
        found = exact_moments(fitted, stated.sample_size, draws)
    except NotApplicable as reason:
        return [f"no exact moments: {reason}"] if stated.known else []
    within, faults = 0.6 * 10.0**-stated.digits, []
    if stated.mean is not None:
        wanted = torch.tensor(list(stated.mean), dtype=torch.float64)
        if bool(((found.mean - wanted).abs() > within).any()):
            faults.append(f"exact mean {found.mean.tolist()}, stated {wanted.tolist()}")
    if stated.variance is not None:
        single = isinstance(stated.variance, float | int)
        variance = found.variance.sum()[None] if single else found.variance
        wanted = torch.as_tensor(stated.variance, dtype=torch.float64).reshape(-1)
        if bool(((variance - wanted).abs() > within).any()):
            faults.append(f"exact variance {variance.tolist()}, stated {wanted.tolist()}")
    return faults
