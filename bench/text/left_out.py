"""Cells and ratios that a comparison leaves out, in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bench.analysis.comparison import NO_INTERVAL
from bench.analysis.pairs import LeftOut
from bench.text import cell_words
from bench.text.labels import plain


def notes(left_out: Iterable[LeftOut]) -> tuple[str, ...]:
    """Return notes on all that is left out, none twice; each begins with the run that it is about, if any."""
    found = (f"{each.run}: {text}" if each.run else text for each in left_out for text in _texts(each))
    return tuple(dict.fromkeys(found))


def _texts(each: LeftOut) -> Iterator[str]:
    match each.why:
        case "status":
            about = f"not compared: {each.when}: " if each.when else "not compared: "
            yield from (about + remark for remark in cell_words.not_ok(each.among))
        case "no control":
            where = cell_words.which(each.cells, each.among)
            yield f"not compared: {where}: the control was not measured there"
        case "only there":
            yield f"only in the run {each.when}: {cell_words.which(each.cells, each.among)}"
        case "machine":
            yield "the runs are from two machines, or one that has changed: their seconds differ by that, too"
        case "not known":
            yield f"not compared: {each.what.replace('_', ' ')} of {each.count} cells: it is not known"
        case "no interval":
            yield f"{NO_INTERVAL}: too few replicates, or none is recorded for the seconds"
        case "no cell":
            yield f"no cell in common with {each.what}"
        case "question":
            yield f"not compared with {each.what}: its problem or its version is another"
        case "refused":
            yield f"not averaged: {plain(each.what, 200)}"
        case "not averaged":
            yield f"not averaged: {each.count} of {each.of} ratios: biased, zero or not known"
        case "thinned":
            whose = f"the run {each.when} keeps" if each.when else "the run keeps"
            yield f"{whose} the first {each.count} replicates of each cell only"
        case _:
            raise AssertionError(f"there are no words for {each.why!r}")
