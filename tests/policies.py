"""Exact moments of updates of policies, for the tests of them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from bench.catalogue import build
from bench.exact import single_draws
from bench.exact_items import item_draws
from bench.problem import NotApplicable, Problem
from bench.statistics.known import ExactMoments


def policy(name: str, **options: Any) -> Problem:
    """A problem of a policy, in float64 on the CPU."""
    problem: Problem = build("problems", name, options)
    return problem.to("cpu", torch.float64)


def exact(problem: Problem, N: int, name: str = "group_policy", **options: Any) -> ExactMoments:
    """The moments of an update of N answers to each prompt, as the engine asks for them."""
    estimator = build("estimators", name, options)
    fitted = estimator.fitted(problem, problem.theta[None].clone().requires_grad_(), N)
    blocks = {"all": slice(0, len(problem.theta))}
    try:
        draws = single_draws(problem, blocks)[0]
    except NotApplicable:
        found: ExactMoments = fitted.exact_moments_of_items(item_draws(problem, blocks), N)
        return found
    of_one: ExactMoments = fitted.exact_moments(draws, N)
    return of_one


def gradient(problem: Problem) -> Tensor:
    """∇F by enumeration, `[P]`."""
    theta = problem.theta[None].clone().requires_grad_()
    (found,) = torch.autograd.grad(problem.expectation(theta).sum(), theta)
    return found[0]
