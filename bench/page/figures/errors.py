"""Bias, and what it adds to the mean squared error."""

from __future__ import annotations

from bench.page.figures.figure import Figure
from bench.page.figures.parts import (
    BEHIND,
    PLAIN,
    POINT,
    SAMPLES,
    below,
    by_sample_size,
    dodged,
    estimator,
    in_order,
    names,
    number,
    tooltip,
    with_settings,
)


def bias() -> Figure:
    """Bias with its interval, against the margin of equivalence, in units of the gradient."""
    columns = ("bias", "bias_low", "bias_high")
    relative = "datum.truth_norm > 0 ? datum.{0} / datum.truth_norm : datum.{0}"
    scaled = [{"calculate": relative.format(name), "as": f"relative {name}"} for name in columns]
    scaled.append({"calculate": "datum.estimator + '\\t' + datum.device + ' ' + datum.dtype", "as": "lane"})
    title, percent = "bias, as a part of the gradient's norm", {"axis": {"format": "%"}}
    place = {"x": in_order(SAMPLES), "xOffset": {"field": "lane", "sort": "ascending"}, "color": estimator()}
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
        columns,
        {"layer": [margin, {"transform": scaled, **rule}, {"transform": scaled, **point}]},
    )


def error() -> Figure:
    """The mean squared error as the variance, and the squared bias on top of it."""
    title = "mean squared error: variance + squared bias"
    share = "datum.sum > 0 ? (datum.sum - datum.variance) / datum.sum : 0"
    part = "datum['bias share'] < 0.01 ? '' : ' bias² ' + format(100 * datum['bias share'], '.0f') + ' %'"
    split = [
        {"calculate": "max(datum.mse, datum.variance)", "as": "sum"},
        {"calculate": share, "as": "bias share"},
        {"calculate": f"datum.setting + ({part})", "as": "said"},
    ]
    columns = ("mse", "mse_low", "mse_high", "variance", "bias share")
    place = {"y": names(), "yOffset": dodged(), "tooltip": tooltip(*columns)}
    axis = {"axis": {"tickCount": 4, "labelExpr": PLAIN}}
    noise = {
        "mark": {"type": "bar", "opacity": 0.75},
        "encoding": {**place, "x": number("variance", None, **axis), "color": estimator()},
    }
    squared_bias = {
        "mark": {"type": "bar", "style": "ink"},
        "encoding": {**place, "x": number("variance", None, **axis), "x2": {"field": "sum"}},
    }
    words = {
        "mark": {"type": "text", "align": "left", "dx": 4, "style": "words"},
        "encoding": {
            **place,
            "x": number("sum", None, **axis),
            "text": {"field": "said"},
        },
    }
    return Figure(
        "error",
        "Mean squared error: variance and squared bias",
        "For each N and estimator a bar of the variance, and on its end, in the color of the text, the "
        "squared bias; beside it its part of the sum, if that is 1 % or more. Each N has a scale of its own.",
        "measurements",
        ("mse", "variance"),
        {
            "facet": by_sample_size(),
            "spec": {"width": 420, "height": {"step": 18}, "layer": [noise, squared_bias, words]},
            "transform": [*with_settings(), *split],
            "spacing": 10,
            "title": below(title),
            "resolve": {"scale": {"x": "independent"}},
        },
    )
