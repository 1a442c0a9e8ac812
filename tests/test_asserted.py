"""Assertions on losses in tests: one without bias passes, one whose bias shows does not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal

from bench.auditing.asserted import Audited
from tests.parameters import spread

THETA = torch.tensor(2.0, requires_grad=True)


def off_by(part: float) -> Callable[[], Tensor]:
    """A loss whose gradient is so much larger than 4, that of E z²."""
    return lambda: (1 + part) * (Normal(THETA, 1.0).rsample((16,)) ** 2).mean()


def audited(part: float) -> Audited:
    return Audited({"mine": off_by(part)}, THETA, {}, 1e-4)


@pytest.mark.parametrize("within", spread([0.05, 0.02, 0.2], 1))
def test_a_loss_without_bias_passes(within: float) -> None:
    audited(0.0).assert_unbiased(against=[4.0], within=within)


@pytest.mark.parametrize(("part", "within"), [(0.08, 0.05), (-0.08, 0.05), (0.17, 0.1), (0.08, 0.2)])
def test_a_bias_that_shows_does_not(part: float, within: float) -> None:
    with pytest.raises(AssertionError, match="mine: biased: the bias is"):
        audited(part).assert_unbiased(against=[4.0], within=within)
