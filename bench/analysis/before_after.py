"""Later runs of a scenario against the first one, cell by cell."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from bench.analysis import comparison
from bench.analysis.comparison import FALSE_CLAIMS, ratio_of, row_of
from bench.analysis.kept import kept_together
from bench.analysis.pairs import LeftOut, across
from bench.analysis.together import named, scenario_of
from bench.results.runs import Run
from bench.statistics.metric_table import COMPARED

COLUMNS = {"run": "str", "against": "str", "scenario": "str", **comparison.COLUMNS}
"""The columns of changes, in order, with their types: whose, since which run, and those of a comparison."""


@dataclass(frozen=True)
class Changes:
    """How runs differ from the first that asked the same question.

    Attributes:
        frame: one row for each later run × metric × cell, see `COLUMNS`; a ratio below 1 is an improvement.
        level: of each interval, such that all of all runs hold together in 95 % of cases.
        left_out: what is not compared, and why.
    """

    frame: pd.DataFrame
    level: float
    left_out: tuple[LeftOut, ...]


@kept_together
def changes(runs: Sequence[Run], metrics: tuple[str, ...] = tuple(COMPARED)) -> Changes:
    """Every later run against the first of the same scenario, version and problem.

    The ratios are those of `bench compare RUN RUN`, with one level for all runs: the later ones share
    the noise of the first, for which Bonferroni's inequality holds as well.

    Args:
        runs: from the first to the last.
        metrics: of `COMPARED`.
    """
    labels = named(runs)
    firsts: dict[str, int] = {}
    left_out: list[LeftOut] = []
    found = []
    for i, run in enumerate(runs):
        first = firsts.setdefault(_question(run), i)
        if first == i:
            left_out += _other_question(runs, labels, i)
            continue
        pairs = across(runs[first], run)
        left_out += [replace(each, run=labels[i]) for each in pairs.left_out]
        if not pairs.pairs:
            left_out.append(LeftOut("no cell", run=labels[i], what=labels[first]))
        found += [
            (i, first, name, pair, ratio_of(pair, COMPARED[name])) for name in metrics for pair in pairs.pairs
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
    return Changes(frame, level, tuple(left_out))


def _question(run: Run) -> str:
    """Runs may be compared if this is the same."""
    scenario = run.record["scenario"]
    asked = [scenario.get(key) for key in ("name", "version", "problem")]
    return json.dumps(asked, sort_keys=True, default=str)


def _other_question(runs: Sequence[Run], labels: Sequence[str], i: int) -> list[LeftOut]:
    """Return a note on a run that has a forerunner by name, and none that asked the same."""
    alike = [k for k in range(i) if scenario_of(runs[k]) == scenario_of(runs[i])]
    if not alike:
        return []
    return [LeftOut("question", run=labels[i], what=labels[alike[0]])]
