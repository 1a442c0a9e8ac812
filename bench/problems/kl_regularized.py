"""The expected reward of one token, less its divergence from a reference policy."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from bench.errors import collected, invalid
from bench.formula.constants import read_constants
from bench.problems.token_tables import TablePolicy, one_row


class KLRegularized(TablePolicy):
    r"""F(θ) = E[r(x)] − β KL(π‖π_ref) of a token x ~ π = softmax(θ).

    .. math:: \nabla F = \pi \circ \left(r - \beta \ell - E_\pi[r - \beta \ell]\right), \quad
        \ell = \log \pi / \pi_{\text{ref}}

    Of C tokens, all of them known with their probabilities; θ are the logarithms of those of the policy. With
    `behavior` answers are drawn from another policy, such as an older one.

    Args:
        probs: π, C numbers, which are divided by their sum.
        reference: π_ref.
        behavior: the policy that tokens are drawn from; by default π.
        rewards: r of each token; by default 0.
        weight: β; negative where the divergence itself is to be ascended.

    References:
        Schulman (2020), Approximating KL divergence.
    """

    def __init__(
        self,
        probs: list[float] = [0.6, 0.25, 0.15],  # noqa: B006 - it is not changed
        reference: list[float] = [0.3, 0.3, 0.4],  # noqa: B006
        behavior: list[float] | None = None,
        rewards: list[float] | None = None,
        weight: float = 1.0,
    ) -> None:
        if not math.isfinite(weight):
            raise invalid(f"weight must be finite, got {weight}", "weight")
        optional = {"behavior": behavior, "rewards": rewards}
        given = {name: value for name, value in optional.items() if value is not None}
        constants = read_constants({"probs": probs, "reference": reference, **given})
        policy = constants["probs"]
        with collected() as faults:
            for name, value in constants.items():
                with faults.under(name):
                    _check(value, policy, name != "rewards")
        held = _log(constants["reference"])
        other = _log(constants["behavior"]) if behavior is not None else None
        super().__init__(_log(policy)[None, None], 1, one_row, behavior=other, reference=held)
        self.reward = constants.get("rewards", torch.zeros_like(policy))  # [C]
        self.kl_weight = weight

    def rewards(self, x: Tensor, theta: Tensor) -> Tensor:
        return self.reward[x.long()]


def _log(probs: Tensor) -> Tensor:
    return (probs / probs.sum()).log()


def _check(values: Tensor, policy: Tensor, probabilities: bool) -> None:
    if values.dim() != 1 or len(values) < 2 or values.shape != policy.shape:
        count = len(policy) if policy.dim() == 1 and len(policy) > 1 else "two or more"
        raise invalid(f"wanted {count} numbers, one for each token, got the shape {list(values.shape)}")
    if probabilities and not bool((values > 0).all()):
        raise invalid("probabilities must be positive")
