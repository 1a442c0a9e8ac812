"""Variance, against N and against what it costs."""

from __future__ import annotations

from bench.page.figures.figure import Figure
from bench.page.figures.parts import POINT, against_samples, banded, estimator, logarithmic, number, tooltip


def variance() -> Figure:
    """Variance against N, with bands and lines of slope −1."""
    title = "variance of one estimate"
    guide = {
        "data": {"name": "guides"},
        "mark": {"type": "line", "strokeDash": [2, 3], "strokeWidth": 1, "opacity": 0.7},
        "encoding": {"y": number("guide", title)},
    }
    return Figure(
        "variance",
        "Variance against the number of samples",
        "A line for each estimator in its 95 % band, and dotted lines that fall as one over N.",
        "measurements",
        ("variance", "variance_low", "variance_high"),
        against_samples(guide, *banded("variance", title)),
        logarithmic=("x", "y"),
        extra={"guides": "guides"},
    )


def frontier() -> Figure:
    """Variance against what an estimate costs."""
    line = {"mark": {"type": "line", "strokeWidth": 1.2}, "encoding": {"order": {"field": "sample_size"}}}
    shown = tooltip("variance", "variance_low", "variance_high", "seconds", "evaluations")
    return Figure(
        "frontier",
        "Variance against time: nobody is better than the lowest line",
        "For each estimator a line through its sample sizes; to the left is faster, below is less noisy.",
        "measurements",
        ("variance", "seconds"),
        {
            "encoding": {
                "x": logarithmic("seconds", "seconds of one estimate"),
                "y": number("variance", "variance of one estimate"),
                "color": estimator(),
                "detail": {"field": "device"},
            },
            "layer": [line, {"mark": POINT, "encoding": {"shape": estimator(), "tooltip": shown}}],
        },
        logarithmic=("x", "y"),
    )


def work() -> Figure:
    """Variance times seconds against N."""
    name, title = "work_normalized_variance", "variance × seconds"
    return Figure(
        "work",
        "Variance × time: what a fixed budget of time makes of the error",
        "A line for each estimator in its 95 % band; lower is better at any budget of time.",
        "measurements",
        (name, f"{name}_low", f"{name}_high"),
        against_samples(*banded(name, title)),
        logarithmic=("x", "y"),
    )
