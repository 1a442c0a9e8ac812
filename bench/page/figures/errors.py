"""Bias, and what it adds to the mean squared error."""

from __future__ import annotations

from bench.page.figures.figure import Figure
from bench.page.figures.parts import BEHIND, POINT, SAMPLES, estimator, in_order, number, tooltip


def bias() -> Figure:
    """Bias with its interval, against the margin of equivalence, in units of the gradient."""
    names = ("bias", "bias_low", "bias_high")
    relative = "datum.truth_norm > 0 ? datum.{0} / datum.truth_norm : datum.{0}"
    scaled = [{"calculate": relative.format(name), "as": f"relative {name}"} for name in names]
    title, percent = "bias, as a part of the gradient's norm", {"axis": {"format": "%"}}
    place = {"x": in_order(SAMPLES), "xOffset": {"field": "estimator"}, "color": estimator()}
    margin = {
        "data": {"values": [{"low": -0.01, "high": 0.01}]},
        "mark": {"type": "rect", "color": BEHIND, "opacity": 0.15},
        "encoding": {"y": number("low", title, **percent), "y2": {"field": "high"}},
    }
    ends = {"y": number("relative bias_low", title, **percent), "y2": {"field": "relative bias_high"}}
    middle = {"y": number("relative bias", title, **percent), "shape": estimator()}
    shown = tooltip("bias", "bias_low", "bias_high", "verdict", "replicates")
    rule = {"mark": {"type": "rule", "strokeWidth": 1.5}, "encoding": {**place, **ends}}
    point = {"mark": POINT, "encoding": {**place, **middle, "tooltip": shown}}
    return Figure(
        "bias",
        "Bias, and the margin of 1 % within which it counts as none",
        "For each N and estimator the bias with its 95 % interval; the gray band is 1 % of the norm.",
        "measurements",
        names,
        {"layer": [margin, {"transform": scaled, **rule}, {"transform": scaled, **point}]},
    )


def error() -> Figure:
    """The mean squared error as a stack of squared bias and variance."""
    parts = ["variance", "squared bias"]
    split = [
        {"calculate": "max(0, datum.mse - datum.variance)", "as": "squared bias"},
        {"fold": parts, "as": ["part", "value"]},
    ]
    legend = {"title": None, "orient": "bottom"}
    return Figure(
        "error",
        "Mean squared error: variance and squared bias",
        "For each estimator and N two stacked bars: the variance and what the squared bias adds to it.",
        "measurements",
        ("mse", "variance"),
        {
            "transform": split,
            "mark": {"type": "bar"},
            "encoding": {
                "column": {"field": "sample_size", "type": "ordinal", "title": SAMPLES},
                "x": {"field": "estimator", "type": "nominal", "title": None, "axis": None},
                "y": number("value", "mean squared error"),
                "color": estimator(),
                "opacity": {
                    "field": "part",
                    "type": "ordinal",
                    "sort": parts,
                    "scale": {"domain": parts, "range": [0.55, 1]},
                    "legend": legend,
                },
                "tooltip": tooltip("mse", "mse_low", "mse_high", "part", "value"),
            },
            "resolve": {"scale": {"y": "independent"}},
        },
    )
