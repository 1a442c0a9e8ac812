"""Ratios of every estimator of a run to every other."""

from __future__ import annotations

import math

import pandas as pd

from bench.analysis.comparison import COLUMNS, compare
from bench.analysis.kept import kept
from bench.analysis.pairs import within
from bench.results.runs import Run
from bench.statistics.metric_table import COMPARED

MOST_RATIOS = 1500
"""Ratios that are formed; of more, with the first estimator as the control and at some sample sizes only."""


def ratios(run: Run, control: str | None = None) -> pd.DataFrame:
    """Estimate the ratios of every estimator to every other, for each metric; see `comparison.COLUMNS`.

    The intervals of a control hold together. `attrs["notice"]` says if only some are formed.

    Args:
        run: the run.
        control: the label of the control where there are too many ratios for all; None for the first.
    """
    labels = list(dict.fromkeys(run.measurements["estimator"]))
    few = _cells(run) * len(labels) * len(COMPARED) <= MOST_RATIOS
    return _ratios(run, tuple(labels if few else [control or labels[0]]))


@kept
def _ratios(run: Run, controls: tuple[str, ...]) -> pd.DataFrame:
    sizes = sorted(run.measurements["sample_size"].unique())
    step = max(1, math.ceil(_cells(run) * len(controls) * len(COMPARED) / MOST_RATIOS))
    some = [int(N) for N in sizes[::step]]
    several = run.measurements["estimator"].nunique() > 1
    found = [_to(run, label, some if step > 1 else None) for label in controls if several]
    found = [frame for frame in found if not frame.empty]
    notice = f"one in {step} of {len(sizes)} sample sizes is compared" if step > 1 else ""
    every = pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=list(COLUMNS))
    every.attrs["notice"] = notice
    return every


def _cells(run: Run) -> int:
    return int((run.measurements["parameter"] == "all").sum())


def _to(run: Run, control: str, sizes: list[int] | None) -> pd.DataFrame:
    pairs = within(run, control)
    return compare(pairs if sizes is None else pairs.at(sizes), tuple(COMPARED)).frame
