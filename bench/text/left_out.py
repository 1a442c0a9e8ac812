"""Cells and ratios that a comparison leaves out, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from bench.analysis.comparison import NO_INTERVAL
from bench.analysis.pairs import LeftOut
from bench.text.cell_words import not_ok, which
from bench.text.labels import plain

_WORDS: dict[str, Callable[[LeftOut], str]] = {
    "no control": lambda each: (
        f"not compared: {which(each.cells, each.among)}: the control was not measured there"
    ),
    "only there": lambda each: f"only in the run {each.when}: {which(each.cells, each.among)}",
    "machine": lambda _: (
        "the runs are from two machines, or one that has changed: their seconds differ by that, too"
    ),
    "not known": lambda each: (
        f"not compared: {each.what.replace('_', ' ')} of {each.count} cells: it is not known"
    ),
    NO_INTERVAL: lambda _: f"{NO_INTERVAL}: too few replicates, or none is recorded for the seconds",
    "no cell": lambda each: f"no cell in common with {each.what}",
    "question": lambda each: f"not compared with {each.what}: its problem or its version is another",
    "refused": lambda each: f"not averaged: {plain(each.what, 200)}",
    "not averaged": lambda each: f"not averaged: {each.count} of {each.of} ratios: biased, zero or not known",
    "thinned": lambda each: (
        f"the run {each.when} keeps".replace("  ", " ")
        + f" the first {each.count} replicates of each cell only"
    ),
}
"""Kinds of reasons -> what is said; "status" has a line for each status and reason of the cells."""


def notes(left_out: Iterable[LeftOut]) -> tuple[str, ...]:
    """Return notes on all that is left out, none twice; each begins with the run that it is about, if any."""
    found = (f"{each.run}: {text}" if each.run else text for each in left_out for text in _texts(each))
    return tuple(dict.fromkeys(found))


def _texts(each: LeftOut) -> list[str]:
    if each.why != "status":
        return [_WORDS[each.why](each)]
    when = f"{each.when}: " if each.when else ""
    return [f"not compared: {when}{remark}" for remark in not_ok(each.among)]
