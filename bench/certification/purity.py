"""An estimate is a function of its arguments and its stream, and leaves all else as it was."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from bench.certification.trial import Trial, same
from bench.certification.verdicts import Fault

_ROWS = 8
# A problem may hold another, and that its networks.
_DEPTH = 3


def purity(trial: Trial) -> Iterator[Fault]:
    """The same stream gives the same estimates, another one others; nothing is seeded, set or changed."""
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
    contents, own = _contents(problem), _contents(estimator)
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
        if changed := _changed(contents, _contents(problem)):
            yield Fault("inputs", f"{step} changes the problem: {changed}")
            return
        if changed := _changed(own, _contents(estimator)):
            yield Fault("inputs", f"{step} changes the estimator: {changed}")
            return


def _contents(thing: Any, depth: int = _DEPTH, name: str = "") -> dict[str, Any]:
    """All that an object holds, by name: copies of its tensors, the rest as it is."""
    found: dict[str, Any] = {}
    for key, value in vars(thing).items():
        if key.startswith("_") or key in _cached(type(thing)):
            continue  # what it has computed once, and keeps
        path = f"{name}.{key}" if name else key
        if isinstance(value, Tensor):
            found[path] = value.detach().clone()
        elif depth > 1 and hasattr(value, "__dict__") and not isinstance(value, type):
            found |= _contents(value, depth - 1, path)
        else:
            found[path] = copy.copy(value) if isinstance(value, list | dict | set) else value
    return found


def _cached(cls: type) -> set[str]:
    return {
        name
        for base in cls.__mro__
        for name, value in vars(base).items()
        if type(value).__name__ == "cached_property"
    }


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """The name of something that differs; empty if nothing does."""
    if more := before.keys() ^ after.keys():
        return sorted(more)[0]
    for name, value in before.items():
        same = (
            value.shape == after[name].shape and torch.equal(value, after[name])
            if isinstance(value, Tensor) and isinstance(after[name], Tensor)
            else value is after[name] or (isinstance(value, list | dict | set) and value == after[name])
        )
        if not same:
            return name
    return ""
