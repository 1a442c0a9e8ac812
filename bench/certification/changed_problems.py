"""Problems changed in a way of which the effect on the gradient is known."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution

from bench.policy import PolicyProblem
from bench.problem import MultiSampleProblem, NotApplicable, Problem, VariationalProblem

# Every method of the contract that is given θ last but one or last, by the place of θ among its arguments.
_PLACE_OF_THETA = {
    "distribution": 0,
    "cost": 1,
    "relaxed_cost": 1,
    "cost_terms": 1,
    "log_joint": 1,
    "log_weights": 1,
    "rewards": 1,
    "values": 1,
    "behavior": 0,
    "reference": 0,
    "analytic_term": 0,
    "expectation": 0,
    "expectation_check": 0,
}


def constant(problem: Problem, value: float) -> Problem:
    """A problem whose cost is a constant, and without a part that is known: F is that number."""
    log_probs = getattr(problem, "log_probs", None)  # of several samples

    def cost(x: Tensor, theta: Tensor) -> Tensor:
        # What is differentiated has a graph, as it has with any cost.
        return 0 * problem.cost(x, theta) + value

    def relaxed_cost(points: Tensor, theta: Tensor) -> Tensor:
        return 0 * problem.relaxed_cost(points, theta) + value

    def cost_terms(x: Tensor, theta: Tensor) -> tuple[None, Tensor] | None:
        terms = problem.cost_terms(x, theta)
        return None if terms is None else (None, 0 * terms[1] + value)

    def log_joint(x: Tensor, theta: Tensor) -> Tensor:
        p = problem.distribution(theta)
        found: Tensor = p.log_prob(x) if log_probs is None else log_probs(x, p)
        return found - value

    def log_weights(x: Tensor, theta: Tensor) -> Tensor:
        weights: Tensor = _of(problem, "log_weights")(x, theta)
        return 0 * weights - value

    def rewards(x: Tensor, theta: Tensor) -> Tensor:
        return _at_first(0 * _of(problem, "rewards")(x, theta), value)

    def values(x: Tensor, theta: Tensor) -> Tensor:
        return _at_first(0 * _of(problem, "values")(x, theta), value)

    def expectation(theta: Tensor) -> Tensor:
        return 0 * theta.sum(1) + value

    return _with(
        problem,
        _kl_weight(problem, 0.0),
        rewards=rewards,
        values=values,
        cost=cost,
        relaxed_cost=relaxed_cost,
        cost_terms=cost_terms,
        analytic_term=lambda *_: None,
        log_joint=log_joint,
        log_weights=log_weights,
        expectation=expectation,
        expectation_check=expectation,
    )


def shifted(problem: Problem, value: float) -> Problem:
    """A problem whose cost is f plus a constant; of a bound the density is divided by its exponential."""

    def cost_terms(x: Tensor, theta: Tensor) -> tuple[Tensor | None, Tensor] | None:
        # As many constants as there are terms: their sum does not matter, as what depends on nothing.
        terms = problem.cost_terms(x, theta)
        return None if terms is None else (terms[0], terms[1] + value)

    return _with(
        problem,
        {},
        rewards=lambda x, theta: _at_first(_of(problem, "rewards")(x, theta), value),
        values=lambda x, theta: _at_first(_of(problem, "values")(x, theta), value),
        cost_terms=cost_terms,
        cost=lambda x, theta: problem.cost(x, theta) + value,
        relaxed_cost=lambda points, theta: problem.relaxed_cost(points, theta) + value,
        log_joint=lambda x, theta: _of(problem, "log_joint")(x, theta) - value,
        log_weights=lambda x, theta: _of(problem, "log_weights")(x, theta) - value,
        expectation=lambda theta: problem.expectation(theta) + value,
        expectation_check=lambda theta: problem.expectation_check(theta) + value,
    )


def scaled(problem: Problem, factor: float) -> Problem:
    """A problem whose cost is f times a constant, and so is what is known without sampling."""

    def cost_terms(x: Tensor, theta: Tensor) -> tuple[Tensor | None, Tensor] | None:
        terms = problem.cost_terms(x, theta)
        return None if terms is None else (None if terms[0] is None else factor * terms[0], factor * terms[1])

    def analytic_term(theta: Tensor, p: Distribution) -> Tensor | None:
        term = problem.analytic_term(theta, p)
        return None if term is None else factor * term

    def none(*_: Tensor) -> Tensor:
        raise NotApplicable("a bound times a constant is no bound")

    return _with(
        problem,
        _kl_weight(problem, factor),
        rewards=lambda x, theta: factor * _of(problem, "rewards")(x, theta),
        values=lambda x, theta: factor * _of(problem, "values")(x, theta),
        cost=lambda x, theta: factor * problem.cost(x, theta),
        relaxed_cost=lambda points, theta: factor * problem.relaxed_cost(points, theta),
        cost_terms=cost_terms,
        analytic_term=analytic_term,
        log_joint=none,
        log_weights=none,
        expectation=lambda theta: factor * problem.expectation(theta),
        expectation_check=lambda theta: factor * problem.expectation_check(theta),
    )


def twice(problem: Problem) -> Problem:
    """A problem with each coordinate of θ twice, `[2P]`: the other problem is at the mean of both."""
    P = len(problem.theta)

    def at_the_mean(name: str, place: int) -> Callable[..., Any]:
        def answered(*args: Any) -> Any:
            theta = args[place]
            return _of(problem, name)(*args[:place], (theta[:, :P] + theta[:, P:]) / 2, *args[place + 1 :])

        return answered

    changed = _with(problem, {}, **{name: at_the_mean(name, i) for name, i in _PLACE_OF_THETA.items()})
    changed.theta = torch.cat([problem.theta, problem.theta])
    changed.sinusoidal = False  # at half the angle
    blocks = dict(problem.parameters)
    again = {f"{name} again": slice(at.start + P, at.stop + P) for name, at in blocks.items()}
    changed.parameters = {**blocks, **again}
    return changed


def _of(problem: Problem, name: str) -> Callable[..., Any]:
    method: Callable[..., Any] = getattr(problem, name)
    return method


def _at_first(rewards: Tensor, value: float) -> Tensor:
    """Rewards, or values, with so much more at the first token, which every answer has, `[N, R, (B,) T]`."""
    return torch.cat([rewards[..., :1] + value, rewards[..., 1:]], -1)


def _kl_weight(problem: Problem, factor: float) -> dict[str, float]:
    """The weight of the divergence from a reference policy, which is a part of F."""
    return {"kl_weight": factor * problem.kl_weight} if isinstance(problem, PolicyProblem) else {}


_OF_A_KIND: Mapping[Any, tuple[str, ...]] = {
    MultiSampleProblem: ("log_weights",),
    VariationalProblem: ("log_joint",),
    PolicyProblem: ("rewards", "values", "behavior", "reference"),
}


def _with(problem: Problem, numbers: Mapping[str, float], **methods: Callable[..., Any]) -> Problem:
    """A copy with other numbers and methods; the problem itself goes on calling its own."""
    copied = copy.copy(problem)
    absent = {name for kind, names in _OF_A_KIND.items() if not isinstance(problem, kind) for name in names}
    vars(copied).update(numbers)
    vars(copied).update({name: method for name, method in methods.items() if name not in absent})
    return copied
