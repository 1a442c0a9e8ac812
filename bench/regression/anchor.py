"""The baseline against the anchor: growth step by step, each step too small for the gate."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace

from bench.regression.baseline import Entry
from bench.regression.metric_tests import interval_text
from bench.regression.verdicts import Test
from bench.scenario.thresholds import RATIOS, Thresholds
from bench.statistics.gating import change


def against_anchor(
    entry: Entry, anchor: Entry, accepted: Mapping[str, float], thresholds: Thresholds, level: float
) -> Iterable[Test]:
    """The baseline against the anchor: what has grown step by step. Nothing is estimated.

    Args:
        entry: the cell in the baseline.
        anchor: the cell in the anchor.
        accepted: metric -> by how much it was accepted to become worse since then.
        thresholds: what it must keep to.
        level: of the test.
    """
    for metric in RATIOS:
        new, old = entry.sizes().get(metric), anchor.sizes().get(metric)
        if new is None or old is None:
            continue
        allowed = math.log(max(1.0, accepted[metric]))
        moved = change(new, old)
        moved = replace(moved, log_ratio=moved.log_ratio - allowed)
        if moved.exceeds(thresholds.ratios[metric].indifference, level):
            low, high = moved.interval()
            message = (
                f"since the anchor it has grown by {interval_text(moved.ratio, low, high)}, step by step"
            )
            limit = 1 + thresholds.ratios[metric].indifference
            yield Test(metric, "regression", "anchor", message, moved.ratio, low, high, limit)
