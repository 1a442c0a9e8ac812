"""The form of an estimate: its shape, type and device, finite, and done with its graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import torch
from torch import Tensor

from bench.certification.trial import Trial
from bench.certification.verdicts import Fault
from bench.diagnosing.nonfinite import nonfinite

_ROWS = (1, 5)


def form(trial: Trial) -> Iterator[Fault]:
    """One row and several, in float32 and float64."""
    for dtype in (torch.float32, torch.float64):
        problem = trial.problem(dtype)
        estimator = trial.fitted(problem, trial.sizes[1])
        for rows in _ROWS:
            theta = problem.theta.expand(rows, -1)
            found = trial.drawn(estimator, problem, theta, trial.sizes[1]).estimates
            if faults := list(unlike(found, theta, problem.parameters)):
                at = f" at N = {trial.sizes[1]}"
                yield from (
                    replace(each, message=each.message + at) if each.check == "finite" else each
                    for each in faults
                )
                return


def unlike(estimates: object, theta: Tensor, blocks: Mapping[str, slice]) -> Iterator[Fault]:
    """Return the differences in form between estimates and θ, `[R, P]`; blocks of coordinates are by name."""
    if not isinstance(estimates, Tensor):
        yield Fault("shape", f"gradient gave {type(estimates).__name__}, wanted a tensor")
        return
    if estimates.shape != theta.shape:
        yield Fault("shape", f"estimates have shape {list(estimates.shape)}, wanted {list(theta.shape)}")
        return
    if estimates.dtype != theta.dtype:
        yield Fault("type", f"estimates are {_name(estimates.dtype)} where θ is {_name(theta.dtype)}")
    if estimates.device != theta.device:
        yield Fault("device", f"estimates are on {estimates.device} where θ is on {theta.device}")
        return
    if estimates.requires_grad:
        yield Fault("graph", "estimates hold on to the graph that they came from: detach them")
    if not bool(estimates.isfinite().all()):
        yield Fault("finite", f"{nonfinite('', estimates, blocks).text} in {_name(theta.dtype)}")


def is_fine(estimates: Tensor) -> bool:
    """Whether some estimate in float64 has more digits than float32 holds."""
    return bool((estimates.to(torch.float32).to(estimates.dtype) != estimates).any())


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
