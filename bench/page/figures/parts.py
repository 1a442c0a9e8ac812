"""What the figures of the page have in common: axes, colors, bands, what is shown on hovering."""

from __future__ import annotations

from typing import Any

from bench.page.figures.figure import Spec

POINT: Spec = {"type": "point", "filled": True, "size": 55}
BEHIND = "#8c8c8c"
"""The color of what is not data."""

SAMPLES = "samples per estimate, N"
_SPARSE = {"format": "~g", "labelOverlap": "greedy", "labelSeparation": 4}


def estimator() -> Spec:
    """A color, or a shape, for each estimator; the page puts in the scale, the same in every figure."""
    return {"field": "estimator", "type": "nominal", "legend": None}


def number(name: str, title: str, **more: Any) -> Spec:
    """An axis of numbers."""
    return {"field": name, "type": "quantitative", "title": title, **more}


def logarithmic(name: str, title: str) -> Spec:
    """A logarithmic axis, with few enough labels not to touch."""
    return number(name, title, scale={"type": "log"}, axis=_SPARSE)


def in_order(title: str) -> Spec:
    """An axis on which the sample sizes stand side by side."""
    return {"field": "sample_size", "type": "ordinal", "title": title, "axis": {"labelAngle": 0}}


def by_sample_size() -> Spec:
    """A row of its own for each sample size, with its name at the left."""
    header = {"labelAngle": 0, "labelAlign": "left", "labelExpr": "'N = ' + datum.value"}
    return {"row": {"field": "sample_size", "type": "ordinal", "title": None, "header": header}}


def tooltip(*names: str) -> list[Spec]:
    """What is shown on hovering: which cell it is, and these columns."""
    shown = ("estimator", "sample_size", "device", *names)
    return [{"field": name, "title": name.replace("_", " ")} for name in shown]


def banded(metric: str, title: str) -> list[Spec]:
    """A line through points, in a band from the lower to the upper ends of their intervals."""
    low, high = f"{metric}_low", f"{metric}_high"
    point = {"shape": estimator(), "tooltip": tooltip(metric, low, high, "replicates")}
    return [
        {
            "mark": {"type": "area", "opacity": 0.18},
            "encoding": {"y": number(low, title), "y2": {"field": high}},
        },
        {"mark": {"type": "line", "strokeWidth": 1.5}, "encoding": {"y": number(metric, title)}},
        {"mark": POINT, "encoding": {"y": number(metric, title), **point}},
    ]


def against_samples(*layers: Spec) -> Spec:
    """Layers above a logarithmic axis of sample sizes; devices have lines of their own."""
    x = logarithmic("sample_size", SAMPLES)
    return {"encoding": {"x": x, "color": estimator(), "detail": {"field": "device"}}, "layer": list(layers)}
