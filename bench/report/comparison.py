"""Estimators against a control, in one run or in two: ratios of variance, of error, of variance × seconds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bench.report.labels import plain
from bench.report.pairs import Pair, Pairs, Row
from bench.statistics.ratio import (
    Ratio,
    WithoutOne,
    common_ratio,
    mean_without_one,
    times,
    unpaired_ratio,
    variance_without_one,
)
from bench.statistics.tails import normal_quantile

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


@dataclass(frozen=True)
class Metric:
    """What is compared.

    Attributes:
        contributions: a column of the table of replicates.
        without_one: how the jackknife leaves one of them out.
        timed: whether it is multiplied by seconds.
    """

    contributions: str
    without_one: WithoutOne
    timed: bool = False


METRICS = {
    "variance": Metric("squared_deviation", variance_without_one),
    "mse": Metric("squared_error", mean_without_one),
    "work_normalized_variance": Metric("squared_deviation", variance_without_one, timed=True),
}
"""Name -> what is compared; less is better in each."""


@dataclass(frozen=True)
class Comparison:
    """Ratios to a control, and what could not be compared.

    Attributes:
        frame: one row per metric × estimator × N × device × dtype, see `COLUMNS`.
        control: with what all are compared, in words.
        level: of each interval, such that all hold together in 95 % of cases.
        notes: what is not compared and why, and what else is to be known.
        scenario: its name.
        estimators: all labels in the order of the scenario, which decides how they look.
    """

    frame: pd.DataFrame
    control: str
    level: float
    notes: tuple[str, ...]
    scenario: str
    estimators: tuple[str, ...]


def mark(low: float, high: float) -> str:
    """What an interval of a ratio to the control says: less is better."""
    if math.isnan(low) or math.isnan(high):
        return NO_INTERVAL
    return BETTER if high < 1 else WORSE if low > 1 else UNDECIDED


def compare(pairs: Pairs, metrics: Sequence[str]) -> Comparison:
    """The ratios of all pairs.

    Args:
        pairs: what is compared with what.
        metrics: of `METRICS`.
    """
    found = [(name, pair, ratio_of(pair, METRICS[name])) for name in metrics for pair in pairs.pairs]
    known = [(name, pair, ratio) for name, pair, ratio in found if not math.isnan(ratio.value)]
    claims = sum(not math.isnan(ratio.log_error) for _, _, ratio in known)
    level = 1 - FALSE_CLAIMS / max(claims, 1)
    notes = list(pairs.notes)
    for name in metrics:
        if lost := sum(math.isnan(ratio.value) for each, _, ratio in found if each == name):
            notes.append(f"not compared: {name.replace('_', ' ')} of {lost} cells: it is not known")
    if claims < len(known):
        notes.append(f"{NO_INTERVAL}: too few replicates, or none is recorded for the seconds")
    frame = pd.DataFrame(
        [row_of(name, pair, ratio.at(level)) for name, pair, ratio in known], columns=list(COLUMNS)
    )
    labels = tuple(dict.fromkeys(pairs.whole["estimator"]))
    scenario = str(pairs.whole["scenario"].iloc[0]) if len(pairs.whole) else ""
    control = plain(pairs.control) or "(no name)"
    return Comparison(_ordered(frame.astype(COLUMNS), labels), control, level, tuple(notes), scenario, labels)


def _ordered(frame: pd.DataFrame, labels: Sequence[str]) -> pd.DataFrame:
    """By metric, setting, estimator in the order of the scenario, N."""
    metrics, order = list(METRICS), {label: i for i, label in enumerate(labels)}
    keys = frame.assign(first=frame["metric"].map(metrics.index), third=frame["estimator"].map(order))
    by = ["first", "device", "dtype", "third", "sample_size"]
    return keys.sort_values(by, kind="stable", ignore_index=True)[list(COLUMNS)]


def row_of(metric: str, pair: Pair, ratio: Ratio) -> dict[str, Any]:
    """The row of a comparison, see `COLUMNS`."""
    row = pair.estimator
    return {
        "estimator": row.estimator, "control": pair.named, "sample_size": row.sample_size,
        "problem": row.problem, "device": row.device, "dtype": row.dtype, "parameter": row.parameter,
        "metric": metric, "ratio": ratio.value, "low": ratio.low, "high": ratio.high,
        "paired": ratio.paired, "level": ratio.level, "mark": mark(ratio.low, ratio.high),
        **_equivalent_samples(row.sample_size, ratio, metric), "cell": row.cell,
    }  # fmt: skip


def _equivalent_samples(sample_size: int, ratio: Ratio, metric: str) -> dict[str, float]:
    """N over the ratio of variances: how many samples the control would need to be as good."""
    names = ("equivalent_samples", "equivalent_samples_low", "equivalent_samples_high")
    if metric != "variance":
        return dict.fromkeys(names, math.nan)
    values = (ratio.value, ratio.high, ratio.low)
    return {n: sample_size / v if v > 0 else math.inf for n, v in zip(names, values, strict=True)}


def ratio_of(pair: Pair, metric: Metric) -> Ratio:
    """The ratio of a pair, paired where both took the same draws."""
    a, b = (part[metric.contributions].to_numpy(float) for part in (pair.control_replicates, pair.replicates))
    same = np.array_equal(
        pair.control_replicates["replicate"].to_numpy(), pair.replicates["replicate"].to_numpy()
    )
    if pair.common and same:
        ratio = common_ratio(a, b, pair.estimator.sample_size, without_one=metric.without_one)
    else:
        ratio = unpaired_ratio(a, b, without_one=metric.without_one)
    if not metric.timed:
        return ratio
    error = math.hypot(_log_seconds_error(pair.control), _log_seconds_error(pair.estimator))
    return times(ratio, error, _over(pair.estimator.seconds, pair.control.seconds))


def _log_seconds_error(row: Row) -> float:
    """The standard error of log seconds, from their 95 % interval; NaN where there is none."""
    low, high = (float(getattr(row, name, math.nan)) for name in ("seconds_low", "seconds_high"))
    return math.log(high / low) / (2 * normal_quantile(0.975)) if 0 < low <= high else math.nan


def _over(above: float, below: float) -> float:
    return above / below if below > 0 else math.nan
