"""Policy parts of losses that go by a name, for advantages that are rewards less the mean of the others."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from bench.policies.certificates.known_updates import Known, composed
from bench.policies.certificates.ratio_bounds import Bounds

_LENGTHS = {
    "none": "",
    "own": "length-normalized objective (1/|o|: each token of a short answer counts more)",
    "mean": "token mean (all tokens of the batch count the same, so that long answers count more)",
}
_CLIPS = ((0.2, 0.2), (0.2, 0.28), (3e-4, 4e-4))
_CAPS = (1.0, 2.0)
_LEVELS = {"token": "of tokens", "sequence": "of sequences", "geometric": "of GSPO"}


def known_losses(bounds: Bounds) -> tuple[Known, ...]:
    """Return the policy parts that a loss may have.

    Args:
        bounds: of the ratio in the loss; some that are in use are looked at in any case.
    """
    found = []
    for (ratio, options), (length, said) in itertools.product(_ratios(bounds), _LENGTHS.items()):
        if ratio or said:
            off_policy = f"biased off policy: {ratio}" if ratio else ""
            parts = {"ratio": options, "length": length}
            found.append(composed(said, ratio or said, parts, off_policy=off_policy))
    return tuple(dict.fromkeys(found))


def _ratios(bounds: Bounds) -> Iterator[tuple[str, Any]]:
    """Rules for the ratio, as text and as an option; without a text that which is right."""
    yield "no correction off policy", "none"
    yield "", {"importance": {"level": "sequence"}}
    yield "ratios of single tokens", {"importance": {"level": "token"}}
    yield "ratios of prefixes", {"importance": {"level": "prefix"}}
    yield "geometric mean of the ratios (GSPO without a clip)", {"importance": {"level": "geometric"}}
    yield "self-normalized ratios of sequences", {"self_normalized": {}}
    for level, word in _LEVELS.items():
        for low, high in [*_CLIPS, *([bounds.clip] if bounds.clip else [])]:
            options = {"level": level, "low": low, "high": high}
            yield f"clipped ratio {word} (-{low:g}, +{high:g})", {"clipped": options}
        for cap in [*_CAPS, *([bounds.cap] if bounds.cap else [])]:
            yield f"truncated ratio {word} (at most {cap:g})", {"truncated": {"level": level, "cap": cap}}
        for cap in [*_CAPS, *([bounds.mask] if bounds.mask else [])]:
            yield f"masked ratio {word} (none above {cap:g})", {"masked": {"level": level, "cap": cap}}
        for low, high in [*_CLIPS[:2], *_between(bounds)]:
            said = f"clipped weight {word}, not differentiated (CISPO, -{low:g}, +{high:g})"
            yield said, {"cispo": {"level": level, "low": low, "high": high}}


def _between(bounds: Bounds) -> list[tuple[float, float]]:
    """The distances below and above 1 from which on a weight is constant."""
    if bounds.cap is None or bounds.floor is None or not bounds.floor <= 1 <= bounds.cap:
        return []
    return [(round(1 - bounds.floor, 9), round(bounds.cap - 1, 9))]
