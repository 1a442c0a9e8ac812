"""On how many problems an estimator is nearly the best."""

from __future__ import annotations

from bench.page.figures.figure import Figure
from bench.page.figures.parts import estimator, logarithmic, number, tooltip


def profile() -> Figure:
    """A performance profile: Dolan & Moré (2002)."""
    share = number("share", "share of problems", scale={"domain": [0, 1]}, axis={"format": "%"})
    encoding = {
        "x": logarithmic("factor", "within so many times the best"),
        "y": share,
        "color": estimator(),
        "order": {"field": "factor"},
        "tooltip": tooltip("factor", "share", "problems"),
    }
    return Figure(
        "profile",
        "Performance profile: on how many problems is an estimator nearly the best?",
        "For each estimator the share of problems on which it is within a factor of the best one: the higher "
        "a line, the more often; at factor 1, how often it is the best itself.",
        "profile",
        ("factor", "share"),
        {"mark": {"type": "line", "interpolate": "step-after", "strokeWidth": 1.8}, "encoding": encoding},
        where={},
        switched=("metric",),
        several="estimator",
    )
