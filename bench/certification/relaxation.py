"""The relaxation of a discrete problem: its corners, and the noise that decides its choices."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from statistics import NormalDist

import torch
from torch import Tensor

from bench.certification.trial import Trial
from bench.certification.verdicts import Fault
from bench.distributions.choices import Choices, choices_of
from bench.engine.streams import stream
from bench.problem import Distribution, NotApplicable, Problem

_ROWS, _SAMPLES, _DRAWS = 4, 64, 20_000
_ROUNDING = 1e-9
# The level of all comparisons of a problem together: too small to count among the false alarms.
_LEVEL = 1e-9


def relaxation(trial: Trial) -> Iterator[Fault]:
    """Hold a relaxed cost that the estimator uses against the cost, and the noise of choices against p."""
    problem, N = trial.problem(), trial.sizes[0]
    if not _uses_relaxed_cost(trial, N):
        return
    theta = problem.theta.expand(_ROWS, -1)
    with torch.no_grad(), stream(trial.experiment.address(N, "certify relaxation"), theta.device):
        p = problem.distribution(theta)
        try:
            choices = choices_of(p)
        except NotApplicable:
            return  # of other points than those between choices nothing is known
        yield from _corners(problem, p, choices, theta)
        yield from _noise(choices)


def _uses_relaxed_cost(trial: Trial, sample_size: int) -> bool:
    problem, calls = trial.problem(), []

    def watched(points: Tensor, theta: Tensor) -> Tensor:
        calls.append(len(points))
        return problem.relaxed_cost(points, theta)

    copied = copy.copy(problem)
    vars(copied)["relaxed_cost"] = watched
    trial.drawn(trial.fitted(problem, sample_size), copied, problem.theta.expand(2, -1), sample_size)
    return bool(calls)


def _corners(problem: Problem, p: Distribution, choices: Choices, theta: Tensor) -> Iterator[Fault]:
    """At the values of x the relaxed cost is the cost."""
    x = p.sample(torch.Size([_SAMPLES]))
    cost = problem.cost(x, theta)
    error = float((problem.relaxed_cost(choices.corner_of(x), theta) - cost).abs().max())
    if not error <= _ROUNDING * (1 + float(cost.abs().max())):
        yield Fault("relaxation", f"at values of x the relaxed cost is off by up to {error:.3g}")


def _noise(choices: Choices) -> Iterator[Fault]:
    """Choices that the noise decides have the probabilities of p, and noise given a choice leads to it."""
    corner = choices.corner(choices.perturbed(_DRAWS // _ROWS))  # [N, R, (B,) *points]
    probs = choices.probs
    again = choices.corner(choices.conditional(corner))
    if wrong := float((again != corner).double().mean()):
        yield Fault("relaxation", f"noise given a choice leads to another in {100 * wrong:.3g} % of draws")
    error = (probs * (1 - probs)).clamp(min=1 / _DRAWS).sqrt() / len(corner) ** 0.5
    away = ((corner.mean(0) - probs).abs() / error).max()
    if float(away) > NormalDist().inv_cdf(1 - _LEVEL / (2 * probs.numel())):
        off = float((corner.mean(0) - probs).abs().max())
        yield Fault(
            "relaxation", f"choices that the noise decides have probabilities that are off by {off:.3g}"
        )
