"""Variance, against N and times what it costs."""

from __future__ import annotations

from bench.page.figures.figure import Figure
from bench.page.figures.parts import against_samples, banded, exact_line, powers


def variance() -> Figure:
    """Variance against N, with bands, exact values and lines of slope −1."""
    title = "variance of one estimate"
    guide = {
        "data": {"name": "guides"},
        "mark": {"type": "line", "strokeDash": [2, 3], "strokeWidth": 1, "opacity": 0.7},
        "encoding": {"y": powers("guide", title)},
    }
    return Figure(
        "variance",
        "Variance against the number of samples",
        "A line for each estimator in its 95 % band, a thin one through the exact variance where that is "
        "known, and dotted lines that fall as one over N.",
        "measurements",
        ("variance",),
        against_samples(guide, *banded("variance", title), exact_line("variance", title)),
        logarithmic=("x", "y"),
        extra={"guides": "guides"},
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
