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
from bench.distributions.states import states_of
from bench.engine.streams import stream
from bench.problem import Distribution, NotApplicable, Problem

_ROWS, _SAMPLES, _DRAWS = 4, 64, 20_000
_ROUNDING, _MOST_STATES, _MOST_LEFT_OUT = 1e-9, 1 << 12, 1e-6
# The level of all comparisons of a problem together: too small to count among the false alarms.
_LEVEL = 1e-9


def relaxation(trial: Trial) -> Iterator[Fault]:
    """Hold a relaxed cost that the estimator uses against the cost, and choices and their noise against p.

    Choices and values that a distribution tells itself are held against p whatever the estimator uses.
    """
    problem, N = trial.problem(), trial.sizes[0]
    relaxes, told = _uses_relaxed_cost(trial, N), problem.distribution(problem.theta[None])
    if not relaxes and not any(hasattr(told, name) for name in ("choices", "states")):
        return
    theta = problem.theta.expand(_ROWS, -1)
    with torch.no_grad(), stream(trial.experiment.address(N, "certify relaxation"), theta.device):
        p = problem.distribution(theta)
        yield from _values(p)
        try:
            choices = choices_of(p)
        except NotApplicable:
            return  # of other points than those between choices nothing is known
        if relaxes:
            yield from _corners(problem, p, choices, theta)
        yield from _probabilities(p, choices)
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


def _values(p: Distribution) -> Iterator[Fault]:
    """The values that x can have, as the distribution tells them, have all of the probability."""
    if not hasattr(p, "states"):
        return
    try:
        states = states_of(p, _MOST_STATES)
    except NotApplicable:
        return
    shape = [len(states), *[1] * len(p.batch_shape), *states.shape[1:]]
    every = states.reshape(shape).expand(len(states), *p.batch_shape, *states.shape[1:])
    total = p.log_prob(every).exp().sum(0)
    if not bool(((total - 1).abs() < _MOST_LEFT_OUT).all()):
        yield Fault(
            "relaxation", f"the values that x can have have a probability of {float(total.min()):.6g}"
        )


def _probabilities(p: Distribution, choices: Choices) -> Iterator[Fault]:
    """Choices have the probabilities that draws of p have."""
    corner = choices.corner_of(p.sample(torch.Size([_DRAWS // _ROWS])))
    yield from _off(corner, choices.probs, "choices in draws of x have", "choices have")


def _off(corner: Tensor, probs: Tensor, said: str, told: str) -> Iterator[Fault]:
    error = (probs * (1 - probs)).clamp(min=1 / _DRAWS).sqrt() / len(corner) ** 0.5
    difference = (corner.to(probs.dtype).mean(0) - probs).abs()
    if float((difference / error).max()) > NormalDist().inv_cdf(1 - _LEVEL / (2 * probs.numel())):
        off = float(difference.max())
        yield Fault("relaxation", f"{said} probabilities that are off by {off:.3g} from those that {told}")


def _noise(choices: Choices) -> Iterator[Fault]:
    """Choices that the noise decides have the probabilities of p, and noise given a choice leads to it."""
    corner = choices.corner(choices.perturbed(_DRAWS // _ROWS))  # [N, R, (B,) *points]
    probs = choices.probs
    again = choices.corner(choices.conditional(corner))
    if wrong := float((again != corner).double().mean()):
        yield Fault("relaxation", f"noise given a choice leads to another in {100 * wrong:.3g} % of draws")
    yield from _off(corner, probs, "choices that the noise decides have", "choices have")
