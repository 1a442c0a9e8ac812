"""Places at which an update is no number: for which rewards, as text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from bench.policies.certificates.measured import Measured
from bench.text.numbers import significant

_PLACES: Mapping[str, Callable[[Tensor], Tensor]] = {
    "all rewards of a group are equal": lambda rewards: (rewards.amax(-1) == rewards.amin(-1)).any(-1),
    "all rewards of a group are 0": lambda rewards: (rewards == 0).all(-1).any(-1),
    "the rewards of a group add up to 0": lambda rewards: (rewards.sum(-1).abs() < 1e-9).any(-1),
}
"""A property of rewards, `[M, B, G] -> [M]`."""

# Numbers beyond the first are huge, and below the second nothing but rounding.
_LARGE, _ROUNDING = 1e3, 1e-6


def where_undefined(found: Sequence[Measured]) -> str:
    """Say for which rewards an update is no number; empty if it is one everywhere."""
    if not any(bool(each.undefined.any()) for each in found):
        return ""
    kinds = [each.weights[each.undefined] for each in found]
    word = "NaN" if any(bool(each.isnan().any()) for each in kinds) else "infinite"
    for place, holds in _PLACES.items():
        if all(torch.equal(each.undefined, holds(each.outcomes.rewards)) for each in found):
            return f"{word} where {place}"
    worst = max(found, key=lambda each: each.undefined_probability)
    rewards = worst.outcomes.rewards[worst.undefined][0].tolist()
    share = significant(worst.undefined_probability)
    return f"{word} for some answers, of probability {share} at most, such as those with rewards {rewards}"


def lowered(sentence: str) -> str:
    """Return a sentence as it follows a colon."""
    return sentence[:1].lower() + sentence[1:]


def word_of(values: Tensor) -> str:
    """Say of which kind some numbers are: zero, NaN, infinite, huge, or up to how large."""
    if bool(values.isnan().any()):
        return "NaN"
    if bool(values.isinf().any()):
        return "infinite"
    largest = float(values.abs().max())
    if largest <= _ROUNDING:
        return "zero"
    return f"{'huge' if largest > _LARGE else 'finite'} (up to {significant(largest)})"
