"""The frames of a run, by name."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from bench.analysis.budgets import budgets_of
from bench.analysis.costs import costs, settings
from bench.analysis.rates import rate_fits
from bench.analysis.ratios import ratios
from bench.analysis.scatter import scatter
from bench.analysis.spread import spread
from bench.analysis.sweeps import along
from bench.results.runs import Run

FRAMES: dict[str, Callable[[Run], pd.DataFrame]] = {
    "measurements": lambda run: run.measurements,
    "ratios": ratios,
    "spread": spread,
    "coordinates": scatter,
    "costs": costs,
    "rates": rate_fits,
    "settings": settings,
    "along": along,
    "budget": budgets_of,
}
"""Name -> the function that gives the frame, once for each run."""
