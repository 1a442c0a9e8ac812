"""Estimators against a control, in one run or in two: ratios of variance, of error, of variance × seconds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bench.analysis import rows
from bench.analysis.kept import kept
from bench.analysis.pairs import LeftOut, Pairs, replicates_of, within
from bench.results.runs import Run
from bench.statistics.metric_table import COMPARED, Compared
from bench.statistics.ratio import Ratio, common_ratio, times, unpaired_ratio
from bench.statistics.tails import normal_quantile, t_quantile
from bench.text.labels import plain

FALSE_CLAIMS = 0.05
"""The probability with which any of the rows that are shown together says too much."""

BETTER, WORSE, UNDECIDED, NO_INTERVAL = "better", "worse", "undecided", "no interval"

COLUMNS = {
    "estimator": "str", "control": "str", "sample_size": "int64", "problem": "str", "device": "str",
    "dtype": "str", "parameter": "str", "metric": "str", "ratio": "float64", "low": "float64",
    "high": "float64", "paired": "bool", "level": "float64", "mark": "str",
    "equivalent_samples": "float64", "equivalent_samples_low": "float64",
    "equivalent_samples_high": "float64", "cell": "str",
}  # fmt: skip
"""The columns of a comparison, in order, with their types."""

MOST_RATIOS = 1500
"""Ratios of a run that are formed; of more, those to one control and at some sample sizes only."""


@dataclass(frozen=True)
class Comparison:
    """Ratios to a control, and what could not be compared.

    Attributes:
        frame: one row for each ratio; see the columns of the function that made it.
        control: with what all are compared, in words.
        level: of each interval, such that all hold together in 95 % of cases.
        left_out: what is not compared or has no interval, and why.
        scenario: the name of the scenario, where there is one.
        estimators: all labels in the order of the scenario, which decides how they look.
    """

    frame: pd.DataFrame
    control: str
    level: float
    left_out: tuple[LeftOut, ...]
    scenario: str = ""
    estimators: tuple[str, ...] = ()


def compare(pairs: Pairs, metrics: Sequence[str]) -> Comparison:
    """Estimate the ratios of all pairs; the frame has one row per metric and pair, see `COLUMNS`.

    Args:
        pairs: what is compared with what.
        metrics: of `bench.statistics.metric_table.COMPARED`.
    """
    return _compared(pairs, tuple(metrics))


@kept
def _compared(pairs: Pairs, metrics: tuple[str, ...]) -> Comparison:
    found = estimated(pairs, metrics)
    level = joint_level([found])
    lost = found.loc[found["ratio"].isna(), "metric"].value_counts(sort=False)
    left_out = [*pairs.left_out, *(LeftOut("not known", what=str(name), count=n) for name, n in lost.items())]
    if (found["ratio"].notna() & found["error"].isna()).any():
        left_out.append(LeftOut(NO_INTERVAL))
    labels = list(dict.fromkeys(pairs.whole["estimator"]))
    order = {"metric": list(COMPARED), "estimator": labels}
    frame = framed(found, pairs.control, level).sort_values(
        ["metric", "device", "dtype", "estimator", "sample_size"],
        kind="stable",
        key=lambda column: column.map(order[column.name].index) if column.name in order else column,
    )
    scenario = str(pairs.whole["scenario"].iloc[0]) if len(pairs.whole) else ""
    control = plain(pairs.control) or "(no name)"
    frame = rows.stacked([frame], COLUMNS)
    return Comparison(frame, control, level, tuple(left_out), scenario, tuple(labels))


def estimated(pairs: Pairs, metrics: Sequence[str]) -> pd.DataFrame:
    """Return the ratio of each pair by each metric, paired where both took the same draws.

    Columns: those of `Pairs.pairs`; `metric`; `ratio`, NaN where it is not known; its `center` and standard
    `error` on the scale of logarithms, with `degrees` of freedom; `paired`.
    """
    records = list(pairs.pairs.itertuples(index=False))
    ratios = [_ratio(pairs, row, COMPARED[metric]) for metric in metrics for row in records]
    numbers = {
        "ratio": [ratio.value for ratio in ratios],
        "center": [ratio.log_center for ratio in ratios],
        "error": [ratio.log_error for ratio in ratios],
        "degrees": [ratio.degrees for ratio in ratios],
    }
    return pd.concat([pairs.pairs] * len(metrics), ignore_index=True).assign(
        metric=np.repeat(metrics, len(records)),
        paired=[ratio.paired for ratio in ratios],
        **{name: np.array(values, float) for name, values in numbers.items()},
    )


def _ratio(pairs: Pairs, row: Any, metric: Compared) -> Ratio:
    key = (row.cell, row.cell_control, metric.contributions)
    if key not in pairs.formed:
        pairs.formed[key] = _untimed(pairs, row, metric)
    ratio: Ratio = pairs.formed[key]
    if not metric.timed:
        return ratio
    error = math.hypot(
        _log_error(row.seconds_low, row.seconds_high),
        _log_error(row.seconds_low_control, row.seconds_high_control),
    )
    known = row.seconds_control > 0
    return times(ratio, error, row.seconds / row.seconds_control if known else math.nan)


def _untimed(pairs: Pairs, row: Any, metric: Compared) -> Ratio:
    run, run_of_control = pairs.runs
    own, control = replicates_of(run)[row.cell], replicates_of(run_of_control)[row.cell_control]
    a, b = (part[metric.contributions].to_numpy(float) for part in (control, own))
    if row.common and np.array_equal(control["replicate"], own["replicate"]):
        return common_ratio(a, b, row.sample_size, without_one=metric.without_one)
    return unpaired_ratio(a, b, without_one=metric.without_one)


def _log_error(low: float, high: float) -> float:
    """Return the standard error of a logarithm, from the ends of its 95 % interval; NaN without one."""
    return math.log(high / low) / (2 * normal_quantile(0.975)) if 0 < low <= high else math.nan


def joint_level(found: Iterable[pd.DataFrame]) -> float:
    """Return the level of each interval at which all of them hold together in 95 % of cases.

    Bonferroni's inequality: it holds however the ratios depend on one another.
    """
    return level_of(sum(int((frame["ratio"].notna() & frame["error"].notna()).sum()) for frame in found))


def level_of(intervals: int) -> float:
    """Return the level of each of so many intervals that are shown together."""
    return 1 - FALSE_CLAIMS / max(intervals, 1)


def framed(found: pd.DataFrame, control: str, level: float) -> pd.DataFrame:
    """Return the ratios of `estimated` that are known, with intervals at a level; see `COLUMNS`."""
    known = found[found["ratio"].notna()]
    known = known.assign(control=control, **intervals(known, level))
    # N over the ratio of variances: the samples with which the control would be as good.
    ends = {"": "ratio", "_low": "high", "_high": "low"}
    N = known["sample_size"].astype(float).where(known["metric"] == "variance")
    return known.assign(**{f"equivalent_samples{end}": N / known[name] for end, name in ends.items()})


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
    return BETTER if high < 1 else WORSE if low > 1 else UNDECIDED


def ratios(run: Run, control: str | None = None) -> pd.DataFrame:
    """Estimate the ratios of every estimator to every other, for each metric; see `COLUMNS`.

    The intervals of a control hold together. `attrs["notice"]` says if only some are formed.

    Args:
        run: the run.
        control: the label of the control where there are too many ratios for all; None for the first.
    """
    labels = tuple(dict.fromkeys(run.measurements["estimator"]))
    return _ratios(run, labels if _step(run, len(labels)) == 1 else (control or labels[0],))


@kept
def _ratios(run: Run, controls: tuple[str, ...]) -> pd.DataFrame:
    every = sorted(run.measurements["sample_size"].unique())
    sizes, notice = rows.one_in(_step(run, len(controls)), every, "sample sizes is compared")
    pairs = [within(run, label).of("sample_size", sizes) for label in controls]
    frame = rows.stacked([compare(each, tuple(COMPARED)).frame for each in pairs], COLUMNS)
    return rows.noted(frame, notice, run.thinned)


def _step(run: Run, controls: int) -> int:
    """Return of how many sample sizes one is compared with so many controls."""
    cells = int((run.measurements["parameter"] == "all").sum())
    return max(1, math.ceil(cells * controls * len(COMPARED) / MOST_RATIOS))
