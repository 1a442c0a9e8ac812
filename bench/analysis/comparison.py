"""Estimators against a control, and later runs against the first: ratios of variance, error, time."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

import numpy as np
import pandas as pd

from bench.analysis import rows
from bench.analysis.kept import kept
from bench.analysis.pairs import BEFORE, LeftOut, Pairs, across, within
from bench.analysis.together import canonical, named, scenario_of, varied
from bench.results.run import Run
from bench.statistics.contributions import Contributions, WithoutOne, contributions
from bench.statistics.metric_table import COMPARED, Compared
from bench.statistics.ratio import Ratio, common_ratio, times, unpaired_ratio
from bench.statistics.tails import normal_quantile, t_quantile
from bench.text.labels import plain

FALSE_CLAIMS = 0.05
"""The probability with which any of the rows that are shown together says too much."""

BETTER, WORSE, UNDECIDED, NO_INTERVAL = "better", "worse", "undecided", "no interval"

COLUMNS = {
    "estimator": "str", "control": "str", "sample_size": "int64", "granted": "float64", "problem": "str",
    "device": "str", "dtype": "str", "parameter": "str", "metric": "str", "ratio": "float64",
    "low": "float64", "high": "float64", "paired": "bool", "level": "float64", "mark": "str",
    "equivalent_samples": "float64", "equivalent_samples_low": "float64",
    "equivalent_samples_high": "float64", "cell": "str",
}  # fmt: skip
CHANGES = {"run": "str", "against": "str", "scenario": "str", **COLUMNS}
"""The columns of a comparison and of changes, in order, with their types."""

MOST_RATIOS = 1500
"""Ratios of a run that are formed; of more, those to one control and at some sample sizes only."""


@dataclass(frozen=True)
class Comparison:
    """Ratios to a control, and what could not be compared.

    The intervals in `frame`, which has one row for each ratio, hold together in 95 % of cases at their
    `level`. The control is a text; `estimators` are all labels in the order of the scenario, which decides
    how they look; without a single scenario both are empty. A low variance of a cell in `biased` is no win.
    """

    frame: pd.DataFrame
    control: str
    level: float
    left_out: tuple[LeftOut, ...]
    scenario: str = ""
    estimators: tuple[str, ...] = ()
    biased: frozenset[str] = frozenset()


@kept
def compare(pairs: Pairs, metrics: tuple[str, ...]) -> Comparison:
    """Estimate the ratios of all pairs by some metrics of `COMPARED`: a row for each, see `COLUMNS`."""
    found = estimated(pairs, metrics)
    frame, level = framed(found, pairs.control, COLUMNS)
    lost = found.loc[found["ratio"].isna(), "metric"].value_counts(sort=False)
    left_out = [*pairs.left_out, *(LeftOut("not known", what=str(name), count=n) for name, n in lost.items())]
    if (found["ratio"].notna() & found["error"].isna()).any():
        left_out.append(LeftOut(NO_INTERVAL))
    labels = list(dict.fromkeys(pairs.whole["estimator"]))
    order = {"metric": list(COMPARED), "estimator": labels}
    frame = frame.sort_values(
        ["metric", "device", "dtype", "estimator", "sample_size"],
        key=lambda column: column.map(order[column.name].index) if column.name in order else column,
        ignore_index=True,
    )
    scenario = str(pairs.whole["scenario"].iloc[0]) if len(pairs.whole) else ""
    control = plain(pairs.control) or "(no name)"
    biased = frozenset(rows.biased_cells(pairs.whole))
    return Comparison(frame, control, level, tuple(left_out), scenario, tuple(labels), biased)


def estimated(pairs: Pairs, metrics: Sequence[str]) -> pd.DataFrame:
    """Return the ratio of each pair by each metric, paired where both took the same draws.

    Columns: those of `Pairs.pairs`; `metric`; `ratio`, NaN where it is not known; its `center` and standard
    `error` on the scale of logarithms, with `degrees` of freedom; `paired`.
    """
    records = list(pairs.pairs.itertuples(index=False))
    ratios = [_ratio(pairs, row, COMPARED[metric]) for metric in metrics for row in records]
    numbers = [(each.value, each.log_center, each.log_error, each.degrees, each.paired) for each in ratios]
    columns = ["ratio", "center", "error", "degrees", "paired"]
    every = pd.concat([pairs.pairs] * len(metrics), ignore_index=True)
    every[columns] = np.array(numbers, float).reshape(-1, len(columns))
    return every.assign(metric=np.repeat(metrics, len(records)))


def _ratio(pairs: Pairs, row: Any, metric: Compared) -> Ratio:
    cells, common = (row.cell, row.cell_control), row.common * row.sample_size
    ratio = _untimed(pairs.runs, cells, metric.contributions, metric.without_one, common)
    if not metric.timed:
        return ratio
    ends = (row.seconds_low, row.seconds_high), (row.seconds_low_control, row.seconds_high_control)
    error = math.hypot(*(_log_error(*each) for each in ends))
    return times(ratio, error, row.seconds / row.seconds_control if row.seconds_control > 0 else math.nan)


@kept
def _untimed(
    runs: tuple[Run, Run], cells: tuple[str, str], column: str, without_one: WithoutOne, common: int
) -> Ratio:
    """Return the ratio of a cell to its control: paired if they have each of so many samples in common."""
    b, a = (_contributed(run, cell, column) for run, cell in zip(runs, cells, strict=True))
    if common and b.count == a.count and operator.eq(*map(_which, runs, cells)):
        return common_ratio(a, b, common, without_one=without_one)
    return unpaired_ratio(a, b, without_one=without_one)


@kept
def _contributed(run: Run, cell: str, column: str) -> Contributions:
    """Return what the replicates of a cell contribute."""
    return contributions(run.replicate_column(cell, column))


@kept
def _which(run: Run, cell: str) -> tuple[int, int, bytes]:
    """Return which replicates of a cell there are: from the first to the last, and a fingerprint of gaps."""
    every = run.replicate_column(cell, "replicate")
    first, last = int(every[0]), int(every[-1])
    if last - first + 1 == len(every) and bool((every[1:] > every[:-1]).all()):
        return first, last, b""
    return first, last, sha256(every.data).digest()


def _log_error(low: float, high: float) -> float:
    """Return the standard error of a logarithm, from the ends of its 95 % interval; NaN without one."""
    return math.log(high / low) / (2 * normal_quantile(0.975)) if 0 < low <= high else math.nan


def level_of(intervals: int) -> float:
    """Return the level of each of so many intervals that are shown together."""
    return 1 - FALSE_CLAIMS / max(intervals, 1)


def framed(found: pd.DataFrame, control: str, columns: Mapping[str, str]) -> tuple[pd.DataFrame, float]:
    """Return the ratios of `estimated` that are known, with intervals at a level at which all hold together.

    They do in 95 % of cases by Bonferroni's inequality, however the ratios depend on one another.
    """
    known = found[found["ratio"].notna()]
    level = level_of(int(known["error"].notna().sum()))
    granted = known["granted"].astype(float).fillna(0.0)  # 0 where the scenario gives N
    known = known.assign(control=control, granted=granted, **intervals(known, level))
    # N over the ratio of variances: the samples with which the control would be as good.
    N = known["sample_size"].astype(float).where(known["metric"] == "variance")
    for end, name in {"": "ratio", "_low": "high", "_high": "low"}.items():
        known[f"equivalent_samples{end}"] = N / known[name]
    return rows.stacked([known], columns), level


def intervals(found: pd.DataFrame, level: float) -> dict[str, Any]:
    """Return the level, the ends of the intervals of ratios, and what they say."""
    half = t_quantile((1 + level) / 2, found["degrees"]) * found["error"]
    with np.errstate(over="ignore"):
        low, high = np.exp(found["center"] - half), np.exp(found["center"] + half)
    marks = [mark(*ends) for ends in zip(low, high, strict=True)]
    return {"level": level, "low": low, "high": high, "mark": marks}


def mark(low: float, high: float) -> str:
    """Return what an interval of a ratio to the control says: less is better."""
    if math.isnan(low) or math.isnan(high):
        return NO_INTERVAL
    return BETTER if high < 1 - rows.ROUNDING else WORSE if low > 1 + rows.ROUNDING else UNDECIDED


@kept
def ratios(run: Run, control: str | None = None) -> pd.DataFrame:
    """Estimate the ratios of every estimator to every other, for each metric; see `COLUMNS`.

    The intervals of a control hold together. `attrs["notice"]` says if only some are formed: of too many
    those to the estimator with the label `control`, by default the first one.
    """
    labels = list(dict.fromkeys(run.measurements["estimator"]))
    every = sorted(rows.whole(run.measurements)["sample_size"].unique())
    of_each = len(rows.whole(run.measurements)) * len(COMPARED) / MOST_RATIOS
    controls = labels if of_each * len(labels) <= 1 else [control or labels[0]]
    sizes, notice = rows.one_in(of_each * len(controls), every, "sample sizes is compared")
    some = [within(run, label).of("sample_size", sizes) for label in controls]
    frame = rows.stacked([compare(pairs, tuple(COMPARED)).frame for pairs in some], COLUMNS)
    return rows.noted(frame, notice, run.thinned)


@kept
def changes(runs: Sequence[Run], metrics: tuple[str, ...] = tuple(COMPARED)) -> Comparison:
    """Compare every later run with the first of the same scenario, version and problem.

    The ratios are those of `bench compare RUN RUN`, with one level for all runs: the later ones share
    the noise of the first, for which Bonferroni's inequality holds as well. A ratio below 1 is an
    improvement. There is one row for each later run × metric × cell, see `CHANGES`.
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
    if not found:
        return Comparison(rows.stacked([], CHANGES), BEFORE, level_of(0), tuple(left_out))
    frame, level = framed(pd.concat(found, ignore_index=True), BEFORE, CHANGES)
    return Comparison(frame, BEFORE, level, tuple(left_out))


def changes_shown(runs: Sequence[Run]) -> Comparison:
    """Return the changes of runs; none of runs that differ in an option, which are not before and after."""
    return changes(runs[:1] if varied(runs) else runs)
