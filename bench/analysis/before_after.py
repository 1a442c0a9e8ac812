"""Later runs of a scenario against the first one, cell by cell."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from bench.analysis import comparison
from bench.analysis.comparison import Comparison, Estimated, estimated, framed, joint_level
from bench.analysis.kept import kept
from bench.analysis.pairs import BEFORE, LeftOut, across
from bench.analysis.together import named, scenario_of, varied
from bench.results.runs import Run
from bench.statistics.metric_table import COMPARED

COLUMNS = {"run": "str", "against": "str", "scenario": "str", **comparison.COLUMNS}
"""The columns of changes, in order, with their types: whose, since which run, and those of a comparison."""


@kept
def changes(runs: Sequence[Run], metrics: tuple[str, ...] = tuple(COMPARED)) -> Comparison:
    """Compare every later run with the first of the same scenario, version and problem.

    The ratios are those of `bench compare RUN RUN`, with one level for all runs: the later ones share
    the noise of the first, for which Bonferroni's inequality holds as well. A ratio below 1 is an
    improvement.

    Args:
        runs: from the first to the last.
        metrics: of `COMPARED`.

    Returns:
        One row for each later run × metric × cell, see `COLUMNS`.
    """
    labels = named(runs)
    firsts: dict[str, int] = {}
    left_out: list[LeftOut] = []
    found: list[tuple[int, int, list[Estimated]]] = []
    for i, run in enumerate(runs):
        first = firsts.setdefault(_question(run), i)
        if first == i:
            left_out += _other_question(runs, labels, i)
            continue
        pairs = across(runs[first], run)
        left_out += [replace(each, run=labels[i]) for each in pairs.left_out]
        if not pairs.pairs:
            left_out.append(LeftOut("no cell", run=labels[i], what=labels[first]))
        found.append((i, first, estimated(pairs, metrics)))
    level = joint_level(ratio for _, _, some in found for _, _, ratio in some)
    frames = [
        framed(some, BEFORE, level).assign(
            run=labels[i], against=labels[first], scenario=scenario_of(runs[i])
        )
        for i, first, some in found
    ]
    frame = pd.concat([pd.DataFrame(columns=list(COLUMNS)).astype(COLUMNS), *frames], ignore_index=True)
    return Comparison(frame[list(COLUMNS)].astype(COLUMNS), BEFORE, level, tuple(left_out))


def changes_shown(runs: Sequence[Run]) -> Comparison:
    """Return the changes of runs; none of runs that differ in an option, which are not before and after."""
    return changes(runs[:1] if varied(runs) else runs)


def _question(run: Run) -> str:
    """Return a text that runs have in common if they may be compared."""
    scenario = run.record["scenario"]
    asked = [scenario.get(key) for key in ("name", "version", "problem")]
    return json.dumps(asked, sort_keys=True, default=str)


def _other_question(runs: Sequence[Run], labels: Sequence[str], i: int) -> list[LeftOut]:
    """Return a note on a run that has a forerunner by name, and none that asked the same."""
    alike = [k for k in range(i) if scenario_of(runs[k]) == scenario_of(runs[i])]
    return [LeftOut("question", run=labels[i], what=labels[alike[0]])] if alike else []
