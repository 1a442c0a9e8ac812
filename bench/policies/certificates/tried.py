"""The settings on which a policy's update is tried: problems of which all groups of answers are known."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from bench import catalogue
from bench.policy import PolicyProblem

MOST_OUTCOMES = 1 << 12
"""The most batches of answers that are enumerated in a setting."""

MOST_ANSWERS = 64
"""The largest group that is tried."""


@dataclass(frozen=True, eq=False)
class Setting:
    """A problem with a group size.

    Attributes:
        name: as it is shown.
        problem: with a weight of 1 for the divergence, where there is a reference policy.
        group_size: G.
        counts: whether it counts for the verdict; groups of a single answer are only told of.
        sorted: whether groups with the same answers in another order stand for one, as there are too many.
    """

    name: str
    problem: PolicyProblem
    group_size: int
    counts: bool = True
    sorted: bool = False


@dataclass(frozen=True, eq=False)
class Family:
    """A problem of the catalogue, and the group sizes with which it is tried.

    Attributes:
        name: as it is shown, without the group size.
        problem: its name in the catalogue.
        options: its options.
        states: the number of answers to a prompt.
        sizes: the group sizes.
        binary: whether rewards are 0 and 1.
        prompts: B.
    """

    name: str
    problem: str
    options: Mapping[str, Any]
    states: int
    sizes: tuple[int, ...]
    binary: bool = False
    prompts: int = 1

    def groups(self, size: int) -> int:
        """The number of batches of groups of a size, in every order."""
        return int(self.states ** (size * self.prompts))

    def sorted_groups(self, size: int) -> int:
        """The number of those that differ whatever the order of answers."""
        return int(math.comb(self.states + size - 1, size) ** self.prompts)


def _right(p: float, *sizes: int) -> Family:
    return Family(f"p = {p:g}", "group_bandit", {"success": p}, 2, sizes, binary=True)


def _bandit(
    name: str,
    states: int,
    sizes: tuple[int, ...],
    binary: bool = False,
    prompts: int = 1,
    **options: Any,
) -> Family:
    return Family(name, "group_bandit", options, states, sizes, binary, prompts)


# An answer ends after token 0, with a reward of 0.25; else its second token is right or wrong.
_TREE = {"length": 2, "end": 0, "reward": "0.25 * (1 - z[0]) + z[0] * z[1]"}


def _tree(name: str, sizes: tuple[int, ...], log_odds: list[float], **options: Any) -> Family:
    return Family(name, "sequence_policy", {**_TREE, "log_odds": log_odds, **options}, 3, sizes)


def _kl(name: str, sizes: tuple[int, ...], **options: Any) -> Family:
    given = {"probs": [0.6, 0.25, 0.15], "reference": [0.3, 0.3, 0.4], "rewards": [1.0, 0.0, 0.5]}
    return Family(name, "kl_regularized", {**given, **options}, 3, sizes)


_GRADED: dict[str, Any] = {"logits": [[0.2, -0.4, 0.5]], "rewards": [0.0, 0.5, 1.0]}
_TWO: dict[str, Any] = {"logits": [[0.2, -0.4, 0.5], [-0.3, 0.6, 0.1]], "rewards": [0.0, 0.5, 1.0]}

OF_REWARDS = (
    _right(0.05, 2, 3, 4, 8),
    _right(0.1, 2, 3, 4, 8),
    _right(0.3, 1, 2, 3, 4, 8),
    _right(0.5, 2, 3, 4, 8),
    _right(0.7, 2, 3, 4, 8),
    _right(0.9, 2, 3, 4, 8),
    _right(0.95, 2, 3, 4, 8),
    _bandit("p = 0.1 and 0.6", 2, (2, 3, 4), binary=True, prompts=2, success=[0.1, 0.6]),
    _bandit("rewards 0, 0.5 and 1", 3, (2, 3, 4), **_GRADED),
    _bandit("two prompts, rewards 0, 0.5 and 1", 3, (2,), prompts=2, **_TWO),
    _bandit("rewards -1 and 1, p = 0.3", 2, (2, 4), success=0.3, rewards=[-1.0, 1.0]),
    _bandit("rewards 2 and 3, p = 0.7", 2, (3,), success=0.7, rewards=[2.0, 3.0]),
    _bandit("rewards -2 and -1.5, p = 0.4", 2, (4,), success=0.4, rewards=[-2.0, -1.5]),
    _bandit("rewards -0.5, 0 and 2", 3, (3,), logits=[[0.1, 0.3, -0.7]], rewards=[-0.5, 0.0, 2.0]),
    # Differences from the others of 35, which advantages that are cut off do not reach.
    _bandit("rewards -15 and 20, p = 0.4", 2, (2,), success=0.4, rewards=[-15.0, 20.0]),
    _tree("one or two tokens", (2, 3, 4), [0.4, -0.3]),
)
"""Those of a function of rewards: answers come from the policy itself."""

OF_TOKENS = (
    _right(0.05, 2, 4),
    _right(0.3, 1, 2, 3, 4, 8),
    _right(0.5, 2, 3),
    _right(0.7, 2, 4),
    _right(0.9, 2, 4),
    _bandit("p = 0.1 and 0.6", 2, (2, 3), binary=True, prompts=2, success=[0.1, 0.6]),
    _bandit("rewards 0, 0.5 and 1", 3, (3,), **_GRADED),
    _bandit("rewards -1 and 1, p = 0.3", 2, (2,), success=0.3, rewards=[-1.0, 1.0]),
    _bandit("rewards -15 and 20, p = 0.4", 2, (2,), success=0.4, rewards=[-15.0, 20.0]),
    _tree("one or two tokens", (2, 3, 4), [0.4, -0.3]),
    _tree("one or two tokens, longer", (2, 3), [1.2, 0.5]),
    # Ratios of 1.26, 1.29 and 2.4, between the ends of clips and caps that are in use.
    _bandit("older policy, p = 0.6", 2, (2, 4), binary=True, success=0.6, behavior=-0.1),
    _bandit("older policy, farther, p = 0.6", 2, (2,), binary=True, success=0.6, behavior=-0.14),
    _bandit("older policy, far, p = 0.6", 2, (2, 3), binary=True, success=0.6, behavior=-1.1),
    _bandit(
        "older policy, p = 0.1 and 0.6",
        2,
        (2,),
        binary=True,
        prompts=2,
        success=[0.1, 0.6],
        behavior=[-2.0, 0.9],
    ),
    _bandit("older policy, rewards 0, 0.5 and 1", 3, (2, 3), **_GRADED, behavior=[[0.0, 0.0, 0.0]]),
    _tree("older policy, one or two tokens", (2, 3, 4), [0.4, -0.3], behavior=[0.0, 0.5]),
    _tree("older policy, far, one or two tokens", (2, 3), [0.4, -0.3], behavior=[-0.8, 0.9]),
    # Ratios of an answer from a thirtieth to sixty, beyond bounds that are there for safety.
    _bandit("older policy, very far, p = 0.6", 2, (2,), binary=True, success=0.6, behavior=-4.4),
    _bandit("older policy, very far, p = 0.02", 2, (2,), binary=True, success=0.02, behavior=0.5),
    _tree("older policy, very far, one or two tokens", (2,), [0.4, -0.3], behavior=[-2.5, 2.5]),
    _kl("reference policy", (2, 3)),
    _tree(
        "reference policy, one or two tokens", (2, 3, 4), [0.4, -0.3], reference=[-0.4, 0.6], kl_weight=1.0
    ),
    _kl("reference and older policy", (2,), behavior=[0.5, 0.2, 0.3]),
    _tree(
        "reference and older policy, one or two tokens",
        (2, 3),
        [0.4, -0.3],
        reference=[-0.4, 0.6],
        behavior=[0.0, 0.5],
        kl_weight=1.0,
    ),
)
"""Those of a loss: also with answers of an older policy, and with a reference policy."""


@functools.cache
def settings_of(
    families: tuple[Family, ...], group_size: int | None = None, binary: bool = False, older: bool = True
) -> tuple[Setting, ...]:
    """Return the settings of some problems.

    Args:
        families: the problems.
        group_size: the only G; None for those that each problem has.
        binary: whether rewards are 0 and 1 only.
        older: whether answers may come from an older policy.
    """
    found = []
    for family in families:
        if (binary and not family.binary) or (not older and "behavior" in family.options):
            continue
        with torch.inference_mode(False):  # what is kept is differentiated later
            problem = catalogue.build("problems", family.problem, family.options)
        for size in family.sizes if group_size is None else (group_size,):
            in_order = family.groups(size) <= MOST_OUTCOMES
            if in_order or family.sorted_groups(size) <= MOST_OUTCOMES:
                counts = size > 1 or group_size == 1
                found.append(Setting(f"{family.name}, G = {size}", problem, size, counts, not in_order))
    return tuple(found)
