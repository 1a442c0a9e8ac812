"""A term of a loss that is a multiple of what it should be, such as a sum that stands for a mean."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from torch import Tensor

from bench.auditing.edits import scaled
from bench.auditing.own_calls import Site
from bench.auditing.repairs import Repair, nth, repaired, terms_of
from bench.auditing.try_repairs import Estimates, leaves_no_bias
from bench.diagnosing.factor import constants
from bench.diagnosing.finding import Finding
from bench.diagnosing.fresh import Fresh
from bench.statistics.fieller import fieller
from bench.statistics.intervals import Interval
from bench.text.numbers import significant
from bench.text.words import listed

# The level of a factor's interval, and how many times as large its upper end may be as its lower one.
_LEVEL, _KNOWN, _MOST_NAMED = 0.99, 3.0, 3


def term_factor(
    label: str, sites: Sequence[Site], fresh: Fresh, sizes: Sequence[float], estimates: Estimates
) -> Finding | None:
    """The finding that the gradient is right with one term of a sum at another size; None if it is not.

    With twice the term the gradient grows by that of the term, g. What is wrong is projected on it: with c
    times the term no bias is left.

    Args:
        label: of the loss.
        sites: the calls in its own code.
        fresh: its estimates beside what is right.
        sizes: whole numbers that may be the factor.
        estimates: of a changed loss, on the same random numbers.
    """
    found = [
        (f"{site.place}: the {nth(i)} term is {_told(factor, sizes)}", f"line {site.line}")
        for site in sites
        for i in terms_of(site)
        for factor in _factor(site, i, fresh, estimates)
    ]
    if not found:
        return None
    told = listed([words for words, _ in found], most=_MOST_NAMED)
    names = tuple(dict.fromkeys(f"term factor, {line}" for _, line in found))
    return Finding(label, "repair", f"one change makes it right: {told}", names)


def _factor(site: Site, i: int, fresh: Fresh, estimates: Estimates) -> Iterator[Interval]:
    """Yield how many times too large a term is, if that is known and is all that is wrong."""
    try:
        doubled = Repair(site, "term factor", "", scaled(i, 2.0))
        term = estimates(partial(repaired, repair=doubled), len(fresh.suspect)) - fresh.suspect  # [R, P]
    except Exception:  # noqa: BLE001 - a change may make what cannot be computed; then it is no repair
        return
    direction = term.mean(0)
    if not float(direction.norm()) > 0:
        return
    more = fieller((fresh.right - fresh.suspect) @ direction, term @ direction, _LEVEL)
    if not (more.low > -1 and more.high < float("inf")):
        return
    rows: Tensor = fresh.suspect + more.value * term
    factor = more.through(lambda x: 1 / (1 + x))
    if (
        factor.high <= _KNOWN * factor.low
        and not factor.low <= 1 <= factor.high
        and leaves_no_bias(rows, fresh)
    ):
        yield factor


def _told(factor: Interval, sizes: Sequence[float]) -> str:
    """A factor with its interval, and the usual numbers that fit."""
    low, high = significant(factor.low, 3), significant(factor.high, 3)
    known = [each.name for each in constants(()) if factor.low <= each.value <= factor.high]
    for size in sizes:
        known += [f"{size:g}"] * (factor.low <= size <= factor.high)
        known += [f"1/{size:g}"] * (factor.low <= 1 / size <= factor.high)
    named = f", perhaps {listed([*dict.fromkeys(known)], 'or', most=_MOST_NAMED)}" if known else ""
    return f"{significant(factor.value, 3)} ({low} to {high}) times what it should be{named}"
