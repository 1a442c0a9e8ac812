"""Every estimator against the control, over all scenarios."""

from __future__ import annotations

from bench.page.figures.figure import Figure
from bench.page.figures.parts import BEHIND, POINT, estimator, logarithmic, tooltip


def means() -> Figure:
    """Geometric means of the ratios to the control, with what they are in single scenarios."""
    title = "geometric mean of the ratios to the control"
    y = {"field": "estimator", "type": "nominal", "title": None, "axis": {"labelLimit": 180}}
    place = {"y": y, "color": estimator()}
    shown = tooltip("control", "metric", "scenarios", "cells", "ratio", "low", "high", "least", "most")
    one = {
        "mark": {"type": "rule", "strokeDash": [3, 3], "color": BEHIND},
        "encoding": {"x": {"datum": 1, "type": "quantitative", "scale": {"type": "log"}}},
    }
    range_ = {
        "mark": {"type": "rule", "strokeWidth": 6, "opacity": 0.25},
        "encoding": {**place, "x": logarithmic("least", title), "x2": {"field": "most"}},
    }
    interval = {
        "mark": {"type": "rule", "strokeWidth": 2},
        "encoding": {**place, "x": logarithmic("low", title), "x2": {"field": "high"}},
    }
    point = {
        "mark": POINT,
        "encoding": {**place, "x": logarithmic("ratio", title), "shape": estimator(), "tooltip": shown},
    }
    return Figure(
        "means",
        "Over all problems: ratios to the control, below 1 is better",
        "For each estimator the geometric mean over scenarios with its interval, on a pale bar from the "
        "scenario with the smallest ratio to that with the largest.",
        "means",
        ("ratio", "low", "high"),
        {"height": {"step": 34}, "layer": [one, range_, interval, point]},
        where={},
        switched=("metric",),
    )
