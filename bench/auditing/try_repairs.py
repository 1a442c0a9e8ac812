"""The search for a repair: single changes tried on few replicates, and what is left on many."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any

import torch
from torch import Tensor

from bench.auditing.own_calls import Site, Tracing
from bench.auditing.repairs import Repair, repaired, repairs_of
from bench.diagnosing.factor import Size, factor
from bench.diagnosing.finding import Finding
from bench.diagnosing.fresh import Fresh
from bench.statistics.verdict import bias_interval
from bench.text.words import listed

# Replicates by which most changes are ruled out, and how many changes are tried at most.
_FEW, _MOST = 128, 200
_RULED_OUT, _CONTRADICTED = 1e-6, 1e-2
# The part of the bias that a repair may leave, for sure.
_LEFT = 0.25
_MOST_NAMED = 3
# The kinds of changes that say most of a fault: they are told before others that come to the same.
_FIRST = ("own sample", "wrong axis", "double counting", "no path", "detach too many", "wrong distribution")
# What may come to the same by chance, where another kind mends too.
_ALSO = (
    "wrong distribution", "no score", "variance", "discount", "upside down", "division", "mean of logarithms",
    "dependent baseline",
)  # fmt: skip
# Replicates are multiplied until they tell, up to so many.
MORE, ENOUGH = 4, 60_000
# Seconds for the changes that few replicates rule out.
_SECONDS = 30.0

Estimates = Callable[[Callable[[Any], Any], int], Tensor]
"""Estimates `[R, P]` of a loss that was changed by a function, on the random numbers of the fresh ones."""


def sites_of(estimates: Estimates) -> list[Site]:
    """The calls of torch in a loss's own code, in the order of one row."""
    traced: list[list[Site]] = []

    def changed(loss: Callable[..., Any]) -> Callable[..., Any]:
        def tracing(*batch: Any) -> Any:
            with Tracing() as tracer:
                value = loss(*batch)
            traced.append(tracer.sites)
            return value

        return tracing

    estimates(changed, 1)
    return traced[0] if traced else []


def repair(
    label: str,
    sites: Sequence[Site],
    fresh: Fresh,
    more: Callable[[int], Fresh | None],
    estimates: Estimates,
    seconds: float,
) -> Finding | None:
    """The finding that one change of the loss's own code makes its gradient right; None if none does.

    Args:
        label: of the loss.
        sites: the calls in its own code.
        fresh: its estimates beside what is right.
        more: so many of them, unless that takes too long.
        estimates: of a changed loss.
        seconds: that one estimate takes.
    """
    few = min(_FEW, len(fresh.suspect))
    most = min(_MOST, int(_SECONDS / (few * seconds))) if seconds > 0 else _MOST
    tried = islice(repairs_of(sites), most)
    open_, found = [one for one in tried if _may_mend(one, fresh, estimates)], list[Repair]()
    while open_:
        judged = {id(one): _mends(one, fresh, estimates) for one in open_}
        found += [one for one in open_ if judged[id(one)]]
        open_ = [one for one in open_ if judged[id(one)] is None]
        count = MORE * len(fresh.suspect)
        clearer = more(count) if open_ and len(fresh.suspect) < ENOUGH else None
        if clearer is None:
            break
        fresh = clearer
    if not found:
        return None
    found = [one for one in found if one.kind not in _ALSO] or found
    found.sort(key=lambda each: _FIRST.index(each.kind) if each.kind in _FIRST else len(_FIRST))
    lines = dict.fromkeys(f"{each.site.place}: {each.words}" for each in found)
    told = listed([*lines], "or", most=_MOST_NAMED)
    names = tuple(dict.fromkeys(f"{each.kind}, line {each.site.line}" for each in found))
    return Finding(label, "repair", f"one change makes it right: {told}", names)


def divided(
    label: str, sites: Sequence[Site], fresh: Fresh, sizes: Sequence[Size], estimates: Estimates
) -> Finding | None:
    """The finding that without one division the gradient is a usual multiple of the truth; None otherwise."""
    for one in repairs_of(sites):
        if one.kind == "division" and _changes_anything(one, fresh, estimates):
            rows = estimates(partial(repaired, repair=one), len(fresh.suspect))
            found = factor(label, replace(fresh, suspect=rows), sizes)
            if found is not None and found.names:
                said = f"{one.site.place}: {one.words}; without it {found.text}"
                return Finding(label, "repair", said, (f"{one.kind}, line {one.site.line}", *found.names))
    return None


def _changes_anything(one: Repair, fresh: Fresh, estimates: Estimates) -> bool:
    few = min(_FEW, len(fresh.suspect))
    try:
        rows = estimates(partial(repaired, repair=one), few)
    except Exception:  # noqa: BLE001 - see `_may_mend`
        return False
    return not torch.allclose(rows, fresh.suspect[:few], rtol=1e-5, atol=0, equal_nan=True)


def _may_mend(one: Repair, fresh: Fresh, estimates: Estimates) -> bool:
    """Whether few replicates do not rule a repair out, and it changes anything."""
    few = min(_FEW, len(fresh.suspect))
    part = Fresh(fresh.suspect[:few], fresh.right[:few], fresh.truth, fresh.blocks)
    try:
        rows = estimates(partial(repaired, repair=one), few)
    except Exception:  # noqa: BLE001 - a change may make shapes that do not fit; then it is no repair
        return False
    same = torch.allclose(rows, part.suspect, rtol=1e-5, atol=0, equal_nan=True)
    return not same and not part.p(suspect=rows) < _RULED_OUT


def _mends(one: Repair, fresh: Fresh, estimates: Estimates) -> bool | None:
    """Whether a repair leaves no bias that matters; None if more replicates must tell.

    One in a hundred that mend is doubted by chance, and with more replicates no longer.
    """
    rows = estimates(partial(repaired, repair=one), len(fresh.suspect))
    if fresh.p(suspect=rows) < _RULED_OUT:
        return False
    return leaves_no_bias(rows, fresh) or None


def leaves_no_bias(rows: Tensor, fresh: Fresh) -> bool:
    """Whether estimates `[R, P]` show no bias, and for sure a small part at most of that of the suspect."""
    bias, left = bias_interval(fresh.off()["all"]), bias_interval(fresh.off(suspect=rows)["all"])
    is_small = max(abs(left.low), abs(left.high)) <= _LEFT * abs(bias.value)
    return is_small and fresh.p(suspect=rows) >= _CONTRADICTED
