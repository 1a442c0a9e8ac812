"""Single estimates, and single coordinates."""

from __future__ import annotations

from bench.page.figures.figure import Figure, Spec
from bench.page.figures.parts import BEHIND, POINT, by_sample_size, estimator, number, powers, tooltip

MOST_FLAGS = 6
"""Heavy tails of one N that are told in words."""

_TITLE = "squared deviation, in multiples of the variance"


def spread() -> Figure:
    """How the squared deviations of single estimates are distributed, with heavy tails flagged."""
    share = {**number("share", "share"), "title": None, "axis": {"format": "%", "tickCount": 3}}
    color = {"color": estimator(), "detail": {"field": "cell"}}
    line = {
        "mark": {"type": "line", "interpolate": "step-after", "strokeWidth": 1.2},
        "encoding": {
            "x": powers("low", _TITLE), "y": share, "strokeDash": estimator(), **color,
            "tooltip": tooltip("low", "high", "count", "share"),
        },
    }  # fmt: skip
    return Figure(
        "spread",
        "How single estimates are spread: a long tail makes every variance uncertain",
        "For each N the share of the estimates whose squared deviation is so many times the variance. The "
        "points below are the largest deviations, in full where the tail is heavy: the variance has fewer "
        "than 50 effective degrees of freedom, or a single estimate carries more than 5 % of it.",
        "spread",
        ("low", "share"),
        {
            "facet": by_sample_size(),
            "spec": {"width": 420, "height": 80, "layer": [line, _largest(), _flags()]},
            "spacing": 6,
        },
        where={},
    )


def _largest() -> Spec:
    """The largest squared deviation of each cell, on the axis."""
    return {
        "transform": [{"filter": "isValid(datum.largest)"}],
        "mark": POINT,
        "encoding": {
            "x": powers("largest", _TITLE), "y": {"datum": 0, "type": "quantitative"},
            "color": estimator(), "shape": estimator(),
            "opacity": {"condition": {"test": "datum.heavy", "value": 1}, "value": 0.35},
            "tooltip": tooltip("largest", "kurtosis", "flag"),
        },
    }  # fmt: skip


def _flags() -> Spec:
    """The words about heavy tails, below one another in the corner; where it is narrow the heaviest only."""
    seen = "child_width > 300 || datum.place == 0 ? 1 : 0"
    words = {"type": "text", "align": "right", "baseline": "top", "fontSize": 10.5}
    return {
        "transform": [{"filter": f"datum.heavy && datum.place < {MOST_FLAGS}"}],
        "mark": {**words, "dx": -4, "dy": {"expr": "4 + 12 * datum.place"}, "opacity": {"expr": seen}},
        "encoding": {
            "x": {"value": "width"},
            "y": {"value": 0},
            "text": {"field": "flag"},
            "color": estimator(),
        },
    }


def scatter() -> Figure:
    """Mean against truth of single coordinates, with standard errors."""
    near = {"scale": {"zero": False}, "axis": {"tickCount": 5}}
    x, title = number("truth", "truth", **near), "mean estimate ± its standard error"
    diagonal = {
        "mark": {"type": "line", "color": BEHIND, "strokeWidth": 1, "strokeDash": [3, 3]},
        "encoding": {"x": x, "y": number("truth", title, **near)},
    }
    error = {
        "mark": {"type": "rule", "strokeWidth": 1, "opacity": 0.4},
        "encoding": {
            "x": x,
            "y": number("low", title, **near),
            "y2": {"field": "high"},
            "color": estimator(),
        },
    }
    point = {
        "mark": {"type": "point", "filled": True, "size": 18, "opacity": 0.5},
        "encoding": {
            "x": x,
            "y": number("mean", title, **near),
            "color": estimator(),
            "tooltip": tooltip("parameter", "index", "truth", "mean", "low", "high", "variance"),
        },
    }
    return Figure(
        "scatter",
        "Mean estimate against truth, coordinate by coordinate",
        "A point for each coordinate of the gradient at the largest N, with a line of one standard error "
        "to either side; on the dashed line the mean is right.",
        "coordinates",
        ("truth", "mean"),
        {"layer": [diagonal, error, point]},
        where={},
        several="truth",
    )
