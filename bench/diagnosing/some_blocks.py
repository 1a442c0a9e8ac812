"""Blocks of parameters that no gradient reaches, or that alone are biased."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from bench.diagnosing.factor import factor
from bench.diagnosing.finding import Finding
from bench.diagnosing.fresh import Fresh
from bench.statistics.verdict import bias_p
from bench.text.words import listed

_SURE = 1e-4
_MOST_NAMED = 6


def leaves(blocks: Mapping[str, slice]) -> dict[str, slice]:
    """Blocks that contain no other one."""
    return {
        name: place
        for name, place in blocks.items()
        if not any(
            other != place and place.start <= other.start and other.stop <= place.stop
            for other in blocks.values()
        )
    }


def without_gradient(label: str, fresh: Fresh) -> Finding | None:
    """The finding that a gradient is zero in each estimate, in blocks where the truth is not."""
    zero = ~fresh.suspect.ne(0).any(0)  # [P]
    wrong = {
        name: place
        for name, place in {"all": slice(0, len(zero)), **fresh.blocks}.items()
        if bool(zero[place].all()) and _is_not_zero(fresh, place)
    }
    names = [
        name for name, place in wrong.items() if not any(_contains(other, place) for other in wrong.values())
    ]
    if not names:
        return None
    names = ["all"] if "all" in names else names  # a single block is all of them
    where = "the weights" if names == ["all"] else listed([f"`{name}`" for name in names], most=_MOST_NAMED)
    reason = (
        "a draw without a path or a score term, as .sample() where .rsample() is meant, a detach too many, a "
        "term that is missing, or another block in its place"
    )
    if names == ["all"]:
        reason += "; or a baseline that is the whole cost, as the mean over a single sample is"
    return Finding(label, "no gradient", f"no gradient reaches {where}: {reason}", tuple(names))


def _contains(outer: slice, inner: slice) -> bool:
    return outer != inner and outer.start <= inner.start and inner.stop <= outer.stop


def _is_not_zero(fresh: Fresh, place: slice) -> bool:
    rows = fresh.right[:, place]
    if torch.equal(rows, rows[:1].expand_as(rows)):
        return bool(rows[0].ne(0).any())
    zero = Fresh(rows, torch.zeros_like(rows), torch.zeros_like(fresh.truth[place]), {})
    return bias_p(zero.off()["all"]) < _SURE


def biased_blocks(label: str, fresh: Fresh) -> Finding | None:
    """The finding that some blocks are biased while the others are not; None if all are."""
    own = leaves(fresh.blocks)
    if len(own) < 2:
        return None
    evidence = fresh.off()
    p = {name: bias_p(evidence[name]) for name in own}
    biased = [name for name in own if p[name] < _SURE / len(own)]
    if not biased or len(biased) == len(own):
        return None
    names = listed([f"`{name}`" for name in biased], most=_MOST_NAMED)
    said = f"only {names} {'is' if len(biased) == 1 else 'are'} biased, the other blocks are not"
    # Of a block of few weights some name fits by chance: none but those without a size are told.
    told = [(name, factor(label, _part(fresh, own[name]), ())) for name in biased]
    alike: dict[tuple[str, ...], list[tuple[str, str]]] = {}
    for name, each in told:
        if each is not None and each.names:
            alike.setdefault(each.names, []).append((name, each.text))
    for some in alike.values():
        among = listed([f"`{name}`" for name, _ in some], most=_MOST_NAMED)
        said += f"; in {among} {some[0][1]}"
    found = tuple(name for _, each in told if each is not None for name in each.names)
    return Finding(label, "blocks", said, (*biased, *dict.fromkeys(found)))


def _part(fresh: Fresh, place: slice) -> Fresh:
    return Fresh(fresh.suspect[:, place], fresh.right[:, place], fresh.truth[place], {})
