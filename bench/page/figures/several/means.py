"""Every estimator against the control, over all problems."""

from __future__ import annotations

from bench.page.figures.figure import Figure
from bench.page.figures.parts import estimator, logarithmic, names, ratio_layers


def means() -> Figure:
    """Geometric means of the ratios to the control, with what they are in single scenarios."""
    title = "geometric mean of the ratios to the control"
    shown = ("control", "metric", "scenarios", "cells", "ratio", "low", "high", "least", "most")
    range_ = {
        "mark": {"type": "rule", "strokeWidth": 6, "opacity": 0.25},
        "encoding": {
            "y": names(), "color": estimator(), "x": logarithmic("least", title), "x2": {"field": "most"},
        },
    }  # fmt: skip
    return Figure(
        "means",
        "Over all problems: ratios to the control, below 1 is better",
        "For each estimator the geometric mean over scenarios with its interval, on a pale bar from the "
        "scenario with the smallest ratio to that with the largest.",
        "means",
        ("ratio", "low", "high"),
        {"height": {"step": 34}, "layer": [range_, *ratio_layers(title, *shown)]},
        where={},
        switched=("metric",),
    )
