"""Blocks of parameters side by side."""

from __future__ import annotations

from bench.page.figures.figure import Figure
from bench.page.figures.parts import SAMPLES, number, tooltip


def blocks() -> Figure:
    """Variance of each block of parameters, as a heat map."""
    tilted = {"labelAngle": -40, "labelLimit": 140}
    color = number(
        "variance",
        "variance",
        scale={"type": "log", "scheme": "viridis"},
        legend={"title": "variance", "format": "~g"},
    )
    encoding = {
        "x": {"field": "estimator", "type": "nominal", "title": None, "axis": tilted},
        "y": {"field": "parameter", "type": "nominal", "title": None, "sort": None},
        "color": color,
        "tooltip": tooltip("parameter", "variance", "variance_low", "variance_high"),
    }
    return Figure(
        "blocks",
        "Variance of each block of parameters",
        "A field for each block and estimator, in the color of its variance; one map for each N.",
        "measurements",
        ("variance",),
        {
            "facet": {"column": {"field": "sample_size", "type": "ordinal", "title": SAMPLES}},
            "spec": {"mark": {"type": "rect"}, "encoding": encoding},
        },
        where={"status": "ok"},
        positive=("variance",),
        several="parameter",
    )
