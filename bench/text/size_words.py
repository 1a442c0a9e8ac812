"""Sizes of estimates as text: N samples, or the evaluations of f that each may take."""

from __future__ import annotations

import pandas as pd

from bench.analysis.rows import are_granted

EVALUATIONS = "evaluations of f"


def size_said(frame: pd.DataFrame, sizes: str) -> str:
    """Return sizes that stand in `sample_size` of a frame, as text: `N = 10, 100`, `10 evaluations of f`."""
    return f"{sizes} {EVALUATIONS}" if are_granted(frame) else f"N = {sizes}"
