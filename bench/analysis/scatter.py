"""Means of single coordinates against the truth."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from bench.analysis import rows
from bench.analysis.kept import kept
from bench.results.runs import Run

MOST_POINTS = 3000
"""Coordinates that are drawn of all cells; of more, evenly chosen ones."""


@kept
def scatter(run: Run) -> pd.DataFrame:
    """Return mean against truth of coordinates at the largest N, with one standard error on either side.

    `attrs["notice"]` says if only some are kept.
    """
    whole = rows.whole(run.measurements)
    whole = whole[whole["sample_size"] == whole["sample_size"].max()]
    known = run.coordinates.drop_duplicates(["cell", "parameter", "index"])
    known = known[np.isfinite(known["truth"].to_numpy(float)) & known["cell"].isin(whole["cell"])]
    step = max(1, math.ceil(len(known) / MOST_POINTS))
    place = known.groupby("cell").cumcount()
    some = known[place % step == 0]
    found: pd.DataFrame = some.merge(whole[[*rows.CELL, "replicates", "nonfinite"]], on="cell")
    error = np.sqrt(found["variance"].astype(float) / (found["replicates"] - found["nonfinite"]))
    found = found.drop(columns=["replicates", "nonfinite"])
    found = found.assign(low=found["mean"] - error, high=found["mean"] + error)
    most = place.max() + 1
    notice = f"one in {step} of {most} coordinates is drawn" if step > 1 else ""
    found.attrs["notice"] = rows.noted(notice, run.thinned)
    return found
