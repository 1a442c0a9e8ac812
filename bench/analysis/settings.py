"""Seconds and variance by device and type of numbers."""

from __future__ import annotations

import pandas as pd

from bench.analysis import rows
from bench.analysis.kept import kept
from bench.results.runs import Run


@kept
def settings(run: Run) -> pd.DataFrame:
    """Return seconds and variance of one estimate, in a row each, by device and type of numbers in words."""
    whole = rows.whole(run.measurements)
    whole = whole[whole["status"] == "ok"].reset_index(drop=True)
    cells = whole[rows.CELL].assign(setting=rows.device_and_dtype(whole))
    found = [
        cells.assign(
            metric=metric, value=whole[metric], low=whole[f"{metric}_low"], high=whole[f"{metric}_high"]
        )
        for metric in ("seconds", "variance")
    ]
    return pd.concat(found, ignore_index=True)
