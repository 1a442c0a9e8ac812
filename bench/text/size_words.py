"""Sizes of estimates in words: N samples, or the evaluations of f that each may take."""

from __future__ import annotations

import pandas as pd

EVALUATIONS = "evaluations of f"


def are_granted(frame: pd.DataFrame) -> bool:
    """Whether the sizes of some rows are evaluations of f that an estimate may take."""
    return "granted" in frame and bool(frame["granted"].notna().any())


def size_said(frame: pd.DataFrame, sizes: str) -> str:
    """Return sizes that stand in `sample_size` of a frame, as text: `N = 10, 100`, `10 evaluations of f`."""
    return f"{sizes} {EVALUATIONS}" if are_granted(frame) else f"N = {sizes}"
