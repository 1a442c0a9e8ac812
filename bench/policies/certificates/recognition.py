"""The recognition of an update by its exact means, and what is said of one that is not recognized."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.policies.certificates.known_updates import Known, leave_one_out_moments
from bench.policies.certificates.measured import Measured
from bench.policies.certificates.multiples import TOLERANCE, Multiple, multiple_of
from bench.policies.certificates.outcomes import Outcomes
from bench.text.numbers import significant
from bench.text.words import listed

# Settings in which a known update must be defined to be recognized.
_FEWEST = 3
# The part by which an update may be off and is still told to be near.
_NEAR = 0.01


@dataclass(frozen=True)
class Recognized:
    """Known updates whose exact means are the given ones in all settings in which they are defined.

    Attributes:
        names: of them; several where they cannot be told apart.
        by: by what they are recognized in code.
        multiple: of them.
    """

    names: tuple[str, ...]
    by: str
    multiple: Multiple

    @property
    def name(self) -> str:
        """The name, or the names."""
        return listed(self.names, "or")

    @property
    def ascends(self) -> str:
        """The beginning of a sentence."""
        if self.multiple.factor < 0:
            return f"Descends {self.name}"
        times = "" if self.multiple.is_one else f"{self.multiple.text} times "
        return f"Ascends {times}{self.name}"


def recognized_in(
    found: Sequence[Measured], known: Iterable[Known], mean_of: Callable[[Known, Outcomes], Tensor | None]
) -> Recognized | None:
    """Return the known updates with the means of an update, up to a multiple; None if there is none.

    Args:
        found: the update in each setting.
        known: those that it may be.
        mean_of: the mean of one of these, `[P]`; None where it is not defined.
    """
    means, sizes = [each.mean for each in found], [each.sizes for each in found]
    off_policy = any(each.outcomes.off_policy for each in found)
    fits: list[tuple[Known, Multiple]] = []
    for each in known:
        own = [mean_of(each, one.outcomes) for one in found]
        if sum(one is not None for one in own) >= min(_FEWEST, len(found)):
            multiple = multiple_of(means, own, sizes)
            if multiple is not None:
                fits.append((each, multiple))
    fits = [fit for fit in fits if fit[1].is_one] or [fit for fit in fits if fit[1].sizes == fits[0][1].sizes]
    if not fits:
        return None
    names = dict.fromkeys(each.named(off_policy) for each, _ in fits)
    return Recognized(tuple(names), fits[0][0].by, fits[0][1])


def nearest_to(
    found: Sequence[Measured], known: Iterable[Known], mean_of: Callable[[Known, Outcomes], Tensor | None]
) -> str:
    """Say which known update an update without a name is near to; empty if it is near to none."""
    distances = [(_distance(found, lambda one: one.of_rewards), "the mean reward", "")]
    off_policy = any(each.outcomes.off_policy for each in found)
    for each in known:
        distance = _distance(found, functools.partial(mean_of, each))
        distances.append((distance, each.named(off_policy), f": {each.by}"))
    distance, name, by = min(distances)
    return f"; it is within {significant(distance, 2)} of {name}{by}" if distance < _NEAR else ""


def _distance(found: Sequence[Measured], mean_of: Callable[[Outcomes], Tensor | None]) -> float:
    """The largest distance of an update from another in a setting, as a part of that one's size."""
    own = [(each.mean, other) for each in found if (other := mean_of(each.outcomes)) is not None]
    if len(own) < min(_FEWEST, len(found)):
        return math.inf
    return max(
        float((mean - other).abs().max() / other.abs().max().clamp(min=TOLERANCE)) for mean, other in own
    )


def vanish(found: Sequence[Measured]) -> bool:
    """Whether the mean of an update is 0 in all settings."""
    largest = max(float(each.mean.abs().max()) for each in found)
    size = max(float(torch.where(each.weights.isfinite(), each.weights, 0.0).abs().max()) for each in found)
    return largest <= TOLERANCE * min(1.0, size)


def largest_bias(found: Sequence[Measured]) -> str:
    """Say how far from the truth an update is, where it is farthest."""
    parts = [
        (float((each.mean - each.outcomes.of_rewards).norm() / each.outcomes.of_rewards.norm()), each)
        for each in found
    ]
    part, worst = max(parts, key=lambda pair: pair[0])
    return f"its bias is up to {significant(part)} of the gradient's norm ({worst.outcomes.setting.name})"


def noise_of(found: Sequence[Measured], weight: float = 0.0) -> str:
    """Say how noisy an update is beside leave-one-out."""
    ratios = []
    for each in found:
        own = leave_one_out_moments(each.outcomes, weight)
        if own is not None:
            ratios.append(each.variance / own[1])
    if not ratios:
        return "in groups of a single answer"
    low, high = min(ratios), max(ratios)
    if max(abs(low - 1), abs(high - 1)) < TOLERANCE:
        return "with the variance of leave-one-out"
    return f"with {significant(low)} to {significant(high)} times the variance of leave-one-out"
