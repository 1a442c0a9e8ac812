"""Fitted powers of N by which the variance of each estimator falls."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bench.analysis import rows
from bench.analysis.kept import kept
from bench.results.runs import Run
from bench.statistics.rate import rate, verdict

COLUMNS = ("problem", "estimator", "device", "dtype", "slope", "low", "high", "lack_of_fit", "verdict")


def fits(measurements: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each problem, estimator, device and dtype with sample sizes enough, see `COLUMNS`.

    The slope is that of log variance on log N, with its 95 % interval.
    """
    frame = rows.whole(measurements)
    frame = frame[frame["status"] == "ok"]
    found = []
    names = ["problem", "estimator", "device", "dtype"]
    for which, cells in frame.groupby(names, sort=False):
        error = np.sqrt(2 / cells["effective_dof"])
        fit = rate(cells["sample_size"].tolist(), cells["variance"].tolist(), error.tolist())
        slope, said = fit.slope, verdict(fit)
        if said:
            found.append((*which, slope.value, slope.low, slope.high, fit.lack_of_fit, said))
    return pd.DataFrame(found, columns=list(COLUMNS))


@kept
def rate_fits(run: Run) -> pd.DataFrame:
    """Return the fits of a run, see `fits`, with device and type of numbers as `setting` where they vary."""
    found = fits(run.measurements)
    return found.assign(setting=rows.device_and_dtype(found))
