"""Estimators that apply to a problem, and the order in which they came out on problems like it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from bench import catalogue
from bench.distributions.choices import choices_of
from bench.distributions.states import states_of
from bench.engine.granted import evaluations_of
from bench.engine.plan import Experiment
from bench.engine.trials import trial
from bench.errors import Invalid
from bench.judgments import KEPT
from bench.policy import PolicyProblem
from bench.problem import Distribution, MultiSampleProblem, NotApplicable, Problem, VariationalProblem

_MOST_STATES = 1 << 12


@dataclass(frozen=True)
class Candidate:
    """An estimator, with its default options, and whether it applies to a problem.

    Attributes:
        estimator: its name.
        claim: what it says of its bias.
        least: the smallest N for which it is defined.
        evaluations: of f, for one estimate of that N; None where it does not apply.
        reason: why it does not apply; empty if it does.
        remark: for which costs the claim holds, if not for all.
    """

    estimator: str
    claim: str
    least: int
    evaluations: float | None
    reason: str
    remark: str = ""


def candidates(experiment: Experiment) -> list[Candidate]:
    """Return all estimators of the catalogue, those first that apply, as a trial on the problem tells."""
    found = [each for name in catalogue.names("estimators") for each in _candidate(name, experiment)]
    return sorted(found, key=lambda one: (bool(one.reason), one.claim != "unbiased", one.estimator))


def _candidate(name: str, experiment: Experiment) -> Sequence[Candidate]:
    try:
        estimator = catalogue.build("estimators", name, {})
    except Invalid:
        return []  # one without which options nothing can be said
    least = estimator.minimum_sample_size
    status, reason = trial(estimator, experiment)
    if status != "ok":
        return [Candidate(name, estimator.claim(experiment.problem), least, None, reason)]
    cost = evaluations_of(estimator, experiment.problem.reduced(), least)
    remark = "where f does not jump" if estimator.needs_continuity else ""
    return [Candidate(name, estimator.claim(experiment.problem), least, cost, "", remark)]


def features_of(problem: Problem) -> tuple[str, ...]:
    """Return what estimators may ask of a problem and get, as text."""
    reduced = problem.reduced()
    p = reduced.distribution(reduced.theta[None])
    return tuple(words for words, has in _FEATURES.items() if _has(has, reduced, p))


Question = Callable[[Problem, Distribution], object]


def _has(question: Question, problem: Problem, p: Distribution) -> bool:
    try:
        return bool(question(problem, p))
    except (NotApplicable, NotImplementedError):
        return False


def _relaxed(problem: Problem, p: Distribution) -> bool:
    corner = choices_of(p).corner_of(p.sample(torch.Size([1])))
    problem.relaxed_cost(corner, problem.theta[None])
    return True


_FEATURES: Mapping[str, Question] = {
    "x is the answers of a policy": lambda problem, _: isinstance(problem, PolicyProblem),
    "answers are drawn from another policy": (
        lambda problem, _: isinstance(problem, PolicyProblem) and problem.off_policy
    ),
    "x has a path": lambda _, p: p.has_rsample,
    "x consists of choices between two": lambda _, p: choices_of(p).classes == 2,
    "x consists of choices among several": lambda _, p: choices_of(p).classes > 2,
    "x has few values": lambda _, p: len(states_of(p, _MOST_STATES)) > 0,
    "f is defined between the values of x": _relaxed,
    "f splits over the coordinates of x": lambda problem, p: problem.cost_terms(
        p.sample(torch.Size([1])), problem.theta[None]
    ),
    "items of data": lambda _, p: len(p.batch_shape) > 1,
    "a bound on log evidence": lambda problem, _: isinstance(problem, VariationalProblem),
    "several samples within the logarithm": lambda problem, _: isinstance(problem, MultiSampleProblem),
}
"""Feature, as text -> whether a problem has it."""


def kept() -> Mapping[str, Any]:
    """Return what is kept of the shipped scenarios, by name."""
    found: Mapping[str, Any] = json.loads(KEPT.read_text("utf-8"))
    return found


def factor_said(row: Mapping[str, Any], times: str = "") -> str:
    """Return how an estimator came out, as text: biased, without variance, or a factor to the least."""
    if row["biased"]:
        return "biased"
    if row["factor"] == 0:
        return "variance 0"
    return f"{row['factor']:g}{times if row['factor'] != 1 else ''}"


def alike(features: Sequence[str]) -> list[str]:
    """Return the shipped scenarios whose problem has the same features, or else the most in common."""
    shared = {
        name: len(set(features) & set(each["features"])) - len(set(features) ^ set(each["features"]))
        for name, each in kept().items()
    }
    most = max(shared.values(), default=0)
    return [name for name, count in shared.items() if count == most and most > 0]
