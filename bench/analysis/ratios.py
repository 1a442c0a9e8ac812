"""Ratios of every estimator of a run to every other."""

from __future__ import annotations

import math

import pandas as pd

from bench.analysis import rows
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
    labels = tuple(dict.fromkeys(run.measurements["estimator"]))
    return _ratios(run, labels if _steps(run, len(labels)) == 1 else (control or labels[0],))


@kept
def _ratios(run: Run, controls: tuple[str, ...]) -> pd.DataFrame:
    sizes, step = sorted(run.measurements["sample_size"].unique()), _steps(run, len(controls))
    found = [pd.DataFrame(columns=list(COLUMNS)).astype(COLUMNS)]
    if run.measurements["estimator"].nunique() > 1:
        every = [within(run, label) for label in controls]
        some = every if step == 1 else [pairs.at(sizes[::step]) for pairs in every]
        found += [compare(pairs, tuple(COMPARED)).frame for pairs in some]
    frame = pd.concat(found, ignore_index=True)
    notice = f"one in {step} of {len(sizes)} sample sizes is compared" if step > 1 else ""
    frame.attrs["notice"] = rows.noted(notice, run.thinned)
    return frame


def _steps(run: Run, controls: int) -> int:
    """Return of how many sample sizes one is compared with so many controls."""
    cells = int((run.measurements["parameter"] == "all").sum())
    return max(1, math.ceil(cells * controls * len(COMPARED) / MOST_RATIOS))
