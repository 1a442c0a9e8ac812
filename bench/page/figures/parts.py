"""What the figures of the page have in common: axes, colors, bands, what is shown on hovering."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.page.figures.figure import Spec

POINT: Spec = {"type": "point", "filled": True, "size": 55}
HOLLOW: Spec = {"type": "point", "filled": False, "size": 55, "strokeWidth": 1.6}
"""A point through which one beneath it is seen."""

BEHIND = "#8c8c8c"
"""The color of what is not data."""

SAMPLES = "samples per estimate, N"

Title = str | Sequence[str] | None

# Vega leaves the labels of superfluous ticks empty: of a long axis it names the powers of ten only.
_NAMED = {"condition": {"test": "datum.label != ''", "value": 1}, "value": 0}
_FEW = {"grid": True, "tickCount": 5, "gridOpacity": _NAMED, "labelOverlap": "greedy", "labelSeparation": 4}
_LOG = {"type": "log", "nice": False, "padding": 12}
_EXPONENT = "floor(log(datum.value) / LN10 + 1e-9)"
_DIGITS = f"format(datum.value / pow(10, {_EXPONENT}), '.2~f')"
_DIGIT = "substring('⁰¹²³⁴⁵⁶⁷⁸⁹', {0}, {0} + 1)"
_TENS, _ONES = f"floor(abs({_EXPONENT}) / 10)", f"abs({_EXPONENT}) % 10"
_RAISED = f"({_EXPONENT} < 0 ? '⁻' : '') + ({_TENS} ? {_DIGIT.format(_TENS)} : '') + {_DIGIT.format(_ONES)}"
_POWER = f"({_DIGITS} == '1' ? '' : {_DIGITS} + '·') + '10' + {_RAISED}"
POWERS = f"datum.label == '' || !(datum.value > 0) ? datum.label : {_POWER}"
"""A label as a power of ten: 10⁻⁵, or 2·10⁻⁵."""
ORDINARY = (
    "datum.label == '' ? '' : datum.value >= 1e-3 && datum.value < 1e6"
    f" ? format(datum.value, '.6~r') : ({POWERS})"
)
"""A label as an ordinary number, if it has few digits."""
PLAIN = (
    "datum.value == 0 || abs(datum.value) >= 1e-6 && abs(datum.value) < 1e6"
    f" ? format(datum.value, '.6~r') : ({_POWER})"
)
"""A label of a linear axis that is positive."""


def estimator() -> Spec:
    """A color, a shape or dashes for each estimator; the page puts in the scale, the same in every figure."""
    return {"field": "estimator", "type": "nominal", "legend": None}


def settings() -> list[Spec]:
    """What sets apart lines of one estimator."""
    return [{"field": "device"}, {"field": "dtype"}]


def dodged() -> Spec:
    """A lane for each setting within the place of an estimator."""
    return {"field": "setting", "sort": "ascending", "scale": {"paddingInner": 0.15}}


def with_settings() -> list[Spec]:
    """Adds a column `setting`: device and type of numbers, where they vary among the rows."""
    kinds = [{"op": "distinct", "field": name, "as": f"{name}s"} for name in ("device", "dtype")]
    words = (
        "(datum.devices > 1 ? datum.device : '') + (datum.devices > 1 && datum.dtypes > 1 ? ', ' : '')"
        " + (datum.dtypes > 1 ? datum.dtype : '')"
    )
    return [{"joinaggregate": kinds}, {"calculate": words, "as": "setting"}]


def number(name: str, title: Title, **more: Any) -> Spec:
    """An axis of numbers."""
    return {"field": name, "type": "quantitative", "title": title, **more}


def logarithmic(name: str, title: Title) -> Spec:
    """A logarithmic axis of plain numbers, with few enough labels not to touch."""
    return number(name, title, scale=_LOG, axis={**_FEW, "labelExpr": ORDINARY})


def powers(name: str, title: Title) -> Spec:
    """A logarithmic axis whose labels are powers of ten."""
    return number(name, title, scale=_LOG, axis={**_FEW, "labelExpr": POWERS})


def in_order(title: str) -> Spec:
    """An axis on which the sample sizes stand side by side."""
    return {"field": "sample_size", "type": "ordinal", "title": title, "axis": {"labelAngle": 0}}


def by_sample_size() -> Spec:
    """A row of its own for each sample size, under its name."""
    header = {
        "labelOrient": "top", "labelAnchor": "start", "labelExpr": "'N = ' + datum.value", "labelPadding": 4,
    }  # fmt: skip
    return {"row": {"field": "sample_size", "type": "ordinal", "title": None, "header": header}}


def names() -> Spec:
    """An axis of the estimators' names."""
    return {"field": "estimator", "type": "nominal", "title": None}


def below(title: str) -> Spec:
    """One title below all rows of a figure, where each has an axis of its own."""
    return {"text": title, "orient": "bottom", "anchor": "middle", "offset": 8}


def tooltip(*names: str) -> list[Spec]:
    """What is shown on hovering: which cell it is, and these columns."""
    shown = ("estimator", "sample_size", "device", "dtype", *names)
    return [{"field": name, "title": name.replace("_", " ")} for name in shown]


def banded(metric: str, title: str) -> list[Spec]:
    """A line through points, in a band from the lower to the upper ends of their intervals."""
    low, high = f"{metric}_low", f"{metric}_high"
    point = {"shape": estimator(), "tooltip": tooltip(metric, low, high, "replicates")}
    line = {"y": powers(metric, title), "strokeDash": estimator()}
    return [
        {
            # Where there is no interval the band has no width: without any row the axis would have no ends.
            "transform": [
                {"calculate": f"datum.{low} > 0 ? datum.{low} : datum.{metric}", "as": "lower"},
                {"calculate": f"isNumber(datum.{high}) ? datum.{high} : datum.{metric}", "as": "upper"},
            ],
            "mark": {"type": "area", "opacity": 0.18},
            "encoding": {"y": powers("lower", title), "y2": {"field": "upper"}},
        },
        {"mark": {"type": "line", "strokeWidth": 1.5}, "encoding": line},
        {"mark": HOLLOW, "encoding": {"y": powers(metric, title), **point}},
    ]


def exact_line(metric: str, title: str) -> Spec:
    """A thin line through the values that are known without sampling, where there are any."""
    known = f"datum.{metric}_exact > 0"
    return {
        "transform": [{"calculate": f"{known} ? datum.{metric}_exact : datum.{metric}", "as": "exact"}],
        "mark": {"type": "line", "strokeWidth": 0.8},
        "encoding": {
            "y": powers("exact", title),
            "strokeDash": {"value": [1, 0]},
            "opacity": {"condition": {"test": known, "value": 0.9}, "value": 0},
        },
    }


def ratio_layers(title: str, *shown: str) -> list[Spec]:
    """Ratios with their intervals, an estimator a row, and a line at 1."""
    place = {"y": names(), "color": estimator()}
    one = {
        "mark": {"type": "rule", "strokeDash": [3, 3], "color": BEHIND},
        "encoding": {"x": {"datum": 1, "type": "quantitative", "scale": {"type": "log"}}},
    }
    rule = {
        "mark": {"type": "rule", "strokeWidth": 1.5},
        "encoding": {**place, "x": logarithmic("low", title), "x2": {"field": "high"}},
    }
    ratio = {"x": logarithmic("ratio", title), "shape": estimator(), "tooltip": tooltip(*shown)}
    return [one, rule, {"mark": POINT, "encoding": {**place, **ratio}}]


def forest_of(title: str, *shown: str) -> Spec:
    """Ratios in a panel for each sample size, devices and dtypes in lanes of their own."""
    one, *layers = ratio_layers(title, *shown)
    for layer in layers:
        layer["encoding"]["yOffset"] = dodged()
    return {
        "transform": with_settings(),
        "facet": by_sample_size(),
        "spec": {"width": 420, "layer": [one, *layers]},
        "spacing": 6,
    }


def against_samples(*layers: Spec) -> Spec:
    """Layers above a logarithmic axis of sample sizes; devices and dtypes have lines of their own."""
    x = logarithmic("sample_size", SAMPLES)
    return {"encoding": {"x": x, "color": estimator(), "detail": settings()}, "layer": list(layers)}
