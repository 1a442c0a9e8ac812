"""Cells and ratios that a comparison leaves out, as text."""

from __future__ import annotations

from collections.abc import Iterable

from bench.analysis.comparison import NO_INTERVAL
from bench.analysis.pairs import LeftOut
from bench.text.cell_words import not_ok, which
from bench.text.labels import plain

_WORDS = {
    "status": "not compared: {remark}",
    "no control": "not compared: {cells}: the control was not measured there",
    "only there": "only in the run {each.when}: {cells}",
    "machine": "the runs are from two machines, or one that has changed: their seconds differ by that, too",
    "not known": "not compared: {metric} of {each.count} cells: it is not known",
    NO_INTERVAL: f"{NO_INTERVAL}: too few replicates, or none is recorded for the seconds",
    "no cell": "no cell in common with {each.what}",
    "question": "not compared with {each.what}: its problem or its version is another",
    "refused": "not averaged: {what}",
    "not averaged": "not averaged: {each.count} of {each.of} ratios: biased, zero or not known",
    "thinned": "the run {when}keeps the first {each.count} replicates of each cell only",
}
"""Kinds of reasons -> what is said; "status" is said of each status and reason of the cells."""


def notes(left_out: Iterable[LeftOut]) -> tuple[str, ...]:
    """Return notes on all that is left out, none twice; each begins with the run that it is about, if any."""
    found: list[str] = []
    for each in left_out:
        run, time = (f"{name}: " if name else "" for name in (each.run, each.when))
        fields = {
            "each": each,
            "cells": which(each.cells, each.among) if len(each.cells) else "",
            "what": plain(each.what, 200),
            "metric": each.what.replace("_", " "),
            "when": f"{each.when} " if each.when else "",
        }
        remarks = not_ok(each.among) if each.why == "status" else [""]
        found += [run + _WORDS[each.why].format(remark=time + remark, **fields) for remark in remarks]
    return tuple(dict.fromkeys(found))
