"""Lines that fall as 1/N."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bench.analysis.kept import kept
from bench.results.runs import Run


@kept
def guides(run: Run) -> pd.DataFrame:
    """Return lines of slope −1 through the first point of each estimator, which is what 1/N would be."""
    found = []
    measurements = run.measurements
    drawn = measurements[
        (measurements["parameter"] == "all") & np.isfinite(measurements["variance"].astype(float))
    ]
    for (problem, label), cells in drawn[drawn["variance"] > 0].groupby(["problem", "estimator"], sort=False):
        first = cells.sort_values("sample_size").iloc[0]
        for N in sorted(cells["sample_size"].unique()):
            value = float(first["variance"]) * float(first["sample_size"]) / float(N)
            found.append({"problem": problem, "estimator": label, "sample_size": int(N), "guide": value})
    return pd.DataFrame(found, columns=["problem", "estimator", "sample_size", "guide"])
