"""How fast the variance falls with N."""

from __future__ import annotations

from bench.page.figures.figure import Figure
from bench.page.figures.parts import BEHIND, POINT, dodged, estimator, names, number, settings


def rate() -> Figure:
    """The fitted power of N of each estimator, against −1."""
    title = "power of N"
    place = {"y": names(), "yOffset": dodged(), "color": estimator(), "detail": settings()}
    columns = ("estimator", "device", "dtype", "slope", "low", "high", "verdict", "lack_of_fit")
    shown = [{"field": name, "title": name.replace("_", " ")} for name in columns]
    x = {"scale": {"zero": False}, "axis": {"tickCount": 5}}
    expected = {
        "data": {"values": [{"slope": -1}]},
        "mark": {"type": "rule", "strokeDash": [4, 4], "color": BEHIND},
        "encoding": {"x": number("slope", title, **x)},
    }
    rule = {
        "mark": {"type": "rule", "strokeWidth": 1.5},
        "encoding": {**place, "x": number("low", title, **x), "x2": {"field": "high"}},
    }
    point = {
        "mark": {**POINT, "size": 80},
        "encoding": {**place, "x": number("slope", title, **x), "shape": estimator(), "tooltip": shown},
    }
    words = {
        "mark": {"type": "text", "dy": -9, "fontSize": 10.5, "style": "words"},
        "encoding": {
            "y": place["y"],
            "yOffset": place["yOffset"],
            "x": number("slope", title, **x),
            "text": {"field": "setting"},
        },
    }
    return Figure(
        "rate",
        "How fast the variance falls: as 1/N on the dashed line",
        "For each estimator the fitted slope of log variance against log N, with its 95 % interval; "
        "an average of independent terms has −1.",
        "rates",
        ("slope", "low", "high"),
        {"autosize": {"type": "fit-x", "contains": "padding"}, "layer": [expected, rule, point, words]},
        where={},
    )
