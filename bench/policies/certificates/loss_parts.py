"""The parts of a policy loss: what its advantages do, and what it does without them."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from bench.policies.certificates.foreign_calls import LossCalls
from bench.policies.certificates.measured import Measured, measured
from bench.policies.certificates.outcomes import Outcomes
from bench.policies.certificates.update_weights import weights_of_loss


@dataclass(frozen=True, eq=False)
class Parts:
    """A policy loss in a setting.

    Attributes:
        whole: the loss as it is.
        held: with advantages of 0: what is left is to hold the policy near the reference.
        policy: the difference, which is due to the advantages.
    """

    whole: Measured
    held: Measured
    policy: Measured

    @property
    def outcomes(self) -> Outcomes:
        """All batches of answers."""
        return self.whole.outcomes


def parts_of(calls: LossCalls, outcomes: Outcomes) -> Parts:
    """Return the parts of a loss in a setting.

    Raises:
        Faulty: if the loss cannot be used.
    """
    advantages = outcomes.leave_one_out
    whole = weights_of_loss(calls, outcomes, advantages)
    held = weights_of_loss(calls, outcomes, torch.zeros_like(advantages))
    return Parts(measured(outcomes, whole), measured(outcomes, held), measured(outcomes, whole - held))


def without_padding(part: Measured) -> Measured:
    """Return an update without what it does to padding."""
    return measured(part.outcomes, part.weights * part.outcomes.mask)


def heeds_padding(part: Measured) -> bool:
    """Whether an update depends on tokens after the end of an answer."""
    # What is no number there is told of as such.
    outside = (part.outcomes.mask == 0) & part.weights.isfinite()
    return bool((part.weights[outside] != 0).any())
