"""What has changed since the first run."""

from __future__ import annotations

from bench.page.figures.figure import Figure
from bench.page.figures.parts import forest_of


def changes() -> Figure:
    """Ratios of a later run to the first, with simultaneous intervals."""
    return Figure(
        "changes",
        "What has changed since the first run: below 1 is better now",
        "For each N and estimator the ratio to the same cell of the first run; all intervals hold together.",
        "changes",
        ("ratio", "low", "high"),
        forest_of("ratio to the first run", "run", "against", "metric", "ratio", "low", "high", "mark"),
        where={},
        switched=("run", "metric", "problem"),
    )
