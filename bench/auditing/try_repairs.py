"""The search for a repair: single changes tried on few replicates, and what is left on many."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from torch import Tensor

from bench.auditing.finding import Finding
from bench.auditing.fresh import Fresh
from bench.auditing.repairs import Repair, Site, Tracing, repaired, repairs_of
from bench.statistics.verdict import bias_interval
from bench.text.words import listed

# Replicates by which most changes are ruled out, and how many changes are tried at most.
_FEW, _MOST = 128, 200
_RULED_OUT, _CONTRADICTED = 1e-6, 1e-2
# The part of the bias that a repair may leave, for sure.
_LEFT = 0.25
_MOST_NAMED = 3

Estimates = Callable[[Callable[[Any], Any], int], Tensor]
"""Estimates `[R, P]` of a loss that was changed by a function, on the random numbers of the fresh ones."""


def sites_of(loss: Callable[..., Any], call: Callable[[Callable[[Any], Any], int], Tensor]) -> list[Site]:
    """The calls of torch in a loss's own code, in the order of one row."""
    traced: list[list[Site]] = []

    def changed(loss: Callable[..., Any]) -> Callable[..., Any]:
        def tracing(*batch: Any) -> Any:
            with Tracing() as tracer:
                value = loss(*batch)
            traced.append(tracer.sites)
            return value

        return tracing

    call(changed, 1)
    return traced[0] if traced else []


def repair(label: str, loss: Callable[..., Any], fresh: Fresh, estimates: Estimates) -> Finding | None:
    """The finding that one change of the loss's own code makes its gradient right; None if none does.

    Args:
        label: of the loss.
        loss: the function.
        fresh: its estimates beside what is right.
        estimates: of a changed loss.
    """
    bias = abs(float(bias_interval(fresh.off()["all"]).value))
    found: list[Repair] = []
    sites = sites_of(loss, estimates)
    for one in _some(repairs_of(sites)):
        if _mends(one, fresh, estimates, bias):
            found.append(one)
    if not found:
        return None
    lines = dict.fromkeys(f"{each.site.place}: {each.words}" for each in found)
    told = listed([*lines], "or", most=_MOST_NAMED)
    names = tuple(dict.fromkeys(f"{each.kind}, line {each.site.line}" for each in found))
    return Finding(label, "repair", f"one change makes it right: {told}", names)


def _some(repairs: Iterator[Repair]) -> Iterator[Repair]:
    for count, each in enumerate(repairs):
        if count == _MOST:
            return
        yield each


def _mends(one: Repair, fresh: Fresh, estimates: Estimates, bias: float) -> bool:
    change = partial(repaired, repair=one)
    few = min(_FEW, len(fresh.suspect))
    part = Fresh(fresh.suspect[:few], fresh.right[:few], fresh.truth, fresh.blocks)
    try:
        rows = estimates(change, few)
        if (rows == part.suspect).all() or part.p(suspect=rows) < _RULED_OUT:
            return False
        rows = estimates(change, len(fresh.suspect))
    except Exception:  # noqa: BLE001 - a change may make shapes that do not fit; then it is no repair
        return False
    if fresh.p(suspect=rows) < _CONTRADICTED:
        return False
    left = bias_interval(fresh.off(suspect=rows)["all"])
    return max(abs(left.low), abs(left.high)) <= _LEFT * bias
