"""Curves along the options over which a scenario ranges."""

from __future__ import annotations

import math

import pandas as pd

from bench.analysis import rows
from bench.analysis.kept import kept
from bench.analysis.sweeps import in_words
from bench.results.runs import Run


@kept
def along(run: Run) -> pd.DataFrame:
    """Return variance, bias and signal to noise against each number over which the scenario ranges.

    The other options are fixed.

    Columns: `option`, its `value`, the other options as `rest`, and those of a cell with its variance.
    """
    measurements = run.measurements
    whole = rows.measured(rows.whole(measurements), "variance")
    swept = [name for name in measurements.columns if "." in name]
    numbers = [name for name in swept if whole[name].dtype.kind == "f" and whole[name].nunique() > 1]
    metrics = [f"{name}{end}" for name in ("variance", "bias", "snr") for end in ("", "_low", "_high")]
    known = whole[[*rows.CELL, *metrics, "variance_exact", "truth_norm", "replicates"]]
    found = []
    for name in numbers:
        others = [other for other in swept if other != name]
        rest = [in_words(others, row) for row in whole[others].itertuples(index=False, name=None)]
        found.append(known.assign(option=name, value=whole[name], rest=rest or ""))
    empty = known.assign(option="", value=math.nan, rest="")[:0]
    return pd.concat(found, ignore_index=True) if found else empty
