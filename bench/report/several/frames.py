"""The rows of the figures of several runs together."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from bench.report.several.geometric import COLUMNS as MEANS
from bench.report.several.geometric import geometric_means
from bench.report.several.ranking import METRICS, performance_profile
from bench.results.runs import Run

MOST_CONTROLS = 12
"""Estimators that may be the control."""


def means(runs: Sequence[Run], whole: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """The mean ratios to each estimator as the control, and notes on what is left out."""
    labels = list(dict.fromkeys(whole.loc[whole["status"] == "ok", "estimator"]))[:MOST_CONTROLS]
    found = [geometric_means(runs, label, METRICS) for label in labels]
    frame = pd.concat([pd.DataFrame(columns=list(MEANS)), *(one.frame for one in found)])
    return frame, list(dict.fromkeys(note for one in found[:1] for note in one.notes))


def profiles(whole: pd.DataFrame) -> pd.DataFrame:
    """The steps of the performance profile of each metric, each line as long as the longest."""
    return pd.concat([_profile(whole, metric) for metric in METRICS], ignore_index=True)


def _profile(whole: pd.DataFrame, metric: str) -> pd.DataFrame:
    profile = performance_profile(whole, metric)
    last = profile.groupby("estimator", sort=False).tail(1)
    return pd.concat([profile, last.assign(factor=1.1 * profile["factor"].max())], ignore_index=True)
