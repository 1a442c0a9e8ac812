"""Later runs of a scenario against the first one, cell by cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bench.analysis import comparison, rows
from bench.analysis.comparison import Comparison, estimated, framed, joint_level
from bench.analysis.kept import kept
from bench.analysis.pairs import BEFORE, LeftOut, across
from bench.analysis.together import canonical, named, scenario_of, varied
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
    labels, scenarios = named(runs), [scenario_of(run) for run in runs]
    asked = [[run.record["scenario"].get(key) for key in ("name", "version", "problem")] for run in runs]
    questions = [canonical(question) for question in asked]
    left_out, found = [], []
    for i, run in enumerate(runs):
        first, namesake = questions.index(questions[i]), scenarios.index(scenarios[i])
        if first < i:
            pairs = across(runs[first], run)
            left_out += [replace(each, run=labels[i]) for each in pairs.left_out]
            if pairs.pairs.empty:
                left_out.append(LeftOut("no cell", run=labels[i], what=labels[first]))
            about = {"run": labels[i], "against": labels[first], "scenario": scenarios[i]}
            found.append(estimated(pairs, metrics).assign(**about))
        elif namesake < i:
            left_out.append(LeftOut("question", run=labels[i], what=labels[namesake]))
    level = joint_level(found)
    frame = rows.stacked([framed(each, BEFORE, level) for each in found], COLUMNS)
    return Comparison(frame, BEFORE, level, tuple(left_out))


def changes_shown(runs: Sequence[Run]) -> Comparison:
    """Return the changes of runs; none of runs that differ in an option, which are not before and after."""
    return changes(runs[:1] if varied(runs) else runs)
