"""The same cells on several devices, or with several types of numbers."""

from __future__ import annotations

from bench.page.figures.figure import Figure
from bench.page.figures.parts import HOLLOW, below, by_sample_size, dodged, estimator, names, powers, tooltip


def devices() -> Figure:
    """Seconds, or variance, of each device side by side."""
    place = {"y": names(), "yOffset": dodged(), "color": estimator()}
    shape = {
        "field": "setting",
        "type": "nominal",
        "legend": {"title": None, "orient": "top", "symbolFillColor": "transparent", "labelLimit": 300},
    }
    rule = {
        "transform": [{"filter": "isValid(datum.low) && isValid(datum.high)"}],
        "mark": {"type": "rule", "strokeWidth": 1.5},
        "encoding": {**place, "x": powers("low", None), "x2": {"field": "high"}},
    }
    shown = tooltip("metric", "value", "low", "high")
    point = {
        "mark": HOLLOW,
        "encoding": {**place, "x": powers("value", None), "shape": shape, "tooltip": shown},
    }
    return Figure(
        "devices",
        "Devices and types of numbers side by side",
        "For each N and estimator a point for each device and type, with its 95 % interval: "
        "the seconds, or the variance, of one estimate.",
        "settings",
        ("value",),
        {
            "facet": by_sample_size(),
            "spec": {"width": 420, "layer": [rule, point]},
            "spacing": 6,
            "title": below("seconds, or variance, of one estimate"),
        },
        where={},
        positive=("value",),
        switched=("metric",),
        several="setting",
    )
