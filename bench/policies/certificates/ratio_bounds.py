"""The ratios at which a policy loss is clipped, masked or truncated, found by calls with a single token."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from bench.policies.certificates.foreign_calls import Faulty, LossCalls

# A ratio beyond all bounds that are in use, and steps of a bisection up to it.
_FAR, _STEPS = 64.0, 56
# Digits of a bound that are kept; that of clip(0.8, 1.2) is 0.19999999999999996 away from 1.
_DIGITS = 9
# Bounds that are as good as none.
_NONE_BELOW, _NONE_ABOVE = 1.0, 1e9


@dataclass(frozen=True)
class Bounds:
    """Bounds of the ratio in a loss, for the kinds of rules that are known.

    Attributes:
        clip: how far below and above 1 the gradient ends, as in PPO; None if it does not end there.
        mask: beyond which ratio there is no gradient, whatever the sign of the advantage.
        cap: beyond which ratio the weight of the score is constant.
        floor: below which ratio the weight of the score is constant.
    """

    clip: tuple[float, float] | None = None
    mask: float | None = None
    cap: float | None = None
    floor: float | None = None


def bounds_of(calls: LossCalls, answers: int) -> Bounds:
    """Return the bounds of a loss, by as many equal answers of one token.

    Args:
        calls: of the loss.
        answers: a multiple of the group size.
    """
    try:
        above = _end(calls, answers, 1.0, upward=True)
        below = _end(calls, answers, -1.0, upward=False)
        mask = _end(calls, answers, -1.0, upward=True)
        cap, floor = (_constant(calls, answers, upward) for upward in (True, False))
    except Faulty:
        return Bounds()
    if mask is not None and above is not None and math.isclose(mask, above):
        return Bounds(mask=round(mask, _DIGITS))
    clip = None
    if above is not None or below is not None:
        low = _NONE_BELOW if below is None else round(1 - below, _DIGITS)
        clip = (low, _NONE_ABOVE if above is None else round(above - 1, _DIGITS))
    return Bounds(clip, None, cap, floor)


def _weight(calls: LossCalls, answers: int, ratio: float, advantage: float) -> float:
    """The weight of the score of an answer over its advantage, less what there is without an advantage."""
    log_probs = torch.full((answers, 1), -1.0, dtype=torch.float64)
    batch = {
        "log_probs": log_probs,
        "old_log_probs": log_probs - math.log(ratio),
        "ref_log_probs": log_probs.clone(),
        "mask": torch.ones_like(log_probs),
    }
    given, none = (torch.full((answers,), each, dtype=torch.float64) for each in (advantage, 0.0))
    with_it = calls.ascent({**batch, "advantages": given})[0]
    without = calls.ascent({**batch, "advantages": none})[0]
    return float(with_it[0, 0] - without[0, 0]) / advantage


def _end(calls: LossCalls, answers: int, advantage: float, upward: bool) -> float | None:
    """The ratio from which on the weight is 0, going up or down from 1; None if it is not 0 far away."""
    inside, outside = 1.0, _FAR if upward else 1 / _FAR
    if _weight(calls, answers, outside, advantage) != 0:
        return None
    for _ in range(_STEPS):
        middle = (inside + outside) / 2
        if _weight(calls, answers, middle, advantage) == 0:
            outside = middle
        else:
            inside = middle
    return outside


def _constant(calls: LossCalls, answers: int, upward: bool) -> float | None:
    """The constant weight at the farthest ratios over that at 1; None if it still changes there, or is 0."""
    far, nearer = (_FAR, _FAR / 1.1) if upward else (1 / _FAR, 1.1 / _FAR)
    own = _weight(calls, answers, 1.0, 1.0)
    first, second = (_weight(calls, answers, each, 1.0) for each in (far, nearer))
    if not own or not first or not math.isclose(first, second, rel_tol=1e-12):
        return None
    found = first / own
    return None if math.isclose(found, 1) else round(found, _DIGITS)
