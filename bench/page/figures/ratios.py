"""Every estimator against the control."""

from __future__ import annotations

from bench.page.figures.figure import Figure
from bench.page.figures.parts import (
    BEHIND,
    POINT,
    by_sample_size,
    dodged,
    estimator,
    logarithmic,
    names,
    tooltip,
    with_settings,
)


def forest() -> Figure:
    """Ratios to the control, with simultaneous intervals."""
    title = "ratio to the control"
    place = {"y": names(), "yOffset": dodged(), "color": estimator()}
    shown = tooltip("control", "metric", "ratio", "low", "high", "mark", "paired")
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
        "forest",
        "Ratios to the control: below 1 is better",
        "For each N and estimator the ratio to the control; all its intervals hold together with 95 %.",
        "ratios",
        ("ratio", "low", "high"),
        {
            "transform": with_settings(),
            "facet": by_sample_size(),
            "spec": {"width": 420, "layer": [one, rule, point]},
            "spacing": 6,
        },
        where={},
        switched=("metric",),
    )
