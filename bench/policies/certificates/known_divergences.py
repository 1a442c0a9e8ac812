"""Parts of losses that are to hold a policy near its reference, and that go by a name."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from bench.policies.certificates.known_updates import BY_SEQUENCE, Known, composed, mean_of
from bench.policies.certificates.outcomes import Outcomes

K3_REWARD = "[∇KL(π‖π_ref) - ∇KL(π_ref‖π)]"
NOTHING = "nothing on average"
# The mean of ∇ log π under the older policy is π_old − π, of one token.
_AWAY = "but moves away from the older policy that answers came from"
_SHORT = {"none": "", "own": "length-normalized", "mean": "with the token mean"}
_TOKENWISE = "KL(π‖π_ref) of each token, without what a token does to later ones"
_FORWARD = "the forward divergence KL(π_ref‖π) of each token"
_UNNAMED = "no divergence"
_AS_LOSSES = {
    # Those without a ratio first: on policy others have the same means.
    ("k1", "none"): (NOTHING, "k1 as a loss"),
    ("k2", "none"): (_TOKENWISE, "k2 as a loss"),
    ("k3", "none"): (_FORWARD, "k3 as a loss"),
    ("k1", "live"): (_TOKENWISE, "k1 as a loss with a differentiated ratio"),
    ("k2", "detached"): (_TOKENWISE, "k2 as a loss with a fixed ratio"),
    ("k2", "live"): (_UNNAMED, "k2 as a loss with a differentiated ratio"),
    ("k3", "detached"): (_FORWARD, "k3 as a loss with a fixed ratio"),
    ("k3", "live"): (_TOKENWISE, "k3 as a loss with a differentiated ratio"),
}


def _of_divergences() -> Iterator[Known]:
    for ((kind, ratio), (name, by)), (length, said) in itertools.product(_AS_LOSSES.items(), _SHORT.items()):
        options = {"divergence": {kind: {"place": "loss", "ratio": ratio}}, "length": length}
        off_policy = "" if ratio != "none" else _AWAY if name == NOTHING else "not corrected off policy"
        yield composed(f"{name}, {said}" if said else name, by, options, off_policy=off_policy)
    for kind, name in (("k2", _UNNAMED), ("k3", K3_REWARD)):
        yield composed(
            name, f"{kind} in the reward", {**BY_SEQUENCE, "divergence": {kind: {"place": "reward"}}}
        )
        rule = f"{kind} in the reward of its token"
        yield Known(f"{name} of each token", rule, rule=rule)


OF_DIVERGENCES = tuple(_of_divergences())
"""Parts of losses that are to hold the policy near the reference, with a weight of 1."""


@functools.cache
def divergence_mean(known: Known, outcomes: Outcomes) -> Tensor | None:
    """Return the exact mean of minus the gradient of a divergence part with a weight of 1, `[P]`."""
    if not outcomes.has_reference and known.rule:
        return torch.zeros_like(outcomes.of_rewards)
    if not outcomes.has_reference:
        # With the policy itself for a reference, as the loss is given it.
        outcomes = _with_own_reference(outcomes)
    with_it, without = mean_of(known, outcomes, 1.0), mean_of(known, outcomes, 0.0)
    return None if with_it is None or without is None else with_it - without


@functools.cache
def _with_own_reference(outcomes: Outcomes) -> Outcomes:
    own = outcomes.answers.log_prob.detach()
    return replace(outcomes, answers=outcomes.answers._replace(reference=own))
