"""An estimate is a function of its arguments and its stream, and leaves all else as it was."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import torch

from bench.certification.trial import Trial, same
from bench.certification.verdicts import Fault
from bench.engine.contents import changed, contents

_ROWS = 8


def purity(trial: Trial) -> Iterator[Fault]:
    """Check that a stream gives the same estimates again, another one others, and that nothing is changed."""
    problem, N = trial.problem(), trial.sizes[1]
    estimator = trial.fitted(problem, N)
    theta = problem.theta.expand(_ROWS, -1)
    first, again, other = (trial.drawn(estimator, problem, theta, N, block) for block in (0, 0, 1))
    if not same(first.estimates, again.estimates):
        yield Fault("repeats", "the same stream gave other estimates when it was drawn from again")
    varies = bool((first.estimates != first.estimates[0]).any())
    if first.after == other.after:
        yield Fault("seed", "torch's generator is where it is whatever the stream: it has been seeded")
    elif varies and same(first.estimates, other.estimates):
        yield Fault("seed", "another stream gave the same estimates: they are drawn from elsewhere")
    for name in first.changed:
        yield Fault("globals", f"{name} changed")


def inputs(trial: Trial) -> Iterator[Fault]:
    """Neither θ, nor the problem, nor the estimator is changed, by fitting or by estimating."""
    # As they were before anything was tried.
    problem = copy.deepcopy(trial.setting.experiment.problem).to(trial.device, torch.float64)
    estimator, N = copy.deepcopy(trial.named.estimator), trial.sizes[1]
    before_problem, before_estimator = contents(problem), contents(estimator)
    theta = problem.theta.repeat(_ROWS, 1).requires_grad_()
    before = theta.detach().clone()
    for step in ("fitted", "gradient"):
        with torch.random.fork_rng():
            # Given apart: `drawn` would hand over a copy of θ.
            if step == "fitted":
                fitted = estimator.fitted(problem, theta, N)
            else:
                fitted.gradient(problem, theta, N)
        if not torch.equal(theta.detach(), before):
            yield Fault("inputs", f"{step} changes θ")
        if theta.grad is not None:
            yield Fault("inputs", f"{step} leaves a gradient at θ: use torch.autograd.grad")
        if names := changed(before_problem):
            yield Fault("inputs", f"{step} changes the problem: {names[0]}")
            return
        if names := changed(before_estimator):
            yield Fault("inputs", f"{step} changes the estimator: {names[0]}")
            return
