"""Variance against what it costs."""

from __future__ import annotations

from bench.page.figures.figure import Figure
from bench.page.figures.parts import BEHIND, POINT, estimator, powers, settings, tooltip

COST = ("cost of one estimate: seconds,", "or evaluations of f (not of its gradient)")


def frontier() -> Figure:
    """The Pareto frontier of variance and cost."""
    y = powers("variance", "variance of one estimate")
    front = {
        "transform": [{"filter": "datum.front"}],
        "mark": {
            "type": "line", "interpolate": "step-after", "strokeWidth": 4, "color": BEHIND, "opacity": 0.45,
        },
        "encoding": {"order": {"field": "value"}, "detail": settings()},
    }  # fmt: skip
    path = {"order": {"field": "sample_size"}, "color": estimator(), "detail": settings()}
    line = {"mark": {"type": "line", "strokeWidth": 1, "opacity": 0.4}, "encoding": path}
    faint = {"condition": {"test": "datum.front", "value": 1}, "value": 0.35}
    shown = tooltip("variance", "variance_low", "variance_high", "cost", "value", "front")
    place = {"color": estimator(), "shape": estimator(), "opacity": faint, "tooltip": shown}
    return Figure(
        "frontier",
        "Variance against cost: nothing measured is better than the frontier",
        "For each estimator a line through its sample sizes; to the left is cheaper, below is less noisy. "
        "The thick steps join the points that none of the run's estimators beats in both.",
        "costs",
        ("variance", "value"),
        {
            "encoding": {"x": powers("value", COST), "y": y},
            "layer": [front, line, {"mark": POINT, "encoding": place}],
        },
        where={},
        logarithmic=("x", "y"),
        switched=("cost",),
    )
