"""Blocks of parameters side by side."""

from __future__ import annotations

from bench.page.figures.figure import Figure
from bench.page.figures.parts import POWERS, number, tooltip, with_settings


def blocks() -> Figure:
    """Variance of each block of parameters, as a heat map."""
    whole = {"labelLimit": 180}  # on a phone too: blocks differ in the ends of their names
    tilted = {"labelAngle": -40, "labelLimit": 120}
    scale = {"type": "log", "scheme": "viridis"}
    legend = {
        "title": "variance",
        "labelExpr": POWERS,
        "tickCount": 4,
        "orient": "top",
        "gradientLength": 160,
    }
    encoding = {
        "x": {"field": "estimator", "type": "nominal", "title": None, "axis": tilted},
        "y": {"field": "parameter", "type": "nominal", "title": None, "sort": None, "axis": whole},
        "color": number("variance", "variance", scale=scale, legend=legend),
        "tooltip": tooltip("parameter", "variance", "variance_low", "variance_high"),
    }
    above = {"labelAnchor": "start", "labelExpr": "'N = ' + datum.value"}
    left = {"labelAngle": 0, "labelAlign": "left"}
    return Figure(
        "blocks",
        "Variance of each block of parameters",
        "A field for each block and estimator, in the color of its variance; one map for each N.",
        "measurements",
        ("variance",),
        {
            "transform": with_settings(),
            "facet": {
                "column": {"field": "sample_size", "type": "ordinal", "title": None, "header": above},
                "row": {"field": "setting", "type": "nominal", "title": None, "header": left},
            },
            "spec": {"mark": {"type": "rect"}, "height": {"step": 18}, "encoding": encoding},
            "spacing": 12,
        },
        where={"status": "ok"},
        positive=("variance",),
        several="parameter",
    )
