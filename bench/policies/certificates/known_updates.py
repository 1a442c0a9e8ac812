"""Updates that go by a name, each composed of the parts of `group_policy`, and their exact means."""

from __future__ import annotations

import copy
import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from bench import catalogue
from bench.policies.answers import Answers
from bench.policies.certificates.outcomes import Outcomes
from bench.problem import NotApplicable

Options = Mapping[str, Any]


@dataclass(frozen=True)
class Known:
    """An update that is known.

    Attributes:
        name: what it ascends, or what is wrong with it; several may share one.
        by: by what it is recognized in code.
        off_policy: what is to be added to the name where answers come from an older policy.
        options: of `group_policy`, as JSON; empty for a rule of `RULES`.
        rule: the name of a rule.
        nonnegative: whether it is defined for rewards of at least 0 only.
    """

    name: str
    by: str
    off_policy: str = ""
    options: str = ""
    rule: str = ""
    nonnegative: bool = False

    def named(self, off_policy: bool) -> str:
        """The name, where answers come from an older policy in some settings or in none."""
        parts = [self.name, self.off_policy if off_policy else ""]
        return ", ".join(part for part in parts if part)


@functools.cache
def mean_of(known: Known, outcomes: Outcomes, weight: float = 0.0) -> Tensor | None:
    """Return the exact mean of a known update, `[P]`; None where it is not defined.

    Args:
        known: the update.
        outcomes: of a setting.
        weight: of the divergence from the reference policy.
    """
    found = moments_of(known, outcomes, weight)
    return None if found is None else found[0]


def moments_of(known: Known, outcomes: Outcomes, weight: float = 0.0) -> tuple[Tensor, float] | None:
    """Return mean, `[P]`, and total variance of a known update; None where it is not defined."""
    if known.nonnegative and bool((outcomes.rewards < 0).any()):
        return None
    log_prob = outcomes.answers.log_prob.clone().requires_grad_()
    answers = outcomes.answers._replace(log_prob=log_prob)
    with torch.enable_grad():
        try:
            ascended = _ascended(known, outcomes, answers, weight)
        except NotApplicable:
            return None
        if ascended is None:
            return None
        (slopes,) = torch.autograd.grad(ascended.sum(), log_prob)  # [G, M, B, T]
    return outcomes.moments(slopes.permute(1, 2, 0, 3) * outcomes.mask)


def _ascended(known: Known, outcomes: Outcomes, answers: Answers, weight: float) -> Tensor | None:
    """The surrogate of each batch, `[M]`."""
    if known.rule:
        return -weight * RULES[known.rule](answers)
    update = _built(known.options)
    if outcomes.setting.group_size < update.minimum_sample_size:
        return None
    problem = copy.copy(outcomes.setting.problem)
    problem.kl_weight = weight
    found: Tensor = update.ascended(problem, answers)
    return found


@functools.cache
def _built(options: str) -> Any:
    return catalogue.build("estimators", "group_policy", json.loads(options))


def composed(name: str, by: str, options: Options, **more: Any) -> Known:
    """Return an update that is composed of the parts of `group_policy`."""
    return Known(name, by, options=json.dumps(options, sort_keys=True), **more)


def _token_rule(value: Callable[[Tensor], Tensor]) -> Callable[[Answers], Tensor]:
    """A divergence in the reward of each token, which counts for that token alone."""

    def rule(answers: Answers) -> Tensor:
        assert answers.reference is not None
        cost = value(answers.log_prob - answers.reference).detach() * answers.log_ratio.exp().detach()
        return (cost * answers.log_prob).sum(-1).mean(0).mean(-1)

    return rule


RULES: Mapping[str, Callable[[Answers], Tensor]] = {
    "k3 in the reward of its token": _token_rule(lambda log_ratio: (-log_ratio).expm1() + log_ratio),
    "k2 in the reward of its token": _token_rule(lambda log_ratio: log_ratio.square() / 2),
}
"""Rules that `group_policy` does not have, with a weight of 1."""

BY_SEQUENCE = {"ratio": {"importance": {"level": "sequence"}}}
_LEAVE_ONE_OUT = composed("the mean reward", "leave-one-out with ratios of sequences", BY_SEQUENCE)
_WITH_DIVERGENCE = composed(
    "the mean reward less the divergence",
    "leave-one-out with ratios of sequences and k1 in the reward",
    {**BY_SEQUENCE, "divergence": {"k1": {"place": "reward"}}},
)


@functools.cache
def leave_one_out_moments(outcomes: Outcomes, weight: float = 0.0) -> tuple[Tensor, float] | None:
    """Return mean and variance of leave-one-out, which is unbiased; None for groups of a single answer.

    Args:
        outcomes: of a setting.
        weight: of the divergence from the reference policy, which counts in the reward.
    """
    held = outcomes.has_reference and weight
    return moments_of(_WITH_DIVERGENCE if held else _LEAVE_ONE_OUT, outcomes, weight)
