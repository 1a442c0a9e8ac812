"""What has changed since the first run."""

from __future__ import annotations

from bench.page.figures.figure import Figure
from bench.page.figures.parts import BEHIND, POINT, by_sample_size, estimator, logarithmic, tooltip


def changes() -> Figure:
    """Ratios of a later run to the first, with simultaneous intervals."""
    title = "ratio to the first run"
    y = {"field": "estimator", "type": "nominal", "title": None, "axis": {"labelLimit": 180}}
    place = {"y": y, "color": estimator()}
    shown = tooltip("run", "against", "metric", "ratio", "low", "high", "mark", "paired")
    one = {
        "mark": {"type": "rule", "strokeDash": [3, 3], "color": BEHIND},
        "encoding": {"x": {"datum": 1, "type": "quantitative", "scale": {"type": "log"}}},
    }
    rule = {
        "mark": {"type": "rule", "strokeWidth": 1.5},
        "encoding": {**place, "x": logarithmic("low", title), "x2": {"field": "high"}},
    }
    point = {
        "mark": POINT,
        "encoding": {**place, "x": logarithmic("ratio", title), "shape": estimator(), "tooltip": shown},
    }
    return Figure(
        "changes",
        "What has changed since the first run: below 1 is better now",
        "For each N and estimator the ratio to the same cell of the first run; all intervals hold together.",
        "changes",
        ("ratio", "low", "high"),
        {"facet": by_sample_size(), "spec": {"width": 420, "layer": [one, rule, point]}, "spacing": 6},
        where={},
        switched=("run", "metric"),
    )
