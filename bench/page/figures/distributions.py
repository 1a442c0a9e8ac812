"""Single estimates, and single coordinates."""

from __future__ import annotations

from bench.page.figures.figure import Figure
from bench.page.figures.parts import BEHIND, by_sample_size, estimator, logarithmic, number, tooltip


def spread() -> Figure:
    """How the squared deviations of single estimates are distributed."""
    share = {**number("share", "share"), "title": None, "axis": {"format": "%", "tickCount": 3}}
    encoding = {
        "x": logarithmic("low", "squared deviation, in multiples of the variance"),
        "y": share,
        "color": estimator(),
        "tooltip": tooltip("low", "high", "count", "share"),
    }
    line = {"mark": {"type": "line", "interpolate": "step-after", "strokeWidth": 1.2}, "encoding": encoding}
    return Figure(
        "spread",
        "How single estimates are spread: a long tail makes every variance uncertain",
        "For each N the share of the estimates whose squared deviation is so many times the variance.",
        "spread",
        ("low", "share"),
        {"facet": by_sample_size(), "spec": {"width": 420, "height": 80, **line}, "spacing": 6},
        where={},
    )


def scatter() -> Figure:
    """Mean against truth of single coordinates."""
    x, title = number("truth", "truth"), "mean estimate"
    diagonal = {
        "mark": {"type": "line", "color": BEHIND, "strokeWidth": 1, "strokeDash": [3, 3]},
        "encoding": {"x": x, "y": number("truth", title)},
    }
    point = {
        "mark": {"type": "point", "filled": True, "size": 18, "opacity": 0.5},
        "encoding": {
            "x": x,
            "y": number("mean", title),
            "color": estimator(),
            "tooltip": tooltip("parameter", "index", "truth", "mean", "variance"),
        },
    }
    return Figure(
        "scatter",
        "Mean estimate against truth, coordinate by coordinate",
        "A point for each coordinate of the gradient at the largest N; on the dashed line the mean is right.",
        "coordinates",
        ("truth", "mean"),
        {"layer": [diagonal, point]},
        where={},
        several="truth",
    )
