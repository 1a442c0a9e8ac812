"""Every estimator against the control."""

from __future__ import annotations

from bench.page.figures.figure import Figure
from bench.page.figures.parts import forest_of


def forest() -> Figure:
    """Ratios to the control, with simultaneous intervals."""
    return Figure(
        "forest",
        "Ratios to the control: below 1 is better",
        "For each N and estimator the ratio to the control; all its intervals hold together with 95 %.",
        "ratios",
        ("ratio", "low", "high"),
        forest_of("ratio to the control", "control", "metric", "ratio", "low", "high", "mark", "paired"),
        where={},
        switched=("metric",),
    )
