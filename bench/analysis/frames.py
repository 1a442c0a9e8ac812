"""The frames of a run, by name."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from bench.analysis.budgets import budgets_of
from bench.analysis.costs import costs
from bench.analysis.curves import along
from bench.analysis.guides import guides
from bench.analysis.rates import rate_fits
from bench.analysis.ratios import ratios
from bench.analysis.scatter import scatter
from bench.analysis.settings import settings
from bench.analysis.spread import spread
from bench.results.runs import Run

FRAMES: dict[str, Callable[[Run], pd.DataFrame]] = {
    "measurements": lambda run: run.measurements,
    "ratios": ratios,
    "guides": guides,
    "spread": spread,
    "coordinates": scatter,
    "costs": costs,
    "rates": rate_fits,
    "settings": settings,
    "along": along,
    "budget": budgets_of,
}
"""Name -> the function that gives the frame, once for each run."""


def frames_of(run: Run) -> tuple[dict[str, pd.DataFrame], dict[str, str]]:
    """Return all frames of a run, and for those that keep only some rows what a reader must know of it."""
    frames = {name: make(run) for name, make in FRAMES.items()}
    notices = {name: frame.attrs["notice"] for name, frame in frames.items() if "notice" in frame.attrs}
    return frames, notices
