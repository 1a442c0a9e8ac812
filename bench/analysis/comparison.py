"""Estimators against a control, in one run or in two: ratios of variance, of error, of variance × seconds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bench.analysis.kept import kept
from bench.analysis.pairs import LeftOut, Pair, Pairs, Row
from bench.statistics.metric_table import COMPARED, Compared
from bench.statistics.ratio import Ratio, WithoutOne, common_ratio, times, unpaired_ratio
from bench.statistics.tails import normal_quantile
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

Estimated = tuple[str, Pair, Ratio]
"""A metric, a pair, and its ratio by that metric."""


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
        biased: the cells that are, of which a low variance is no win.
    """

    frame: pd.DataFrame
    control: str
    level: float
    left_out: tuple[LeftOut, ...]
    scenario: str = ""
    estimators: tuple[str, ...] = ()
    biased: frozenset[str] = frozenset()


def mark(low: float, high: float) -> str:
    """Return what an interval of a ratio to the control says: less is better."""
    if math.isnan(low) or math.isnan(high):
        return NO_INTERVAL
    return BETTER if high < 1 else WORSE if low > 1 else UNDECIDED


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
    level = joint_level(ratio for _, _, ratio in found)
    left_out = list(pairs.left_out)
    for name in metrics:
        if lost := sum(math.isnan(ratio.value) for each, _, ratio in found if each == name):
            left_out.append(LeftOut("not known", what=name, count=lost))
    if any(math.isnan(ratio.log_error) for *_, ratio in found if not math.isnan(ratio.value)):
        left_out.append(LeftOut(NO_INTERVAL))
    labels = tuple(dict.fromkeys(pairs.whole["estimator"]))
    scenario = str(pairs.whole["scenario"].iloc[0]) if len(pairs.whole) else ""
    control = plain(pairs.control) or "(no name)"
    frame = _ordered(framed(found, pairs.control, level), labels)
    biased = frozenset(pair.estimator.cell for pair in pairs.pairs if pair.estimator.verdict == "biased")
    return Comparison(frame, control, level, tuple(left_out), scenario, labels, biased)


def estimated(pairs: Pairs, metrics: Sequence[str]) -> list[Estimated]:
    """Return the ratio of each pair by each metric; its value is NaN where it is not known."""
    return [(name, pair, ratio_of(pair, COMPARED[name])) for name in metrics for pair in pairs.pairs]


def joint_level(ratios: Iterable[Ratio]) -> float:
    """Return the level of each interval at which all of them hold together in 95 % of cases.

    Bonferroni's inequality: it holds however the ratios depend on one another.
    """
    known = (ratio for ratio in ratios if not math.isnan(ratio.value))
    return level_of(sum(not math.isnan(ratio.log_error) for ratio in known))


def level_of(intervals: int) -> float:
    """Return the level of each of so many intervals that are shown together."""
    return 1 - FALSE_CLAIMS / max(intervals, 1)


def framed(found: Iterable[Estimated], control: str, level: float) -> pd.DataFrame:
    """Return the ratios that are known, with intervals at a level; see `COLUMNS`."""
    known = [(name, pair, ratio.at(level)) for name, pair, ratio in found if not math.isnan(ratio.value)]
    records = [_record(name, pair, ratio, control) for name, pair, ratio in known]
    return pd.DataFrame(records, columns=list(COLUMNS)).astype(COLUMNS)


def _ordered(frame: pd.DataFrame, labels: Sequence[str]) -> pd.DataFrame:
    """Return the rows by metric, setting, estimator in the order of the scenario, and N."""
    metrics, order = list(COMPARED), {label: i for i, label in enumerate(labels)}
    keys = frame.assign(first=frame["metric"].map(metrics.index), third=frame["estimator"].map(order))
    by = ["first", "device", "dtype", "third", "sample_size"]
    return keys.sort_values(by, kind="stable", ignore_index=True)[list(COLUMNS)]


def _record(metric: str, pair: Pair, ratio: Ratio, control: str) -> dict[str, Any]:
    row = pair.estimator
    return {
        "estimator": row.estimator, "control": control, "sample_size": row.sample_size,
        "problem": row.problem, "device": row.device, "dtype": row.dtype, "parameter": row.parameter,
        "metric": metric, "ratio": ratio.value, "low": ratio.low, "high": ratio.high,
        "paired": ratio.paired, "level": ratio.level, "mark": mark(ratio.low, ratio.high),
        **_equivalent_samples(row.sample_size, ratio, metric), "cell": row.cell,
    }  # fmt: skip


def _equivalent_samples(sample_size: int, ratio: Ratio, metric: str) -> dict[str, float]:
    """Return N over the ratio of variances: the samples with which the control would be as good."""
    names = ("equivalent_samples", "equivalent_samples_low", "equivalent_samples_high")
    if metric != "variance":
        return dict.fromkeys(names, math.nan)
    values = (ratio.value, ratio.high, ratio.low)
    return {n: sample_size / v if v > 0 else math.inf for n, v in zip(names, values, strict=True)}


def ratio_of(pair: Pair, metric: Compared) -> Ratio:
    """Return the ratio of a pair, paired where both took the same draws."""
    ratio = _untimed(pair, metric.contributions, metric.without_one)
    if not metric.timed:
        return ratio
    error = math.hypot(_log_seconds_error(pair.control), _log_seconds_error(pair.estimator))
    return times(ratio, error, _over(pair.estimator.seconds, pair.control.seconds))


@kept
def _untimed(pair: Pair, contributions: str, without_one: WithoutOne) -> Ratio:
    a, b = (part[contributions].to_numpy(float) for part in (pair.control_replicates, pair.replicates))
    first, second = (part["replicate"].to_numpy() for part in (pair.control_replicates, pair.replicates))
    if pair.common and np.array_equal(first, second):
        return common_ratio(a, b, pair.estimator.sample_size, without_one=without_one)
    return unpaired_ratio(a, b, without_one=without_one)


def _log_seconds_error(row: Row) -> float:
    """Return the standard error of log seconds, from their 95 % interval; NaN where there is none."""
    low, high = (float(getattr(row, name, math.nan)) for name in ("seconds_low", "seconds_high"))
    return math.log(high / low) / (2 * normal_quantile(0.975)) if 0 < low <= high else math.nan


def _over(above: float, below: float) -> float:
    return above / below if below > 0 else math.nan
