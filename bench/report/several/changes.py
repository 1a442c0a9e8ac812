"""Later runs of a scenario against the first one, cell by cell."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from bench.report import comparison
from bench.report.comparison import FALSE_CLAIMS, METRICS, ratio_of, row_of
from bench.report.pairs import across
from bench.report.several.runs import named, scenario_of
from bench.results.runs import Run

COLUMNS = {"run": "str", "against": "str", "scenario": "str", **comparison.COLUMNS}
"""The columns of changes, in order, with their types: whose, since which run, and those of a comparison."""


@dataclass(frozen=True)
class Changes:
    """How runs differ from the first that asked the same question.

    Attributes:
        frame: one row for each later run × metric × cell, see `COLUMNS`; a ratio below 1 is an improvement.
        level: of each interval, such that all of all runs hold together in 95 % of cases.
        notes: what is not compared, and why.
    """

    frame: pd.DataFrame
    level: float
    notes: tuple[str, ...]


def changes(runs: Sequence[Run], metrics: Sequence[str] = tuple(METRICS)) -> Changes:
    """Every later run against the first of the same scenario, version and problem.

    The ratios are those of `bench compare RUN RUN`, with one level for all runs: the later ones share
    the noise of the first, for which Bonferroni's inequality holds as well.

    Args:
        runs: from the first to the last.
        metrics: of `METRICS`.
    """
    labels = named(runs)
    firsts: dict[str, int] = {}
    notes, found = [], []
    for i, run in enumerate(runs):
        first = firsts.setdefault(_question(run), i)
        if first == i:
            notes += _other_question(runs, labels, i)
            continue
        pairs = across(runs[first], run)
        notes += [f"{labels[i]}: {note}" for note in pairs.notes]
        if not pairs.pairs:
            notes.append(f"{labels[i]}: no cell in common with {labels[first]}")
        found += [
            (i, first, name, pair, ratio_of(pair, METRICS[name])) for name in metrics for pair in pairs.pairs
        ]
    known = [row for row in found if not math.isnan(row[-1].value)]
    level = 1 - FALSE_CLAIMS / max(sum(not math.isnan(row[-1].log_error) for row in known), 1)
    rows = [
        {
            "run": labels[i],
            "against": labels[first],
            "scenario": scenario_of(runs[i]),
            **row_of(name, pair, ratio.at(level)),
        }
        for i, first, name, pair, ratio in known
    ]
    frame = pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)
    return Changes(frame, level, tuple(dict.fromkeys(notes)))


def _question(run: Run) -> str:
    """Runs may be compared if this is the same."""
    scenario = run.record["scenario"]
    asked = [scenario.get(key) for key in ("name", "version", "problem")]
    return json.dumps(asked, sort_keys=True, default=str)


def _other_question(runs: Sequence[Run], labels: Sequence[str], i: int) -> list[str]:
    """A note on a run that has a forerunner by name, and none that asked the same."""
    alike = [k for k in range(i) if scenario_of(runs[k]) == scenario_of(runs[i])]
    if not alike:
        return []
    return [f"{labels[i]}: not compared with {labels[alike[0]]}: its problem or its version is another"]
